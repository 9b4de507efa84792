//! Links to Stripe's pages. They have no id and expire, so each is minted anew: outside the outbox, never
//! replayed.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use souk_entity::{Scope, SellerId, seller};

use super::{error::SellerError, store};
use crate::{
    context::Context,
    stripe::{account_links, login_links},
};

/// Names the seal of the state that travels through the seller's browser.
const STATE_SEAL: &str = "onboarding_state";
/// A seller may leave the form and come back within this.
const STATE_LIVES: Duration = Duration::days(7);

/// A link and when it ends.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) url: String,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

/// Who is being onboarded, and where their browser goes afterwards. It travels sealed: nobody can name another
/// seller, or another address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) seller: SellerId,
    pub(super) return_url: Option<String>,
    pub(super) refresh_url: Option<String>,
    expires_at: DateTime<Utc>,
}

impl State {
    fn seal(&self, ctx: &Context) -> Result<String, SellerError> {
        let plain = serde_json::to_vec(self).map_err(|error| SellerError::Internal(error.to_string()))?;
        let sealed =
            ctx.seal.seal(STATE_SEAL, &plain).map_err(|error| SellerError::Internal(error.to_string()))?;
        Ok(hex::encode(sealed))
    }

    /// Opens what [`State::seal`] made; none if it was not made here or is too old.
    pub(super) fn open(ctx: &Context, text: &str) -> Option<Self> {
        let plain = ctx.seal.open(STATE_SEAL, &hex::decode(text).ok()?).ok()?;
        let state: Self = serde_json::from_slice(&plain).ok()?;
        (state.expires_at > ctx.clock.wall()).then_some(state)
    }
}

/// Mints a link to Stripe's onboarding form.
pub(super) async fn onboarding(
    ctx: &Context,
    id: SellerId,
    return_url: Option<String>,
    refresh_url: Option<String>,
) -> Result<Link, SellerError> {
    // 1. Only addresses of the marketplace's own.
    for (field, url) in [("return_url", &return_url), ("refresh_url", &refresh_url)] {
        if let Some(url) = url {
            ctx.config.allows_redirect(url).map_err(|error| SellerError::Redirect { field, error })?;
        }
    }
    // 2. Only for a seller who can still onboard.
    let seller = store::find(&ctx.db, id).await?.ok_or(SellerError::NotFound)?;
    if matches!(seller.status, seller::Status::Rejected | seller::Status::Disconnected) {
        return Err(SellerError::Closed);
    }
    let account = seller.stripe_account_id.ok_or(SellerError::NoAccountYet)?;
    // 3. Stripe sends the browser back to us first; we know the seller by the sealed state.
    let state = State { seller: id, return_url, refresh_url, expires_at: ctx.clock.wall() + STATE_LIVES };
    let state = state.seal(ctx)?;
    let back = |page: &str| format!("{}/onboarding/{page}?state={state}", ctx.config.public_url);
    let frozen = account_links::create_onboarding(&account, &back("refresh"), &back("return"));
    let link: account_links::AccountLink = ctx.stripe.mint(&Scope::Platform, &frozen).await?;
    Ok(Link { url: link.url, expires_at: Some(link.expires_at) })
}

/// Mints a link to the seller's Express dashboard.
pub(super) async fn dashboard(ctx: &Context, id: SellerId) -> Result<Link, SellerError> {
    let seller = store::find(&ctx.db, id).await?.ok_or(SellerError::NotFound)?;
    let account = seller.stripe_account_id.ok_or(SellerError::NoAccountYet)?;
    // Stripe refuses a login link before the form was submitted.
    if !seller.details_submitted {
        return Err(SellerError::NotOnboarded);
    }
    let link: login_links::LoginLink =
        ctx.stripe.mint(&Scope::Platform, &login_links::create(&account)).await?;
    Ok(Link { url: link.url, expires_at: None })
}
