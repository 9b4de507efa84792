//! What the marketplace keeps of each line that is sold.
//!
//! A rule says of which lines (seller, category, listing, currency: all that it names must fit) and how much: basis
//! points of the line's amount, rounded half up, plus a fixed part, held between a minimum and a maximum. The fixed
//! part, the minimum and the maximum count once for each line, whatever its quantity. One rule decides a line, the
//! most specific that is in effect ([`Rules`]); where there is none, `SOUK_COMMISSION_BPS` does.
//!
//! States: to come, in effect, over (by its dates, in business time); deleted, for good.
//!
//! Invariants: a commission is never negative and never above its line. An order's lines freeze the amount and the
//! rule's id: changing or deleting a rule is for later sales. What a rule is for never changes, and its row never
//! goes: lines name it. Each change is told with the whole of the rule, so that the events say what it was and when.

mod api;
mod change;
mod create;
mod delete;
mod error;
mod preview;
mod rules;
mod store;
mod tell;
mod terms;
#[cfg(test)]
pub(crate) mod testing;
mod view;

pub use api::CommissionsApi;
pub use rules::{Commission, Rules, Sold};
pub use store::rules_for;
