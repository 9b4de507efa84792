//! How accounts come and go: deleted, rejected, taken back, or opened by a seller through OAuth.

use super::{Account, Onboarding, activate, rendered, write};
use crate::{
    books,
    json::{Value, json},
    protocol::{
        call::{Answer, Call},
        error::StripeError,
    },
    resources::{application_of, payout},
    store::Tx,
};

/// Stripe's live rule: only an account without money can be deleted.
pub(super) fn delete(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    if account.is_platform() {
        return Err(StripeError::refused("account_invalid", "You cannot delete your own account."));
    }
    let held = books::totals(call.tx, &account.id);
    if held.values().any(|(available, pending)| (*available, *pending) != (0, 0)) {
        let message = "This account cannot be deleted because its balance is not zero.";
        return Err(StripeError::refused("account_balance_not_zero", message));
    }
    let id = account.id.clone();
    let gone = Account { deleted: true, ..account };
    payout::schedule(call.tx, &gone);
    call.tx.put(gone);
    Ok(json!({ "id": id, "object": "account", "deleted": true }))
}

pub(super) fn reject(call: &mut Call<'_, '_>) -> Answer {
    let reason = call.params.required("reason")?;
    // Older clients say `fraud` for all kinds of it.
    let disabled = match reason.as_str() {
        fraud if fraud.starts_with("fraud") => "rejected.fraud",
        "terms_of_service" => "rejected.terms_of_service",
        "credit" | "other" => "rejected.other",
        _ => {
            let message = "Invalid reason: must be one of credit, fraud_other, terms_of_service or other";
            return Err(StripeError::invalid(message, "reason"));
        }
    };
    call.params.choice("payouts_action", &["none", "pause"])?;
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    if account.is_platform() {
        return Err(StripeError::forbidden("account_invalid", "You cannot reject your own account."));
    }
    set_rejected(call, account, Some(disabled.to_owned()))
}

pub(super) fn unreject(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let account = call.account(&call.arg(0))?;
    if account.rejected.is_none() {
        let message = format!("The account {} is not rejected.", account.id);
        return Err(StripeError::refused("account_invalid", message));
    }
    set_rejected(call, account, None)
}

fn set_rejected(call: &mut Call<'_, '_>, account: Account, rejected: Option<String>) -> Answer {
    let before = account.render(call.tx.tables);
    let id = account.id.clone();
    call.tx.put(Account { rejected, ..account });
    activate::refresh(call.tx, &id, &before);
    rendered(call, &id)
}

/// The seller takes the platform's access away: from now on its scope is closed to it.
pub(crate) fn leave(tx: &mut Tx<'_>, account: Account) {
    let application = application(&account.platform);
    tx.emit(&account.id, "account.application.deauthorized", &application);
    tx.put(Account { deauthorized: true, ..account });
}

/// A seller who had left gives the platform access again.
pub(crate) fn rejoin(tx: &mut Tx<'_>, account: Account) {
    let (id, application) = (account.id.clone(), application(&account.platform));
    let back = Account { deauthorized: false, ..account };
    payout::schedule(tx, &back);
    tx.put(back);
    tx.emit(&id, "account.application.authorized", &application);
}

/// A seller opens an account of their own: complete, with a bank, and unknown to the platform until it joins.
pub(crate) fn open_standard(tx: &mut Tx<'_>, platform: &str) -> String {
    let account = Account { deauthorized: true, ..write::new_standard(tx, platform) };
    let (id, example) = (account.id.clone(), Onboarding::example(&account.country, false));
    tx.put(account);
    activate::complete(tx, &id, example);
    id
}

fn application(platform: &str) -> Value {
    json!({ "id": application_of(platform), "object": "application", "name": "Souk sandbox" })
}
