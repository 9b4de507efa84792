//! What becomes of a dispute: opened, answered or not, decided.

use super::{Dispute, Opening, Status, evidence::Evidence, funds};
use crate::{
    books::Unbalanced,
    config::DAY_MS,
    due::{self, Task},
    protocol::{error::StripeError, params::Metadata},
    resources::{
        charge::{Charge, PaidWith},
        early_fraud_warning, review,
    },
    store::Tx,
};

/// After how long an inquiry that was not escalated is closed.
/// Source: <https://docs.stripe.com/disputes/how-disputes-work#inquiries>.
const INQUIRY_MS: i64 = 120 * DAY_MS;

/// A day in seconds.
const DAY: i64 = DAY_MS / 1000;

/// What the bank decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Won,
    Lost,
    /// An inquiry becomes a dispute.
    Escalated,
}

/// A buyer disputes (a part of) a charge.
pub(crate) fn open(tx: &mut Tx<'_>, charge: &Charge, opening: Opening) -> Result<Dispute, StripeError> {
    let mut dispute = Dispute {
        id: tx.new_id("du"),
        account: charge.account.clone(),
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        amount: opening.amount,
        currency: charge.currency,
        reason: opening.reason,
        status: if opening.inquiry { Status::WarningNeedsResponse } else { Status::NeedsResponse },
        brand: match &charge.paid_with {
            PaidWith::Card { card, .. } => Some(card.brand.clone()),
            PaidWith::Bank { .. } | PaidWith::StripeAccount => None,
        },
        enhanced_eligibility: opening.enhanced,
        evidence: Evidence::default(),
        due_by: due_by(tx),
        past_due: false,
        submissions: 0,
        withdrawal: None,
        reinstatement: None,
        received_fee: 0,
        countered_fee: 0,
        metadata: Metadata::new(),
        created: tx.now(),
    };
    wait_until(tx, &dispute, dispute.due_by * 1000);
    if !opening.inquiry {
        funds::withdraw(tx, &mut dispute)?;
    }
    tx.put(dispute.clone());
    let object = dispute.render(tx.tables);
    tx.emit(&dispute.account, "charge.dispute.created", &object);
    if !opening.inquiry {
        tx.emit(&dispute.account, "charge.dispute.funds_withdrawn", &object);
        review::close(tx, &charge.id, review::Closed::Disputed);
        early_fraud_warning::settle(tx, &charge.id);
    }
    if opening.final_at_once { close(tx, dispute, Outcome::Lost) } else { Ok(dispute) }
}

/// The last second of the day until which an answer counts.
fn due_by(tx: &Tx<'_>) -> i64 {
    let day = tx.now().div_euclid(DAY) + tx.settings().dispute_response_days;
    day * DAY + DAY - 1
}

fn wait_until(tx: &mut Tx<'_>, dispute: &Dispute, at_ms: i64) {
    due::set(tx, &timer_of(dispute), Some((at_ms, Task::Dispute { dispute: dispute.id.clone() })));
}

fn timer_of(dispute: &Dispute) -> String {
    format!("dispute {}", dispute.id)
}

/// Passes the evidence on to the bank, which takes a moment if the evidence says how it decides.
pub(super) fn submit(tx: &mut Tx<'_>, dispute: &mut Dispute) -> Result<(), Unbalanced> {
    dispute.submissions += 1;
    if dispute.status == Status::NeedsResponse {
        dispute.status = Status::UnderReview;
        funds::charge_for_counter(tx, dispute)?;
    } else {
        dispute.status = Status::WarningUnderReview;
    }
    match dispute.evidence.forced_outcome() {
        Some(_) => {
            let at_ms = tx.now_ms + tx.settings().aftermath_ms;
            wait_until(tx, dispute, at_ms);
        }
        None if dispute.status == Status::WarningUnderReview => {
            wait_until(tx, dispute, dispute.created * 1000 + INQUIRY_MS);
        }
        // A bank may take months; tests say when it has decided.
        None => due::set(tx, &timer_of(dispute), None),
    }
    Ok(())
}

/// The time of a dispute has come.
pub(crate) fn move_on(tx: &mut Tx<'_>, id: &str) {
    let Some(dispute) = tx.get::<Dispute>(id).cloned() else { return };
    let result = match dispute.status {
        Status::NeedsResponse => close(tx, Dispute { past_due: true, ..dispute }, Outcome::Lost),
        Status::WarningNeedsResponse if !dispute.past_due => {
            let before = dispute.render(tx.tables);
            let dispute = Dispute { past_due: true, ..dispute };
            wait_until(tx, &dispute, dispute.created * 1000 + INQUIRY_MS);
            tx.put(dispute.clone());
            let after = dispute.render(tx.tables);
            tx.emit_change(&dispute.account, "charge.dispute.updated", &before, &after);
            return;
        }
        _ => {
            let outcome = dispute.evidence.forced_outcome().unwrap_or(Outcome::Lost);
            close(tx, dispute, outcome)
        }
    };
    if let Err(error) = result {
        tracing::error!(dispute = id, ?error, "a dispute could not move on");
    }
}

/// The bank has decided.
pub(crate) fn close(tx: &mut Tx<'_>, mut dispute: Dispute, outcome: Outcome) -> Result<Dispute, StripeError> {
    if dispute.status.is_over() {
        return Err(StripeError::invalid("This dispute is already closed.", "dispute"));
    }
    if outcome == Outcome::Escalated {
        return escalate(tx, dispute);
    }
    due::set(tx, &timer_of(&dispute), None);
    let inquiry = dispute.status.is_inquiry();
    dispute.status = match outcome {
        _ if inquiry => Status::WarningClosed,
        Outcome::Won => Status::Won,
        Outcome::Lost | Outcome::Escalated => Status::Lost,
    };
    let won = dispute.status == Status::Won;
    if won {
        funds::reinstate(tx, &mut dispute)?;
    }
    tx.put(dispute.clone());
    let object = dispute.render(tx.tables);
    tx.emit(&dispute.account, "charge.dispute.closed", &object);
    if won {
        tx.emit(&dispute.account, "charge.dispute.funds_reinstated", &object);
    }
    Ok(dispute)
}

/// The bank was not content with the answer to its question.
fn escalate(tx: &mut Tx<'_>, mut dispute: Dispute) -> Result<Dispute, StripeError> {
    if !dispute.status.is_inquiry() {
        return Err(StripeError::invalid("Only an inquiry can be escalated.", "dispute"));
    }
    let before = dispute.render(tx.tables);
    dispute.status = Status::NeedsResponse;
    dispute.past_due = false;
    dispute.due_by = due_by(tx);
    dispute.evidence.forget_outcome();
    wait_until(tx, &dispute, dispute.due_by * 1000);
    funds::withdraw(tx, &mut dispute)?;
    tx.put(dispute.clone());
    let after = dispute.render(tx.tables);
    tx.emit_change(&dispute.account, "charge.dispute.updated", &before, &after);
    tx.emit(&dispute.account, "charge.dispute.funds_withdrawn", &after);
    review::close(tx, &dispute.charge, review::Closed::Disputed);
    early_fraud_warning::settle(tx, &dispute.charge);
    Ok(dispute)
}
