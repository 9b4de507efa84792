//! What banks, card networks and reviewers do, on request.

use serde::Deserialize;

use super::{Answer, Refused, platform_account, read};
use crate::{
    due,
    json::Value,
    protocol::error::StripeError,
    resources::{
        charge::{self, Charge, PaidWith},
        dispute::{self, Dispute, Opening, Outcome, Reason},
        early_fraud_warning::{self, FraudType},
        refund::{self, FailureReason, Refund},
        review::{self, Opened},
    },
    server::Shared,
    store::{Cause, Stored, Tx},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDispute {
    charge: String,
    amount: Option<i64>,
    #[serde(default)]
    reason: Reason,
    #[serde(default)]
    inquiry: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    outcome: Outcome,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewWarning {
    charge: String,
    #[serde(default)]
    fraud_type: FraudType,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewReview {
    charge: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    #[serde(default)]
    failure_reason: FailureReason,
}

/// Whether a request is for this file.
pub(super) fn is_asked(parts: &[&str]) -> bool {
    matches!(parts.first(), Some(&("disputes" | "early_fraud_warnings" | "reviews" | "refunds")))
}

pub(super) fn answer(shared: &Shared, platform: Option<&str>, parts: &[&str], body: &[u8]) -> Answer {
    match parts {
        ["disputes"] => {
            let given: NewDispute = read(body)?;
            act(shared, platform, |tx, tenant| open_dispute(tx, tenant, given))
        }
        ["disputes", id, "close"] => {
            let Decision { outcome } = read(body)?;
            act(shared, platform, |tx, tenant| {
                let found = named::<Dispute>(tx, tenant, id)?;
                Ok(dispute::close(tx, found, outcome)?.render(tx.tables))
            })
        }
        ["early_fraud_warnings"] => {
            let given: NewWarning = read(body)?;
            act(shared, platform, |tx, tenant| {
                let charge = paid_charge(tx, tenant, &given.charge)?;
                Ok(early_fraud_warning::open(tx, &charge, given.fraud_type))
            })
        }
        ["reviews"] => {
            let NewReview { charge } = read(body)?;
            act(shared, platform, |tx, tenant| {
                let charge = paid_charge(tx, tenant, &charge)?;
                Ok(review::open(tx, &charge, Opened::ByHand))
            })
        }
        ["refunds", id, "fail"] => {
            let Failure { failure_reason } = read(body)?;
            act(shared, platform, |tx, tenant| {
                let found = named::<Refund>(tx, tenant, id)?;
                refund::fail(tx, found, failure_reason)
            })
        }
        ["refunds", id, "require-action"] => act(shared, platform, |tx, tenant| {
            let found = named::<Refund>(tx, tenant, id)?;
            refund::require_action(tx, found)
        }),
        _ => Err(Refused(
            poem::http::StatusCode::NOT_FOUND,
            format!("There is no POST /_sandbox/{}", parts.join("/")),
        )),
    }
}

/// Does something as one transaction, and wakes those who are told of it.
fn act(
    shared: &Shared,
    platform: Option<&str>,
    work: impl FnOnce(&mut Tx<'_>, Option<&str>) -> Result<Value, StripeError>,
) -> Answer {
    let mut world = shared.world();
    due::catch_up(&mut world);
    let tenant = platform_account(&world, platform)?.map(str::to_owned);
    let result = world.transact(Cause::default(), |tx| work(tx, tenant.as_deref()));
    drop(world);
    shared.wake_deliveries();
    result.map_err(|error| Refused(error.status(), error.message().to_owned()))
}

/// The object of an id, if it belongs to the platform that was named, or to any if none was.
fn named<T: Stored>(tx: &Tx<'_>, tenant: Option<&str>, id: &str) -> Result<T, StripeError> {
    let is_theirs = |record: &&T| {
        let account = tx.get::<crate::resources::account::Account>(record.owner());
        tenant.is_none_or(|tenant| account.is_some_and(|account| account.platform == tenant))
    };
    tx.get::<T>(id).filter(is_theirs).cloned().ok_or_else(|| StripeError::no_such(T::NOUN, id))
}

/// A charge that a buyer paid; a capture that is still under way completes first.
fn paid_charge(tx: &mut Tx<'_>, tenant: Option<&str>, id: &str) -> Result<Charge, StripeError> {
    let charge = named::<Charge>(tx, tenant, id)?;
    if !charge.is_paid() || !charge.captured || matches!(charge.paid_with, PaidWith::StripeAccount) {
        return Err(StripeError::invalid(format!("No buyer has paid the charge {id}."), "charge"));
    }
    charge::finish_capture(tx, id);
    named::<Charge>(tx, tenant, id)
}

fn open_dispute(tx: &mut Tx<'_>, tenant: Option<&str>, given: NewDispute) -> Result<Value, StripeError> {
    let charge = paid_charge(tx, tenant, &given.charge)?;
    let left = dispute::disputable(tx, &charge);
    let amount = given.amount.unwrap_or(left);
    if !(1..=left).contains(&amount) {
        let message = format!("Of this charge between 1 and {left} can be disputed.");
        return Err(StripeError::invalid(message, "amount"));
    }
    let opening = Opening { inquiry: given.inquiry, ..Opening::of(given.reason, amount) };
    Ok(dispute::open(tx, &charge, opening)?.render(tx.tables))
}
