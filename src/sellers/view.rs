//! What the API shows of a seller.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use serde_json::Value;
use souk_entity::{SellerId, seller};

use super::status::payable;
use crate::api::Id;

/// Where a seller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "SellerStatus", rename_all = "snake_case")]
pub(super) enum StatusView {
    /// The onboarding form is not submitted.
    Onboarding,
    /// Submitted; Stripe verifies.
    Pending,
    /// Transfers and payouts are enabled.
    Active,
    /// Something is missing or was taken away: see `requirements`.
    Restricted,
    /// Refused by Stripe or the platform.
    Rejected,
    /// The account no longer belongs to this platform.
    Disconnected,
}

/// The kind of Stripe account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "AccountType", rename_all = "snake_case")]
pub(super) enum AccountTypeView {
    /// Stripe hosts onboarding and a light dashboard.
    Express,
}

/// By which charge models a seller can be paid now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Payable")]
pub(super) struct PayableView {
    /// Destination charges.
    pub(super) destination: bool,
    /// Separate charges and transfers.
    pub(super) separate: bool,
    /// Direct charges.
    pub(super) direct: bool,
}

/// What Stripe still wants of a seller; names of fields are Stripe's.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Requirements", skip_serializing_if_is_none)]
pub(super) struct RequirementsView {
    /// Needed now.
    pub(super) currently_due: Vec<String>,
    /// Needed later.
    pub(super) eventually_due: Vec<String>,
    /// Needed long since: something is disabled for it.
    pub(super) past_due: Vec<String>,
    /// Given; Stripe verifies it.
    pub(super) pending_verification: Vec<String>,
    /// Why something is disabled.
    pub(super) disabled_reason: Option<String>,
    /// Until when what is currently due must be given.
    pub(super) deadline: Option<DateTime<Utc>>,
}

/// A seller.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Seller", skip_serializing_if_is_none)]
pub(super) struct SellerView {
    /// `seller_...`
    pub(super) id: Id<SellerId>,
    /// Where Stripe and the marketplace write to.
    pub(super) email: String,
    /// ISO 3166-1 alpha-2.
    pub(super) country: String,
    /// The kind of Stripe account.
    pub(super) account_type: AccountTypeView,
    /// What buyers see.
    pub(super) display_name: Option<String>,
    /// `individual`, `company`, ...
    pub(super) business_type: Option<String>,
    /// One word for where the seller stands.
    pub(super) status: StatusView,
    /// By which charge models the seller can be paid now.
    pub(super) payable: PayableView,
    /// Stripe: the account can take charges of its own.
    pub(super) charges_enabled: bool,
    /// Stripe: the account can be paid out.
    pub(super) payouts_enabled: bool,
    /// Stripe: each capability is `active`, `pending` or `inactive`.
    pub(super) capabilities: BTreeMap<String, String>,
    /// What is still missing.
    pub(super) requirements: RequirementsView,
    /// `acct_...`
    pub(super) stripe_account_id: Option<String>,
    /// The caller's own keys and values.
    pub(super) metadata: BTreeMap<String, String>,
    /// When the seller was created.
    pub(super) created_at: DateTime<Utc>,
    /// When anything of this last changed.
    pub(super) updated_at: DateTime<Utc>,
}

impl From<&seller::Model> for SellerView {
    fn from(seller: &seller::Model) -> Self {
        let payable = payable(seller);
        Self {
            id: Id(seller.id),
            email: seller.email.clone(),
            country: seller.country.clone(),
            account_type: match seller.account_type {
                seller::AccountType::Express => AccountTypeView::Express,
            },
            display_name: seller.display_name.clone(),
            business_type: seller.business_type.clone(),
            status: StatusView::from(seller.status),
            payable: PayableView {
                destination: payable.destination,
                separate: payable.separate,
                direct: payable.direct,
            },
            charges_enabled: seller.charges_enabled,
            payouts_enabled: seller.payouts_enabled,
            capabilities: texts(&seller.capabilities),
            requirements: RequirementsView::from(&seller.requirements),
            stripe_account_id: seller.stripe_account_id.as_ref().map(ToString::to_string),
            metadata: texts(&seller.metadata),
            created_at: seller.created_at,
            updated_at: seller.updated_at,
        }
    }
}

impl From<seller::Status> for StatusView {
    fn from(status: seller::Status) -> Self {
        match status {
            seller::Status::Onboarding => Self::Onboarding,
            seller::Status::Pending => Self::Pending,
            seller::Status::Active => Self::Active,
            seller::Status::Restricted => Self::Restricted,
            seller::Status::Rejected => Self::Rejected,
            seller::Status::Disconnected => Self::Disconnected,
        }
    }
}

impl From<&Value> for RequirementsView {
    fn from(requirements: &Value) -> Self {
        let list = |name: &str| {
            let items = requirements.get(name).and_then(Value::as_array);
            items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let deadline = requirements.get("current_deadline").and_then(Value::as_i64);
        Self {
            currently_due: list("currently_due"),
            eventually_due: list("eventually_due"),
            past_due: list("past_due"),
            pending_verification: list("pending_verification"),
            disabled_reason: requirements.get("disabled_reason").and_then(Value::as_str).map(str::to_owned),
            deadline: deadline.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        }
    }
}

fn texts(object: &Value) -> BTreeMap<String, String> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
