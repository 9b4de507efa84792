//! What follows a payment with some of Stripe's test cards: disputes, warnings, reviews, refunds that go wrong.
//!
//! `charge::settle` calls [`begin`] for every charge whose money came in; nobody else needs to know these cards.
//! Source of the numbers: <https://docs.stripe.com/testing#disputes>.

use serde::{Deserialize, Serialize};

use super::{
    charge::{Charge, PaidWith},
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
    DisputeNotReceived,
    /// A question of the bank before any dispute.
    Inquiry,
    /// Two disputes, each of a part.
    ManyDisputes,
    EarlyFraudWarning,
    /// Elevated risk: somebody should look at it.
    Review,
    /// A refund takes a while.
    RefundArrivesLate,
    /// A refund succeeds, and fails later.
    RefundFails,
}

/// By number.
const CARDS: &[(&str, Aftermath)] = &[
    ("4000000000000259", Aftermath::Dispute),
    ("4000000000002685", Aftermath::DisputeNotReceived),
    ("4000000000001976", Aftermath::Inquiry),
    ("4000000404000079", Aftermath::ManyDisputes),
    ("4000000404000038", Aftermath::DisputeWithCompellingEvidence),
    ("4000008400000779", Aftermath::DisputeForCompliance),
    ("4000000000005423", Aftermath::EarlyFraudWarning),
    ("4000000000009235", Aftermath::Review),
    ("4000000000007726", Aftermath::RefundArrivesLate),
    ("4000000000005126", Aftermath::RefundFails),
];

impl Aftermath {
    pub(crate) fn of_number(number: &str) -> Option<Self> {
        CARDS.iter().find(|(known, _)| *known == number).map(|(_, aftermath)| *aftermath)
    }
}

/// A charge's money came in: what its card brings starts now.
pub(crate) fn begin(tx: &mut Tx<'_>, charge: &Charge) {
    match charge.aftermath() {
        None | Some(Aftermath::RefundArrivesLate | Aftermath::RefundFails) => {}
        // The review stands in the queue as soon as the payment does.
        Some(Aftermath::Review) => drop(review::open(tx, charge, review::Opened::ByRule)),
        Some(_) => {
            let delay_ms = tx.settings().aftermath_ms;
            due::after(tx, delay_ms, Task::Aftermath { charge: charge.id.clone() });
        }
    }
}

/// It has come to that.
pub(crate) fn come(tx: &mut Tx<'_>, id: &str) {
    let Some(charge) = tx.get::<Charge>(id).cloned() else { return };
    let left = dispute::disputable(tx, &charge);
    let half = left - left / 2;
    let openings = match charge.aftermath() {
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
        Some(Aftermath::DisputeNotReceived) => vec![Opening::of(Reason::ProductNotReceived, left)],
        Some(Aftermath::Inquiry) => vec![Opening { inquiry: true, ..Opening::of(Reason::General, left) }],
        Some(Aftermath::ManyDisputes) => {
            vec![Opening::of(Reason::Fraudulent, half), Opening::of(Reason::Fraudulent, left - half)]
        }
        Some(Aftermath::EarlyFraudWarning) => {
            early_fraud_warning::open(tx, &charge, FraudType::UnauthorizedUseOfCard);
            Vec::new()
        }
        Some(Aftermath::Review | Aftermath::RefundArrivesLate | Aftermath::RefundFails) | None => Vec::new(),
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
