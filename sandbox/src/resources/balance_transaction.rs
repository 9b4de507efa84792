//! Balance transactions: every change of an account's balance. Only `books` writes them.

use serde::{Deserialize, Serialize};

use crate::{
    json::{Value, json},
    money::Currency,
    protocol::{
        call::{Answer, Call},
        list::{Page, Range},
        route::Route,
    },
    store::{Record, Tables},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/balance_transactions", list),
    Route::get("/v1/balance_transactions/{id}", retrieve),
    // The older path of the same list.
    Route::get("/v1/balance/history", list),
];

/// Stripe's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Charge,
    /// What was authorised and not captured.
    PartialCaptureReversal,
    Payment,
    Transfer,
    ApplicationFee,
    StripeFee,
    Refund,
    PaymentRefund,
    TransferRefund,
    ApplicationFeeRefund,
    /// What a seller gets back of an application fee.
    Adjustment,
    /// What a dispute takes.
    Dispute,
    /// What a dispute gives back.
    DisputeReversal,
    /// What a refund that failed gives back.
    RefundFailure,
    Payout,
    PayoutCancel,
    PayoutFailure,
    /// Money that was paid out comes back because the platform wants it.
    PayoutReversal,
    /// What stays behind when money goes out by schedule, and what comes back of it at once for the next time.
    PayoutMinimumBalanceHold,
    PayoutMinimumBalanceRelease,
    Topup,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Payment => "payment",
            Self::Transfer => "transfer",
            Self::ApplicationFee => "application_fee",
            Self::StripeFee => "stripe_fee",
            Self::Refund | Self::PartialCaptureReversal => "refund",
            Self::PaymentRefund => "payment_refund",
            Self::TransferRefund => "transfer_refund",
            Self::ApplicationFeeRefund => "application_fee_refund",
            Self::Adjustment | Self::Dispute | Self::DisputeReversal => "adjustment",
            Self::RefundFailure => "refund_failure",
            Self::Payout => "payout",
            Self::PayoutCancel => "payout_cancel",
            Self::PayoutFailure => "payout_failure",
            // Stripe writes it as a payout with the other sign.
            Self::PayoutReversal => "payout",
            Self::PayoutMinimumBalanceHold => "payout_minimum_balance_hold",
            Self::PayoutMinimumBalanceRelease => "payout_minimum_balance_release",
            Self::Topup => "topup",
        }
    }

    fn reporting_category(self) -> &'static str {
        match self {
            Self::Charge | Self::Payment => "charge",
            Self::PartialCaptureReversal => "partial_capture_reversal",
            Self::Transfer => "transfer",
            Self::ApplicationFee => "platform_earning",
            Self::StripeFee | Self::Adjustment => "fee",
            Self::Refund | Self::PaymentRefund => "refund",
            Self::TransferRefund => "transfer_reversal",
            Self::ApplicationFeeRefund => "platform_earning_refund",
            Self::Dispute => "dispute",
            Self::DisputeReversal => "dispute_reversal",
            Self::RefundFailure => "refund_failure",
            Self::Payout => "payout",
            Self::PayoutCancel | Self::PayoutFailure | Self::PayoutReversal => "payout_reversal",
            Self::PayoutMinimumBalanceHold => "payout_minimum_balance_hold",
            Self::PayoutMinimumBalanceRelease => "payout_minimum_balance_release",
            Self::Topup => "topup",
        }
    }
}

/// A part of what was deducted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FeeDetail {
    pub(crate) amount: i64,
    /// The application that took it; none if it is Stripe's.
    pub(crate) application: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct BalanceTransaction {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) kind: Kind,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) fees: Vec<FeeDetail>,
    pub(crate) currency: Currency,
    /// What one minor unit of the source's currency was exchanged for, as a decimal.
    #[serde(default)]
    pub(crate) exchange_rate: Option<String>,
    pub(crate) source: String,
    pub(crate) description: Option<String>,
    pub(crate) created: i64,
    pub(crate) available_ms: i64,
    pub(crate) pending: bool,
    /// The automatic payout that it went out with.
    pub(crate) payout: Option<String>,
}

impl Record for BalanceTransaction {
    const NOUN: &'static str = "balance transaction";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.source.clone()];
        match &self.payout {
            Some(payout) => keys.push(payout.clone()),
            None if self.pending => {}
            None => keys.push(Self::waiting_for_payout(&self.account)),
        }
        keys
    }

    fn due_ms(&self) -> Option<i64> {
        self.pending.then_some(self.available_ms)
    }
}

impl BalanceTransaction {
    /// The key of what is available and has not gone out with an automatic payout yet.
    pub(crate) fn waiting_for_payout(account: &str) -> String {
        format!("not paid out {account}")
    }

    pub(crate) fn net(&self) -> i64 {
        self.amount - self.fee
    }

    pub(crate) fn render(&self, _: &Tables) -> Value {
        let fee_details: Vec<Value> = self.fees.iter().map(|fee| fee.render(self)).collect();
        json!({
            "id": self.id,
            "object": "balance_transaction",
            "amount": self.amount,
            "available_on": self.available_ms.div_euclid(1000),
            "balance_type": "payments",
            "created": self.created,
            "currency": self.currency,
            "description": self.description,
            "exchange_rate": self.exchange_rate.as_deref().and_then(decimal),
            "fee": self.fee,
            "fee_details": fee_details,
            "net": self.net(),
            "reporting_category": self.kind.reporting_category(),
            "source": self.source,
            "status": if self.pending { "pending" } else { "available" },
            "type": self.kind.as_str(),
        })
    }
}

/// A JSON number out of decimal digits, without arithmetic on floats.
fn decimal(digits: &str) -> Option<Value> {
    serde_json::from_str(digits).ok()
}

impl FeeDetail {
    pub(crate) fn stripe(amount: i64) -> Self {
        Self { amount, application: None }
    }

    pub(crate) fn application(amount: i64, application: String) -> Self {
        Self { amount, application: Some(application) }
    }

    fn render(&self, of: &BalanceTransaction) -> Value {
        let (kind, description) = match (&self.application, of.kind) {
            (Some(_), _) => ("application_fee", "Application fee"),
            (None, Kind::Dispute | Kind::DisputeReversal) => ("stripe_fee", "Dispute fee"),
            (None, _) => ("stripe_fee", "Stripe processing fees"),
        };
        json!({
            "amount": self.amount,
            "application": self.application,
            "currency": of.currency,
            "description": description,
            "type": kind,
        })
    }
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let transaction = call.owned::<BalanceTransaction>(&call.arg(0))?;
    Ok(transaction.render(call.tx.tables))
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let currency = call.params.currency("currency")?;
    let kind = call.params.text("type")?;
    let payout = call.params.text("payout")?;
    let source = call.params.text("source")?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    // The narrowest key that was asked for.
    let key = payout.clone().or_else(|| source.clone()).unwrap_or_else(|| scope.clone());
    page.of::<BalanceTransaction>(
        call,
        &key,
        |found| {
            found.account == scope
                && created.holds(found.created)
                && currency.is_none_or(|currency| currency == found.currency)
                && kind.as_deref().is_none_or(|kind| kind == found.kind.as_str())
                && source.as_deref().is_none_or(|source| source == found.source)
                && (payout.is_none() || payout == found.payout)
        },
        |tables, found| found.render(tables),
    )
}
