//! Stripe's resources: one noun, one file. Each has its typed state, its JSON, and the operations on it.

pub(crate) mod account;
pub(crate) mod account_link;
pub(crate) mod account_session;
pub(crate) mod address;
pub(crate) mod aftermath;
pub(crate) mod application_fee;
pub(crate) mod balance;
pub(crate) mod balance_settings;
pub(crate) mod balance_transaction;
pub(crate) mod bank_method;
pub(crate) mod capability;
pub(crate) mod card;
pub(crate) mod charge;
pub(crate) mod checkout;
pub(crate) mod customer;
pub(crate) mod decline;
pub(crate) mod dispute;
pub(crate) mod early_fraud_warning;
pub(crate) mod event;
pub(crate) mod external_account;
pub(crate) mod fee_refund;
pub(crate) mod file;
pub(crate) mod login_link;
pub(crate) mod oauth;
pub(crate) mod payment_intent;
pub(crate) mod payment_method;
pub(crate) mod payout;
pub(crate) mod person;
pub(crate) mod refund;
pub(crate) mod review;
pub(crate) mod setup_intent;
pub(crate) mod topup;
pub(crate) mod transfer;
pub(crate) mod transfer_reversal;
pub(crate) mod webhook_endpoint;

use crate::{
    json::{Value, json},
    protocol::route::Route,
    store::{Stored, Tables},
};

/// Every operation that is served.
pub(crate) const ROUTES: &[&[Route]] = &[
    account::ROUTES,
    account_link::ROUTES,
    account_session::ROUTES,
    application_fee::ROUTES,
    balance::ROUTES,
    balance_settings::ROUTES,
    balance_transaction::ROUTES,
    capability::ROUTES,
    charge::ROUTES,
    checkout::ROUTES,
    customer::ROUTES,
    dispute::ROUTES,
    early_fraud_warning::ROUTES,
    event::ROUTES,
    external_account::ROUTES,
    fee_refund::ROUTES,
    file::ROUTES,
    login_link::ROUTES,
    oauth::ROUTES,
    payment_intent::ROUTES,
    payment_method::ROUTES,
    payout::ROUTES,
    person::ROUTES,
    refund::ROUTES,
    review::ROUTES,
    setup_intent::ROUTES,
    topup::ROUTES,
    transfer::ROUTES,
    transfer_reversal::ROUTES,
    webhook_endpoint::ROUTES,
];

/// The object that an id stands for, wherever it lives; the prefix says what it is.
pub(crate) fn render_by_id(tables: &Tables, id: &str) -> Option<Value> {
    fn one<T: Stored>(tables: &Tables, id: &str, render: impl Fn(&T, &Tables) -> Value) -> Option<Value> {
        tables.get::<T>(id).map(|record| render(record, tables))
    }
    match id.split_once('_')?.0 {
        "acct" => one(tables, id, account::Account::render),
        "ba" | "card" => one(tables, id, external_account::ExternalAccount::render),
        "ca" => Some(json!({ "id": id, "object": "application", "name": "Souk sandbox" })),
        "ch" | "py" => one(tables, id, charge::Charge::render),
        "cs" => one(tables, id, checkout::Session::render),
        "cus" => one(tables, id, customer::Customer::render),
        "du" => one(tables, id, dispute::Dispute::render),
        "fee" => one(tables, id, application_fee::ApplicationFee::render),
        "file" => one(tables, id, file::File::render),
        "fr" => one(tables, id, fee_refund::FeeRefund::render),
        "issfr" => one(tables, id, early_fraud_warning::EarlyFraudWarning::render),
        "pi" => one(tables, id, payment_intent::PaymentIntent::render),
        "pm" => one(tables, id, payment_method::PaymentMethod::render),
        "person" => one(tables, id, person::Person::render),
        "po" => one(tables, id, payout::Payout::render),
        "prv" => one(tables, id, review::Review::render),
        "prod" => {
            let items = tables.list::<checkout::Session>(id).flat_map(|session| &session.items);
            items.rev().find(|item| item.product == id).map(checkout::LineItem::render_product)
        }
        "re" | "pyr" => one(tables, id, refund::Refund::render),
        "seti" => one(tables, id, setup_intent::SetupIntent::render),
        "tu" => one(tables, id, topup::Topup::render),
        "tr" => one(tables, id, transfer::Transfer::render),
        "trr" => one(tables, id, transfer_reversal::TransferReversal::render),
        "txn" => one(tables, id, balance_transaction::BalanceTransaction::render),
        _ => None,
    }
}

/// A field that an object only has when it is asked for.
pub(crate) fn includable(tables: &Tables, object: &str, id: &str, field: &str) -> Option<Value> {
    match (object, field) {
        ("checkout.session", "line_items") => {
            tables.get::<checkout::Session>(id).map(checkout::Session::render_items)
        }
        ("charge", "refunds") => Some(refund::of_charge(tables, id)),
        _ => None,
    }
}

/// The id of the application that a platform's payments on connected accounts carry.
pub(crate) fn application_of(platform: &str) -> String {
    format!("ca_{}", platform.trim_start_matches("acct_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::keys::KeyKind;

    /// Source: what Stripe's reference says "a publishable key" may call.
    #[test]
    fn a_publishable_key_may_call_these_and_nothing_else() {
        let open = ROUTES.iter().copied().flatten().filter(|route| route.admits(KeyKind::Publishable));
        let mut open: Vec<(&str, &str)> = open.map(|route| (route.method, route.path)).collect();
        open.sort_unstable();
        assert_eq!(
            open,
            [
                ("GET", "/v1/payment_intents/{id}"),
                ("GET", "/v1/setup_intents/{id}"),
                ("POST", "/v1/payment_intents/{id}/confirm"),
                ("POST", "/v1/payment_methods"),
                ("POST", "/v1/setup_intents/{id}/confirm"),
            ]
        );
    }
}
