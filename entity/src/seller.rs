//! Who sells on the marketplace, and what Stripe says of their account.

use sea_orm::entity::prelude::*;

use crate::{SellerId, StripeAccountId};

/// Where a seller stands, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Status {
    /// The onboarding form is not submitted.
    Onboarding,
    /// Submitted; Stripe verifies.
    Pending,
    /// Transfers and payouts are enabled.
    Active,
    /// Submitted, but something is missing or was taken away.
    Restricted,
    /// Stripe or the platform refused the seller.
    Rejected,
    /// The account no longer belongs to this platform.
    Disconnected,
}

/// The kind of Stripe account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum AccountType {
    /// Stripe hosts onboarding and a light dashboard; the platform is responsible.
    Express,
}

/// A seller.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sellers")]
pub struct Model {
    /// Primary key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SellerId,
    /// Where Stripe and the marketplace write to.
    pub email: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// The kind of Stripe account.
    pub account_type: AccountType,
    /// What buyers see.
    pub display_name: Option<String>,
    /// `individual`, `company`, ... as Stripe names it.
    pub business_type: Option<String>,
    /// One word from the fields below.
    pub status: Status,
    /// Null until Stripe has made the account.
    #[sea_orm(unique)]
    pub stripe_account_id: Option<StripeAccountId>,
    /// Stripe: the account can take charges of its own.
    pub charges_enabled: bool,
    /// Stripe: the account can be paid out.
    pub payouts_enabled: bool,
    /// Stripe: the onboarding form was submitted.
    pub details_submitted: bool,
    /// Stripe's `capabilities`: name to `active | inactive | pending`.
    #[sea_orm(column_type = "JsonBinary")]
    pub capabilities: Json,
    /// Stripe's `requirements`, as it came.
    #[sea_orm(column_type = "JsonBinary")]
    pub requirements: Json,
    /// The caller's own keys and values.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether Stripe says that a capability is `active`.
    #[must_use]
    pub fn has_capability(&self, name: &str) -> bool {
        self.capabilities.get(name).and_then(|state| state.as_str()) == Some("active")
    }
}

impl Entity {
    /// The seller whose Stripe account this is.
    #[must_use]
    pub fn of_account(account: &StripeAccountId) -> Select<Self> {
        Self::find().filter(Column::StripeAccountId.eq(account.clone()))
    }
}
