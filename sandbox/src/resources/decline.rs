//! Why a payment is declined, and how Stripe says so.
//!
//! Codes, advice and messages are those of <https://docs.stripe.com/declines/codes> and
//! <https://docs.stripe.com/error-codes>.

use serde::{Deserialize, Serialize};

use crate::{json::json, protocol::error::StripeError};

/// Why a card or a bank account is declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decline {
    Generic,
    InsufficientFunds,
    LostCard,
    StolenCard,
    ExpiredCard,
    IncorrectCvc,
    ProcessingError,
    VelocityExceeded,
    /// Stripe's own fraud rules blocked it: no bank was asked.
    Fraudulent,
    /// Charged off session, but the bank wants to see the buyer.
    AuthenticationRequired,
    /// A debit: the account is closed.
    AccountClosed,
    /// A debit: there is no such account.
    NoAccount,
    /// A debit: the account lacks the money.
    DebitInsufficientFunds,
    /// A debit: its owner did not allow it.
    DebitNotAuthorized,
    /// A debit: the account is in another currency.
    InvalidCurrency,
    /// A debit: the bank gave no reason.
    CouldNotProcess,
    /// A debit: more than the limit of one payment.
    ExceedsTransactionLimit,
    /// A debit: more than the limit of a week.
    ExceedsWeeklyLimit,
}

impl Decline {
    /// The error's code and, besides, the decline code.
    pub(crate) fn codes(self) -> (&'static str, &'static str) {
        match self {
            Self::Generic => ("card_declined", "generic_decline"),
            Self::InsufficientFunds => ("card_declined", "insufficient_funds"),
            Self::LostCard => ("card_declined", "lost_card"),
            Self::StolenCard => ("card_declined", "stolen_card"),
            Self::VelocityExceeded => ("card_declined", "card_velocity_exceeded"),
            Self::Fraudulent => ("card_declined", "fraudulent"),
            Self::ExpiredCard => ("expired_card", "expired_card"),
            Self::IncorrectCvc => ("incorrect_cvc", "incorrect_cvc"),
            Self::ProcessingError => ("processing_error", "processing_error"),
            Self::AuthenticationRequired => ("authentication_required", "authentication_required"),
            Self::AccountClosed => ("account_closed", "account_closed"),
            Self::NoAccount => ("no_account", "no_account"),
            Self::DebitInsufficientFunds => ("insufficient_funds", "insufficient_funds"),
            Self::DebitNotAuthorized => ("debit_not_authorized", "debit_not_authorized"),
            Self::InvalidCurrency => ("payment_method_currency_mismatch", "invalid_currency"),
            Self::CouldNotProcess => ("payment_intent_payment_attempt_failed", "generic_could_not_process"),
            Self::ExceedsTransactionLimit => {
                ("charge_exceeds_transaction_limit", "charge_exceeds_transaction_limit")
            }
            Self::ExceedsWeeklyLimit => ("charge_exceeds_source_limit", "charge_exceeds_source_limit"),
        }
    }

    /// A card was declined by its bank or by Stripe, as opposed to a debit that did not go through.
    pub(crate) fn is_of_card(self) -> bool {
        !matches!(
            self,
            Self::AccountClosed
                | Self::NoAccount
                | Self::DebitInsufficientFunds
                | Self::DebitNotAuthorized
                | Self::InvalidCurrency
                | Self::CouldNotProcess
                | Self::ExceedsTransactionLimit
                | Self::ExceedsWeeklyLimit
        )
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Generic | Self::LostCard | Self::StolenCard | Self::Fraudulent => "Your card was declined.",
            Self::InsufficientFunds => "Your card has insufficient funds.",
            Self::VelocityExceeded => {
                "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
            }
            Self::ExpiredCard => "Your card has expired.",
            Self::IncorrectCvc => "Your card's security code is incorrect.",
            Self::ProcessingError => {
                "An error occurred while processing your card. Try again in a little bit."
            }
            Self::AuthenticationRequired => {
                "Your card was declined. This transaction requires authentication."
            }
            Self::AccountClosed => "The customer's bank account has been closed.",
            Self::NoAccount => "The customer's bank account could not be located.",
            Self::DebitInsufficientFunds => {
                "The customer's account has insufficient funds to cover this payment."
            }
            Self::DebitNotAuthorized => {
                "The customer has notified their bank that this payment was unauthorized."
            }
            Self::InvalidCurrency => "The bank account does not support the currency of this payment.",
            Self::CouldNotProcess => "The payment could not be processed by the customer's bank.",
            Self::ExceedsTransactionLimit => {
                "The payment is larger than what is allowed for one transaction."
            }
            Self::ExceedsWeeklyLimit => "The payment exceeds the weekly volume that is allowed.",
        }
    }

    /// What to do about it.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::LostCard | Self::StolenCard | Self::Fraudulent => "do_not_try_again",
            Self::ExpiredCard | Self::IncorrectCvc | Self::AuthenticationRequired => "confirm_card_data",
            _ => "try_again_later",
        }
    }

    /// The code that the card network gave.
    pub(crate) fn network_code(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "51",
            Self::LostCard => "41",
            Self::StolenCard => "43",
            Self::ExpiredCard => "54",
            Self::IncorrectCvc => "N7",
            Self::ProcessingError => "96",
            Self::VelocityExceeded => "65",
            Self::Fraudulent => "59",
            _ => "01",
        }
    }

    /// The refusal that it is; what was done before it stays.
    pub(crate) fn into_error(self) -> StripeError {
        let (code, decline_code) = self.codes();
        StripeError::card(code, self.message())
            .with("advice_code", json!(self.advice()))
            .with("decline_code", json!(decline_code))
            .with("network_advice_code", json!("02"))
            .with("network_decline_code", json!(self.network_code()))
    }
}
