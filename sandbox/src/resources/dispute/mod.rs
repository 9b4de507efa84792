//! Disputes: a buyer wants the money back through the bank. It is gone until the dispute is won.
//!
//! An inquiry (`warning_...`) is a question before that: no money moves unless it is escalated.
//! Source of the rules: <https://docs.stripe.com/disputes/how-disputes-work>.

mod enhanced;
mod evidence;
mod funds;
mod progress;
mod render;
mod update;

use serde::{Deserialize, Serialize};

use self::evidence::Evidence;
pub(crate) use self::progress::{Outcome, close, move_on, open};
use super::charge::Charge;
use crate::{
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables, Tx},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/disputes", list),
    Route::get("/v1/disputes/{id}", retrieve),
    Route::post("/v1/disputes/{id}", update::update),
    Route::post("/v1/disputes/{id}/close", accept),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    NeedsResponse,
    UnderReview,
    Won,
    Lost,
    WarningNeedsResponse,
    WarningUnderReview,
    WarningClosed,
}

crate::json::as_serde!(Status);

impl Status {
    fn is_inquiry(self) -> bool {
        matches!(self, Self::WarningNeedsResponse | Self::WarningUnderReview | Self::WarningClosed)
    }

    fn awaits_response(self) -> bool {
        matches!(self, Self::NeedsResponse | Self::WarningNeedsResponse)
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Won | Self::Lost | Self::WarningClosed)
    }
}

/// What the buyer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    BankCannotProcess,
    CreditNotProcessed,
    CustomerInitiated,
    DebitNotAuthorized,
    Duplicate,
    #[default]
    Fraudulent,
    General,
    Noncompliant,
    ProductNotReceived,
    ProductUnacceptable,
    SubscriptionCanceled,
    Unrecognized,
}

crate::json::as_serde!(Reason);

impl Reason {
    /// The code of Visa's that comes with it.
    fn network_code(self) -> &'static str {
        match self {
            Self::DebitNotAuthorized | Self::Fraudulent | Self::Unrecognized => "10.4",
            Self::BankCannotProcess => "11.3",
            Self::Duplicate => "12.6.1",
            Self::ProductNotReceived => "13.1",
            Self::SubscriptionCanceled => "13.2",
            Self::ProductUnacceptable => "13.3",
            Self::CreditNotProcessed => "13.6",
            Self::CustomerInitiated | Self::General => "13.7",
            Self::Noncompliant => "C",
        }
    }
}

/// With what a dispute begins.
pub(crate) struct Opening {
    pub(crate) reason: Reason,
    /// In minor units of the charge's currency; more than nothing.
    pub(crate) amount: i64,
    pub(crate) inquiry: bool,
    /// The ways besides plain evidence in which the network lets it be answered.
    pub(crate) enhanced: Vec<String>,
    /// It is lost as soon as it is opened: the bank asks nobody.
    pub(crate) final_at_once: bool,
}

impl Opening {
    pub(crate) fn of(reason: Reason, amount: i64) -> Self {
        Self { reason, amount, inquiry: false, enhanced: Vec::new(), final_at_once: false }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    account: String,
    charge: String,
    payment_intent: Option<String>,
    pub(crate) amount: i64,
    currency: Currency,
    reason: Reason,
    pub(crate) status: Status,
    /// The brand of the card; a debit has none.
    brand: Option<String>,
    enhanced_eligibility: Vec<String>,
    evidence: Evidence,
    /// Seconds since 1970 until which evidence counts.
    due_by: i64,
    past_due: bool,
    submissions: i64,
    /// The balance transactions that took the money and gave it back.
    withdrawal: Option<String>,
    reinstatement: Option<String>,
    /// What Stripe took for it, in minor units: when it opened, and when it was answered.
    received_fee: i64,
    countered_fee: i64,
    metadata: Metadata,
    created: i64,
}

impl Record for Dispute {
    const NOUN: &'static str = "dispute";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.charge.clone()];
        keys.extend(self.payment_intent.clone());
        keys
    }
}

pub(crate) fn is_disputed(tables: &Tables, charge: &str) -> bool {
    tables.list::<Dispute>(charge).next().is_some()
}

/// Whether the bank has the money, or had it: such a charge is not refunded. An inquiry does not stand in the way.
pub(crate) fn forbids_refund(tables: &Tables, charge: &str) -> bool {
    tables.list::<Dispute>(charge).any(|dispute| !dispute.status.is_inquiry())
}

/// How much of a charge can still be disputed.
pub(crate) fn disputable(tx: &Tx<'_>, charge: &Charge) -> i64 {
    let disputed: i64 = tx.tables.list::<Dispute>(&charge.id).map(|dispute| dispute.amount).sum();
    charge.amount_captured - disputed
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let dispute = call.owned::<Dispute>(&call.arg(0))?;
    Ok(dispute.render(call.tx.tables))
}

/// The seller does not fight: the money stays with the buyer.
fn accept(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let dispute = call.owned::<Dispute>(&call.arg(0))?;
    if !dispute.status.awaits_response() {
        return Err(StripeError::invalid(
            "This dispute is already closed, or its evidence was submitted.",
            "dispute",
        ));
    }
    let dispute = close(call.tx, dispute, Outcome::Lost)?;
    Ok(dispute.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let charge = call.params.text("charge")?;
    let intent = call.params.text("payment_intent")?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    let key = charge.clone().or_else(|| intent.clone()).unwrap_or_else(|| scope.clone());
    page.of::<Dispute>(
        call,
        &key,
        |dispute| {
            dispute.account == scope
                && created.holds(dispute.created)
                && (intent.is_none() || intent == dispute.payment_intent)
        },
        |tables, dispute| dispute.render(tables),
    )
}
