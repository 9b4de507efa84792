//! Charges: what a card was charged (`ch_`), and the payments that transfers arrive as (`py_`).

mod render;
mod settle;

use serde::{Deserialize, Serialize};

pub(crate) use self::settle::{finish_capture, settle};
pub(crate) use super::aftermath::after_payment;
use super::{
    bank_method::DebitOutcome,
    card::{Aftermath, Card, Decline},
    customer, payment_intent,
    payment_method::{BillingDetails, Instrument, PaymentMethod},
    transfer::Transfer,
};
use crate::{
    json::Value,
    money::Currency,
    protocol::{
        call::{Answer, Call},
        error::StripeError,
        list::{Page, Range},
        params::Metadata,
        route::Route,
    },
    store::Record,
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/charges", list),
    Route::get("/v1/charges/{id}", retrieve),
    Route::post("/v1/charges/{id}", update),
    Route::post("/v1/charges/{id}/capture", payment_intent::capture_charge),
];

/// Where the money of a destination charge goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransferData {
    pub(crate) destination: String,
    /// Less than all of it.
    pub(crate) amount: Option<i64>,
}

/// How it was paid.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaidWith {
    Card {
        method: String,
        card: Card,
        billing: BillingDetails,
        authenticated: bool,
    },
    /// A bank debit or a redirect to a bank.
    Bank {
        method: String,
        instrument: Instrument,
        billing: BillingDetails,
    },
    /// The balance of the platform, by a transfer.
    StripeAccount,
}

impl PaidWith {
    pub(crate) fn of(method: PaymentMethod, authenticated: bool) -> Self {
        let PaymentMethod { id, instrument, billing, .. } = method;
        match instrument {
            Instrument::Card(card) => Self::Card { method: id, card, billing, authenticated },
            instrument => Self::Bank { method: id, instrument, billing },
        }
    }

    /// The id of the payment method.
    pub(crate) fn method(&self) -> Option<&str> {
        match self {
            Self::Card { method, .. } | Self::Bank { method, .. } => Some(method),
            Self::StripeAccount => None,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) amount: i64,
    pub(crate) amount_captured: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: Currency,
    pub(crate) captured: bool,
    /// A debit whose bank has not answered yet.
    #[serde(default)]
    pub(crate) pending: bool,
    /// When an authorisation that is not captured goes back to the card.
    #[serde(default)]
    pub(crate) capture_before: Option<i64>,
    pub(crate) failure: Option<Decline>,
    pub(crate) payment_intent: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) paid_with: PaidWith,
    pub(crate) application: Option<String>,
    pub(crate) application_fee_amount: Option<i64>,
    pub(crate) application_fee: Option<String>,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) transfer_data: Option<TransferData>,
    pub(crate) transfer: Option<String>,
    pub(crate) source_transfer: Option<String>,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) transfer_group: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) shipping: Option<Value>,
    pub(crate) metadata: Metadata,
    /// What the merchant says of it: `fraudulent | safe`.
    #[serde(default)]
    pub(crate) fraud_report: Option<String>,
    pub(crate) created: i64,
}

impl Record for Charge {
    const NOUN: &'static str = "charge";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.payment_intent.iter().chain(&self.customer).cloned().collect();
        keys.extend(self.transfer_group.as_ref().map(|group| format!("group {group}")));
        keys
    }
}

impl Charge {
    pub(crate) fn is_paid(&self) -> bool {
        self.failure.is_none() && !self.pending
    }

    /// What the card that paid it leads to, if it is one that does.
    pub(crate) fn aftermath(&self) -> Option<Aftermath> {
        match &self.paid_with {
            PaidWith::Card { card, .. } => card.aftermath,
            PaidWith::Bank { instrument, .. } => {
                (instrument.debit() == Some(DebitOutcome::Disputed)).then_some(Aftermath::Dispute)
            }
            PaidWith::StripeAccount => None,
        }
    }

    /// The payment that a transfer arrives as.
    pub(crate) fn of_transfer(
        transfer: &Transfer,
        transaction: Option<String>,
        fee: Option<(String, i64)>,
    ) -> Self {
        let (application_fee, application_fee_amount) = fee.unzip();
        Self {
            id: transfer.destination_payment.clone(),
            account: transfer.destination.clone(),
            amount: transfer.amount,
            amount_captured: transfer.amount,
            amount_refunded: 0,
            currency: transfer.currency,
            captured: true,
            pending: false,
            capture_before: None,
            failure: None,
            payment_intent: None,
            customer: None,
            paid_with: PaidWith::StripeAccount,
            application: application_fee.as_ref().map(|_| super::application_of(&transfer.platform)),
            application_fee_amount,
            application_fee,
            balance_transaction: transaction,
            transfer_data: None,
            transfer: None,
            source_transfer: Some(transfer.id.clone()),
            on_behalf_of: None,
            transfer_group: None,
            description: None,
            receipt_email: None,
            statement_descriptor: None,
            statement_descriptor_suffix: None,
            shipping: None,
            metadata: Metadata::new(),
            fraud_report: None,
            created: transfer.created,
        }
    }
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let charge = call.owned::<Charge>(&call.arg(0))?;
    Ok(charge.render(call.tx.tables))
}

fn update(call: &mut Call<'_, '_>) -> Answer {
    let mut charge = call.owned::<Charge>(&call.arg(0))?;
    let before = charge.render(call.tx.tables);
    call.params.change("description")?.apply(&mut charge.description);
    call.params.change("receipt_email")?.apply(&mut charge.receipt_email);
    if let Some(group) = call.params.text("transfer_group")? {
        charge.transfer_group = Some(group);
    }
    call.params.metadata(&mut charge.metadata)?;
    if let Some(id) = call.params.text("customer")? {
        if charge.customer.as_ref().is_some_and(|known| *known != id) {
            let message = "You cannot change the customer of a charge that has one.";
            return Err(StripeError::invalid(message, "customer"));
        }
        charge.customer = Some(customer::referenced(call, &id)?.id);
    }
    if let Some(shipping) = call.params.json("shipping") {
        charge.shipping = Some(shipping).filter(Value::is_object).map(payment_intent::complete_shipping);
    }
    if let Some(mut fraud) = call.params.hash("fraud_details")? {
        let report = fraud.choice("user_report", &["fraudulent", "safe"])?;
        fraud.finish()?;
        charge.fraud_report = report;
    }
    call.finish()?;
    call.tx.put(charge.clone());
    let after = charge.render(call.tx.tables);
    call.tx.emit_change(&charge.account, "charge.updated", &before, &after);
    Ok(after)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let customer = call.params.text("customer")?;
    let intent = call.params.text("payment_intent")?;
    let group = call.params.text("transfer_group")?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    let key = intent
        .clone()
        .or_else(|| group.as_ref().map(|group| format!("group {group}")))
        .or_else(|| customer.clone())
        .unwrap_or_else(|| scope.clone());
    page.of::<Charge>(
        call,
        &key,
        |charge| {
            charge.account == scope
                && created.holds(charge.created)
                && (customer.is_none() || customer == charge.customer)
                && (intent.is_none() || intent == charge.payment_intent)
                && (group.is_none() || group == charge.transfer_group)
        },
        |tables, charge| charge.render(tables),
    )
}
