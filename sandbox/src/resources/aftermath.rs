//! What follows a payment with some of Stripe's test cards: disputes, warnings, reviews, refunds that go wrong.
//!
//! Whoever completes a payment calls [`after_payment`]; nobody else needs to know these cards. Source of the numbers:
//! <https://docs.stripe.com/testing#disputes>.

use serde::{Deserialize, Serialize};

use super::{
    charge::{self, Charge, PaidWith},
    dispute::{self, Opening, Reason},
    early_fraud_warning::{self, FraudType},
    review,
};
use crate::{
    due::{self, Task},
    store::Tx,
};

/// What a card brings after its charge succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aftermath {
    /// A dispute as fraudulent, unless the buyer was authenticated.
    Dispute,
    /// The same, and Visa's Compelling Evidence 3.0 may answer it.
    DisputeWithCompellingEvidence,
    /// A dispute under Visa's compliance rules.
    DisputeForCompliance,
    /// A dispute because the goods did not arrive.
    DisputeProductNotReceived,
    /// A question of the bank before any dispute.
    Inquiry,
    /// Two disputes, each of a part.
    MultipleDisputes,
    EarlyFraudWarning,
    /// Elevated risk: somebody should look at it.
    ElevatedRisk,
    /// A refund takes a while.
    RefundIsPending,
    /// A refund succeeds, and fails later.
    RefundFails,
    /// The security code is wrong, which the issuer leaves to the merchant.
    CvcCheckFails,
}

/// By number.
const CARDS: &[(&str, Aftermath)] = &[
    ("4000000000000259", Aftermath::Dispute),
    ("4000000000002685", Aftermath::DisputeProductNotReceived),
    ("4000000000001976", Aftermath::Inquiry),
    ("4000000404000079", Aftermath::MultipleDisputes),
    ("4000000404000038", Aftermath::DisputeWithCompellingEvidence),
    ("4000008400000779", Aftermath::DisputeForCompliance),
    ("4000000000005423", Aftermath::EarlyFraudWarning),
    ("4000000000009235", Aftermath::ElevatedRisk),
    ("4000000000007726", Aftermath::RefundIsPending),
    ("4000000000005126", Aftermath::RefundFails),
    ("4000000000000101", Aftermath::CvcCheckFails),
];

impl Aftermath {
    pub(crate) fn of_number(number: &str) -> Option<Self> {
        CARDS.iter().find(|(known, _)| *known == number).map(|(_, aftermath)| *aftermath)
    }
}

/// A payment brought money, and its events were written: what its card leads to starts now.
pub(crate) fn after_payment(tx: &mut Tx<'_>, charge: &Charge) {
    match charge.aftermath() {
        // Refunds look at these themselves; the check of the code is shown on the card.
        None | Some(Aftermath::RefundIsPending | Aftermath::RefundFails | Aftermath::CvcCheckFails) => {}
        // The review stands in the queue as soon as the payment does.
        Some(Aftermath::ElevatedRisk) => drop(review::open(tx, charge, review::Opened::ByRule)),
        Some(_) => {
            let delay_ms = tx.settings().aftermath_ms;
            due::after(tx, delay_ms, Task::Aftermath { charge: charge.id.clone() });
        }
    }
}

/// It has come to that.
pub(crate) fn come(tx: &mut Tx<'_>, id: &str) {
    charge::finish_capture(tx, id);
    let Some(charge) = tx.get::<Charge>(id).cloned() else { return };
    let left = dispute::disputable(tx, &charge);
    let half = left - left / 2;
    let openings = match charge.aftermath() {
        // A debit is undone by its bank, and nobody is asked.
        Some(Aftermath::Dispute) if matches!(charge.paid_with, PaidWith::Bank { .. }) => {
            vec![Opening { final_at_once: true, ..Opening::of(Reason::DebitNotAuthorized, left) }]
        }
        // A buyer whom the bank authenticated cannot say that it was somebody else.
        Some(Aftermath::Dispute) if is_authenticated(&charge) => Vec::new(),
        Some(Aftermath::Dispute) => vec![Opening::of(Reason::Fraudulent, left)],
        Some(Aftermath::DisputeWithCompellingEvidence) => {
            vec![Opening {
                enhanced: vec!["visa_compelling_evidence_3".into()],
                ..Opening::of(Reason::Fraudulent, left)
            }]
        }
        Some(Aftermath::DisputeForCompliance) => {
            vec![Opening {
                enhanced: vec!["visa_compliance".into()],
                ..Opening::of(Reason::Noncompliant, left)
            }]
        }
        Some(Aftermath::DisputeProductNotReceived) => vec![Opening::of(Reason::ProductNotReceived, left)],
        Some(Aftermath::Inquiry) => vec![Opening { inquiry: true, ..Opening::of(Reason::General, left) }],
        Some(Aftermath::MultipleDisputes) => {
            vec![Opening::of(Reason::Fraudulent, half), Opening::of(Reason::Fraudulent, left - half)]
        }
        Some(Aftermath::EarlyFraudWarning) => {
            early_fraud_warning::open(tx, &charge, FraudType::UnauthorizedUseOfCard);
            Vec::new()
        }
        _ => Vec::new(),
    };
    for opening in openings.into_iter().filter(|opening| opening.amount > 0) {
        if let Err(error) = dispute::open(tx, &charge, opening) {
            tracing::error!(charge = id, ?error, "a dispute could not be opened");
        }
    }
}

fn is_authenticated(charge: &Charge) -> bool {
    matches!(charge.paid_with, PaidWith::Card { authenticated: true, .. })
}
