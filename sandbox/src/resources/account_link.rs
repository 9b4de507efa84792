//! Account links: no id, good for one visit, gone after five minutes.
//!
//! The visit turns the link into an onboarding session, in which the seller may take longer.

use serde::{Deserialize, Serialize};

use crate::{
    json::json,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        route::Route,
    },
    store::{Record, Tx},
};

pub(crate) const ROUTES: &[Route] = &[Route::post("/v1/account_links", create)];

/// How long a seller may take over the form.
const SESSION_MS: i64 = 60 * 60 * 1000;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AccountLink {
    /// The secret part of its URL.
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) refresh_url: String,
    pub(crate) return_url: String,
    pub(crate) expires_at: i64,
    pub(crate) used: bool,
}

impl Record for AccountLink {
    const NOUN: &'static str = "account link";

    fn id(&self) -> &str {
        &self.token
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

/// A seller at the form.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OnboardingSession {
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) refresh_url: String,
    pub(crate) return_url: String,
    pub(crate) until_ms: i64,
}

impl Record for OnboardingSession {
    const NOUN: &'static str = "onboarding session";

    fn id(&self) -> &str {
        &self.token
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. For whom, and where the seller goes afterwards.
    let id = call.params.required("account")?;
    let kind = call.params.required("type")?;
    if !["account_onboarding", "account_update"].contains(&kind.as_str()) {
        let message = "Invalid type: must be one of account_onboarding or account_update";
        return Err(StripeError::invalid(message, "type"));
    }
    let refresh_url = url(call, "refresh_url")?;
    let return_url = url(call, "return_url")?;
    let fields = &["currently_due", "eventually_due"];
    call.params.choice("collect", fields)?;
    if let Some(mut options) = call.params.hash("collection_options")? {
        options.choice("fields", fields)?;
        options.choice("future_requirements", &["include", "omit"])?;
        options.finish()?;
    }
    call.finish()?;
    let account = call.account(&id)?;
    if account.is_platform() {
        return Err(StripeError::invalid("You cannot create account links for your own account.", "account"));
    }
    if kind == "account_update" && account.controller.requirement_collection == "stripe" {
        let message = "You cannot create `account_update` type Account Links for this account. You can only create \
                       Account Links of this type when you are responsible for collecting requirements.";
        return Err(StripeError::invalid(message, "type"));
    }

    // 2. One link.
    let (now, lifetime) = (call.tx.now(), call.tx.settings().account_link_seconds);
    let token = call.tx.new_id("alink");
    let token = call.tx.secret_for(&token, 32);
    let url = format!("{}/setup/e/{}/{token}", call.public_url, account.id);
    let expires_at = now + lifetime;
    call.tx.put(AccountLink { token, account: account.id, refresh_url, return_url, expires_at, used: false });
    Ok(json!({ "object": "account_link", "created": now, "expires_at": expires_at, "url": url }))
}

fn url(call: &mut Call<'_, '_>, name: &str) -> Result<String, StripeError> {
    let text = call.params.required(name)?;
    match url::Url::parse(&text) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(text),
        _ => Err(StripeError::invalid("Not a valid URL", name).with_code("url_invalid")),
    }
}

/// Uses a link up. Nothing, if it was used before, is too old, or never was.
pub(crate) fn open(tx: &mut Tx<'_>, token: &str) -> Option<OnboardingSession> {
    let link =
        tx.get::<AccountLink>(token).filter(|link| !link.used && link.expires_at > tx.now()).cloned()?;
    let session = OnboardingSession {
        token: tx.secret_for(&format!("session {token}"), 32),
        account: link.account.clone(),
        refresh_url: link.refresh_url.clone(),
        return_url: link.return_url.clone(),
        until_ms: tx.now_ms + SESSION_MS,
    };
    tx.put(AccountLink { used: true, ..link });
    tx.put(session.clone());
    Some(session)
}
