//! Souk's tables and the types that they are made of: typed ids, [`Money`], [`Scope`], statuses.
//!
//! One file a table. A model says what a row is, never what the API shows: wire types live in the rooms.
//! Tenant queries start from the scoped finders that stand beside the models.

#![expect(
    clippy::disallowed_methods,
    reason = "sea-orm generates calls of `begin` for every model; nothing here begins a transaction itself"
)]

mod ids;
mod money;
mod scope;

pub mod balance_transaction;
pub mod buyer;
pub mod commission_rule;
pub mod event;
pub mod event_cursor;
pub mod idempotency_key;
pub mod import_cursor;
pub mod import_wake;
pub mod inbox_object;
pub mod invariant_check;
pub mod invariant_violation;
pub mod job;
pub mod ledger_account;
pub mod ledger_entry;
pub mod ledger_transaction;
pub mod listing;
pub mod order;
pub mod order_line;
pub mod order_share;
pub mod payment_method;
pub mod payout;
pub mod reconciliation;
pub mod seller;
pub mod setup_intent;
pub mod stripe_event;
pub mod stripe_request;
pub mod webhook_secret_use;

pub use ids::{
    BuyerId, CommissionRuleId, EventId, IdParseError, JobId, LedgerAccountId, LedgerTransactionId, ListingId,
    OrderId, OrderLineId, OrderShareId, PaymentMethodId, PayoutId, ReconciliationId, SellerId, SetupIntentId,
    StripeRequestId,
};
pub use money::{Currency, Money, MoneyError, split_by_largest_remainder};
pub use scope::{Scope, ScopeParseError, StripeAccountId};
