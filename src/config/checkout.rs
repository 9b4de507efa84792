//! How carts become orders.

use clap::{Args, ValueEnum};

/// Settings of the checkout.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct CheckoutSettings {
    /// What becomes of a cart whose seller can't receive transfers yet: it is refused, or paid by a separate charge,
    /// of which the seller's share waits until they can.
    #[arg(long, env = "SOUK_NOT_PAYABLE", value_enum, default_value_t)]
    pub not_payable: NotPayable,
}

/// What to do where a destination charge can't reach its seller yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NotPayable {
    /// Refuse the checkout.
    #[default]
    Refuse,
    /// Make a separate charge.
    Separate,
}
