//! OAuth: how sellers with a Stripe account of their own connect it to a platform, and take it back.
//!
//! The page is `hosted::authorize`. Errors have OAuth's shape (RFC 6749), not that of the rest of the API.

use serde::{Deserialize, Serialize};

use super::{account, application_of};
use crate::{
    json::{Value, json},
    protocol::{
        call::{Answer, Call, usable_account},
        error::StripeError,
        params::Params,
        route::Route,
    },
    store::{Record, Tx},
};

pub(crate) const ROUTES: &[Route] =
    &[Route::post("/oauth/token", token), Route::post("/oauth/deauthorize", deauthorize)];

/// Stripe: an authorization code works once, for five minutes.
const CODE_SECONDS: i64 = 300;

/// What a seller granted on the page, until the platform picks it up.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Authorization {
    code: String,
    platform: String,
    account: String,
    scope: String,
    expires_at: i64,
    used: bool,
}

impl Record for Authorization {
    const NOUN: &'static str = "authorization code";

    fn id(&self) -> &str {
        &self.code
    }

    fn owner(&self) -> &str {
        &self.platform
    }
}

/// A platform's access to an account, renewed by its refresh token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    refresh_token: String,
    /// What follows `sk_test_` in its access token.
    access: String,
    pub(crate) platform: String,
    pub(crate) account: String,
    scope: String,
}

impl Record for Grant {
    const NOUN: &'static str = "refresh token";

    fn id(&self) -> &str {
        &self.refresh_token
    }

    fn owner(&self) -> &str {
        &self.platform
    }

    fn keys(&self) -> Vec<String> {
        vec![format!("access {}", self.access)]
    }
}

/// What the access token `sk_test_{name}` was granted for: it is a key that acts in the seller's scope.
pub(crate) fn of_key(tx: &Tx<'_>, name: &str) -> Option<Grant> {
    tx.tables.list::<Grant>(&format!("access {name}")).next().cloned()
}

/// The seller agreed: a code for the platform.
pub(crate) fn authorize(tx: &mut Tx<'_>, platform: &str, account: &str, scope: &str) -> String {
    let id = tx.new_id("ac");
    let code = format!("ac_{}", tx.secret_for(&id, 32));
    tx.put(Authorization {
        code: code.clone(),
        platform: platform.to_owned(),
        account: account.to_owned(),
        scope: scope.to_owned(),
        expires_at: tx.now() + CODE_SECONDS,
        used: false,
    });
    code
}

fn token(call: &mut Call<'_, '_>) -> Answer {
    let (kind, given) = read_token(&mut call.params).map_err(StripeError::into_oauth)?;
    call.finish().map_err(StripeError::into_oauth)?;
    let grant = match kind {
        GrantType::Code => redeem(call, &given)?,
        GrantType::Refresh => refreshed(call, &given)?,
    };
    let access = &grant.access;
    Ok(json!({
        "access_token": format!("sk_test_{access}"),
        "livemode": false,
        "refresh_token": grant.refresh_token,
        "scope": grant.scope,
        "stripe_publishable_key": format!("pk_test_{access}"),
        "stripe_user_id": grant.account,
        "token_type": "bearer",
    }))
}

enum GrantType {
    Code,
    Refresh,
}

fn read_token(params: &mut Params) -> Result<(GrantType, String), StripeError> {
    // Older clients send the key along, and the libraries their client id.
    params.ignore(&["client_secret", "client_id"]);
    let kind = params.required("grant_type")?;
    let (code, refresh) = (params.text("code")?, params.text("refresh_token")?);
    params.choice("scope", &["read_only", "read_write"])?;
    params.texts("assert_capabilities")?;
    match kind.as_str() {
        "authorization_code" => Ok((GrantType::Code, code.ok_or_else(|| StripeError::missing("code"))?)),
        "refresh_token" => {
            Ok((GrantType::Refresh, refresh.ok_or_else(|| StripeError::missing("refresh_token"))?))
        }
        other => Err(StripeError::oauth("unsupported_grant_type", format!("Unknown grant type: {other}"))),
    }
}

/// A code becomes a grant, once.
fn redeem(call: &mut Call<'_, '_>, code: &str) -> Result<Grant, StripeError> {
    let known = call.tx.get::<Authorization>(code).filter(|known| known.platform == call.platform);
    let known = known.cloned().ok_or_else(|| {
        StripeError::oauth("invalid_grant", format!("Authorization code does not exist: {code}"))
    })?;
    if known.used {
        let message = format!(
            "This authorization code has already been used. All tokens issued with this code have been revoked: {code}"
        );
        return Err(StripeError::oauth("invalid_grant", message));
    }
    if known.expires_at <= call.tx.now() {
        let message = format!("Authorization code expired: {code}");
        return Err(StripeError::oauth("invalid_grant", message));
    }
    let found = call.tx.get::<account::Account>(&known.account).filter(|found| !found.deleted).cloned();
    let found = found.ok_or_else(|| {
        StripeError::oauth("invalid_grant", format!("Authorization code does not exist: {code}"))
    })?;
    let id = call.tx.new_id("rt");
    let grant = Grant {
        refresh_token: format!("rt_{}", call.tx.secret_for(&id, 32)),
        access: call.tx.secret_for(&format!("access {id}"), 24),
        platform: known.platform.clone(),
        account: known.account.clone(),
        scope: known.scope.clone(),
    };
    call.tx.put(Authorization { used: true, ..known });
    call.tx.put(grant.clone());
    account::rejoin(call.tx, found);
    Ok(grant)
}

fn refreshed(call: &Call<'_, '_>, token: &str) -> Result<Grant, StripeError> {
    let grant = call.tx.get::<Grant>(token).filter(|grant| grant.platform == call.platform).cloned();
    grant.filter(|grant| usable_account(call.tx, &grant.platform, &grant.account).is_some()).ok_or_else(
        || {
            let message = format!("Provided refresh token '{token}' does not exist, or was revoked.");
            StripeError::oauth("invalid_grant", message)
        },
    )
}

fn deauthorize(call: &mut Call<'_, '_>) -> Answer {
    let (client, id) = read_deauthorize(&mut call.params).map_err(StripeError::into_oauth)?;
    call.finish().map_err(StripeError::into_oauth)?;
    if client != application_of(&call.platform) {
        let message = format!("No application matches the supplied client identifier: {client}");
        return Err(StripeError::oauth("invalid_client", message));
    }
    let account = usable_account(call.tx, &call.platform, &id).filter(|found| !found.is_platform());
    let account = account.ok_or_else(|| {
        let message = format!(
            "This application is not connected to stripe account {id}, or that account does not exist."
        );
        StripeError::oauth("invalid_client", message)
    })?;
    account::leave(call.tx, account);
    Ok::<Value, _>(json!({ "stripe_user_id": id }))
}

fn read_deauthorize(params: &mut Params) -> Result<(String, String), StripeError> {
    params.ignore(&["client_secret"]);
    Ok((params.required("client_id")?, params.required("stripe_user_id")?))
}
