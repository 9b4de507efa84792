//! Login links: where an Express seller finds the dashboard. The sandbox has none; the link leads to a page that
//! says so.

use crate::json::json;

use crate::protocol::{
    call::{Answer, Call},
    error::StripeError,
    route::Route,
};

pub(crate) const ROUTES: &[Route] = &[Route::post("/v1/accounts/{account}/login_links", create)];

fn create(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    if account.controller.dashboard != "express" {
        let message = format!(
            "Cannot create a login link for an account that is not an Express account: {}",
            account.id
        );
        return Err(StripeError::refused("account_invalid", message));
    }
    if !account.details_submitted {
        let message = "Cannot create a login link for an account that has not completed onboarding.";
        return Err(StripeError::refused("account_onboarding_incomplete", message));
    }
    let link = call.tx.new_id("lgl");
    let token = call.tx.secret_for(&link, 16);
    let url = format!("{}/express/{}/{token}", call.public_url, account.id);
    Ok(json!({ "object": "login_link", "created": call.tx.now(), "url": url }))
}
