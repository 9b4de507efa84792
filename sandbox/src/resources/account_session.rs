//! Account sessions: what an embedded component of Connect starts with. The sandbox has no components; it answers
//! what Stripe answers, and the secret opens nothing.

use crate::json::{Map, Value, json};

use crate::protocol::{
    call::{Answer, Call},
    error::StripeError,
    params::Params,
    route::Route,
};

pub(crate) const ROUTES: &[Route] = &[Route::post("/v1/account_sessions", create)];

/// How long a session lasts, in seconds.
const LIFETIME_SECONDS: i64 = 60 * 60;

/// Stripe's components, and the features that each can be given.
const COMPONENTS: &[(&str, &[&str])] = &[
    ("account_management", &["disable_stripe_user_authentication", "external_account_collection"]),
    ("account_onboarding", &["disable_stripe_user_authentication", "external_account_collection"]),
    ("balance_report", &[]),
    (
        "balances",
        &[
            "disable_stripe_user_authentication",
            "edit_payout_schedule",
            "external_account_collection",
            "instant_payouts",
            "standard_payouts",
        ],
    ),
    (
        "disputes_list",
        &[
            "capture_payments",
            "destination_on_behalf_of_charge_management",
            "dispute_management",
            "refund_management",
            "smart_disputes_management",
        ],
    ),
    ("documents", &[]),
    (
        "financial_account",
        &[
            "disable_stripe_user_authentication",
            "external_account_collection",
            "send_money",
            "transfer_balance",
        ],
    ),
    ("financial_account_transactions", &["card_spend_dispute_management"]),
    (
        "instant_payouts_promotion",
        &["disable_stripe_user_authentication", "external_account_collection", "instant_payouts"],
    ),
    (
        "issuing_card",
        &[
            "card_management",
            "card_spend_dispute_management",
            "cardholder_management",
            "spend_control_management",
        ],
    ),
    (
        "issuing_cards_list",
        &[
            "card_management",
            "card_spend_dispute_management",
            "cardholder_management",
            "disable_stripe_user_authentication",
            "spend_control_management",
        ],
    ),
    ("notification_banner", &["disable_stripe_user_authentication", "external_account_collection"]),
    (
        "payment_details",
        &[
            "capture_payments",
            "destination_on_behalf_of_charge_management",
            "dispute_management",
            "refund_management",
            "smart_disputes_management",
        ],
    ),
    (
        "payment_disputes",
        &[
            "destination_on_behalf_of_charge_management",
            "dispute_management",
            "refund_management",
            "smart_disputes_management",
        ],
    ),
    ("payment_method_settings", &["disable_stripe_user_authentication"]),
    (
        "payments",
        &[
            "capture_payments",
            "destination_on_behalf_of_charge_management",
            "dispute_management",
            "refund_management",
            "smart_disputes_management",
        ],
    ),
    ("payout_details", &[]),
    ("payout_reconciliation_report", &[]),
    (
        "payouts",
        &[
            "disable_stripe_user_authentication",
            "edit_payout_schedule",
            "external_account_collection",
            "instant_payouts",
            "standard_payouts",
        ],
    ),
    ("payouts_list", &[]),
    ("tax_registrations", &[]),
    ("tax_settings", &[]),
];

/// Features that are on unless they are turned off, as Stripe documents them.
const ON_BY_DEFAULT: &[&str] = &[
    "capture_payments",
    "dispute_management",
    "edit_payout_schedule",
    "external_account_collection",
    "refund_management",
    "standard_payouts",
];

fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. For whom, and which components.
    let id = call.params.required("account")?;
    let mut wanted = call.params.hash("components")?.ok_or_else(|| StripeError::missing("components"))?;
    let mut components = Map::new();
    for (name, features) in COMPONENTS {
        components.insert(*name, component(&mut wanted, name, features)?);
    }
    wanted.finish()?;
    call.finish()?;
    let account = call.account(&id)?;
    if account.is_platform() {
        let message = "You cannot create account sessions for your own account.";
        return Err(StripeError::invalid(message, "account"));
    }

    // 2. One session; Stripe keeps no object of it that could be read again.
    let session = call.tx.new_id("accs");
    let secret = call.tx.secret_for(&session, 40);
    Ok(json!({
        "object": "account_session",
        "account": account.id,
        "client_secret": format!("{session}_secret_{secret}"),
        "components": components,
        "expires_at": call.tx.now() + LIFETIME_SECONDS,
        "livemode": false,
    }))
}

/// One component, with all its features spelled out.
fn component(wanted: &mut Params, name: &str, known: &[&'static str]) -> Result<Value, StripeError> {
    let mut given = Map::new();
    let mut enabled = false;
    if let Some(mut hash) = wanted.hash(name)? {
        let required = hash.name_of("enabled");
        enabled = hash.boolean("enabled")?.ok_or_else(|| StripeError::missing(&required))?;
        if let Some(mut features) = hash.hash("features")? {
            for feature in known {
                given.extend(features.boolean(feature)?.map(|on| (*feature, json!(on))));
            }
            features.finish()?;
        }
        hash.finish()?;
    }
    for feature in known {
        let default = enabled && ON_BY_DEFAULT.contains(feature);
        given.or_insert((*feature).into(), json!(default));
    }
    Ok(json!({ "enabled": enabled, "features": given }))
}
