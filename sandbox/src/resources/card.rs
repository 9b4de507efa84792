//! Stripe's test cards: what each number and each `pm_card_...` does when it is charged.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::aftermath::Aftermath;

/// What a card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    Succeeds,
    /// The funds are available at once.
    BypassesPending,
    /// The buyer must confirm it with the bank first.
    NeedsAuthentication,
    Declines(Decline),
}

/// Why a card is declined.
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
    Fraudulent,
    /// Charged off session, but the bank wants to see the buyer.
    AuthenticationRequired,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Card {
    pub(crate) brand: String,
    pub(crate) funding: String,
    pub(crate) last4: String,
    pub(crate) exp_month: i64,
    pub(crate) exp_year: i64,
    pub(crate) fingerprint: String,
    pub(crate) behaviour: Behaviour,
    /// What follows a charge of it that succeeded.
    #[serde(default)]
    pub(crate) aftermath: Option<Aftermath>,
}

use Behaviour::{BypassesPending, Declines, NeedsAuthentication, Succeeds};

/// Number, name after `pm_card_`, brand, funding, behaviour. The first of a number is the one that it means.
const TEST_CARDS: &[(&str, &str, &str, &str, Behaviour)] = &[
    ("4242424242424242", "visa", "visa", "credit", Succeeds),
    ("4000056655665556", "visa_debit", "visa", "debit", Succeeds),
    ("5555555555554444", "mastercard", "mastercard", "credit", Succeeds),
    ("2223003122003222", "mastercard_2", "mastercard", "credit", Succeeds),
    ("5200828282828210", "mastercard_debit", "mastercard", "debit", Succeeds),
    ("5105105105105100", "mastercard_prepaid", "mastercard", "prepaid", Succeeds),
    ("378282246310005", "amex", "amex", "credit", Succeeds),
    ("6011111111111117", "discover", "discover", "credit", Succeeds),
    ("3056930009020004", "diners", "diners", "credit", Succeeds),
    ("3566002020360505", "jcb", "jcb", "credit", Succeeds),
    ("6200000000000005", "unionpay", "unionpay", "credit", Succeeds),
    // What follows these is in `aftermath`.
    ("4000000000000259", "createDispute", "visa", "credit", Succeeds),
    ("4000000000002685", "createDisputeProductNotReceived", "visa", "credit", Succeeds),
    ("4000000000001976", "createDisputeInquiry", "visa", "credit", Succeeds),
    ("4000000404000079", "createMultipleDisputes", "visa", "credit", Succeeds),
    ("4000000404000038", "createCe3EligibleDispute", "visa", "credit", Succeeds),
    ("4000008400000779", "createComplianceDispute", "visa", "credit", Succeeds),
    ("4000000000005423", "createIssuerFraudRecord", "visa", "credit", Succeeds),
    ("4000000000009235", "riskLevelElevated", "visa", "credit", Succeeds),
    ("4000000000007726", "pendingRefund", "visa", "credit", Succeeds),
    ("4000000000005126", "refundFail", "visa", "credit", Succeeds),
    ("4000000000000077", "bypassPending", "visa", "credit", BypassesPending),
    ("4000002760003184", "authenticationRequired", "visa", "credit", NeedsAuthentication),
    ("4000002500003155", "authenticationRequiredOnSetup", "visa", "credit", NeedsAuthentication),
    ("4000000000003220", "threeDSecure2Required", "visa", "credit", NeedsAuthentication),
    ("4000000000003063", "threeDSecureRequired", "visa", "credit", NeedsAuthentication),
    ("4000000000000002", "visa_chargeDeclined", "visa", "credit", Declines(Decline::Generic)),
    ("4000000000000002", "chargeDeclined", "visa", "credit", Declines(Decline::Generic)),
    ("4000000000000341", "chargeCustomerFail", "visa", "credit", Declines(Decline::Generic)),
    (
        "4000000000009995",
        "visa_chargeDeclinedInsufficientFunds",
        "visa",
        "credit",
        Declines(Decline::InsufficientFunds),
    ),
    (
        "4000000000009995",
        "chargeDeclinedInsufficientFunds",
        "visa",
        "credit",
        Declines(Decline::InsufficientFunds),
    ),
    ("4000000000009987", "visa_chargeDeclinedLostCard", "visa", "credit", Declines(Decline::LostCard)),
    ("4000000000009987", "chargeDeclinedLostCard", "visa", "credit", Declines(Decline::LostCard)),
    ("4000000000009979", "visa_chargeDeclinedStolenCard", "visa", "credit", Declines(Decline::StolenCard)),
    ("4000000000009979", "chargeDeclinedStolenCard", "visa", "credit", Declines(Decline::StolenCard)),
    ("4000000000000069", "visa_chargeDeclinedExpiredCard", "visa", "credit", Declines(Decline::ExpiredCard)),
    ("4000000000000069", "chargeDeclinedExpiredCard", "visa", "credit", Declines(Decline::ExpiredCard)),
    (
        "4000000000000127",
        "visa_chargeDeclinedIncorrectCvc",
        "visa",
        "credit",
        Declines(Decline::IncorrectCvc),
    ),
    ("4000000000000127", "chargeDeclinedIncorrectCvc", "visa", "credit", Declines(Decline::IncorrectCvc)),
    (
        "4000000000000119",
        "visa_chargeDeclinedProcessingError",
        "visa",
        "credit",
        Declines(Decline::ProcessingError),
    ),
    (
        "4000000000000119",
        "chargeDeclinedProcessingError",
        "visa",
        "credit",
        Declines(Decline::ProcessingError),
    ),
    (
        "4000000000006975",
        "visa_chargeDeclinedVelocityLimitExceeded",
        "visa",
        "credit",
        Declines(Decline::VelocityExceeded),
    ),
    (
        "4000000000006975",
        "chargeDeclinedVelocityLimitExceeded",
        "visa",
        "credit",
        Declines(Decline::VelocityExceeded),
    ),
    ("4100000000000019", "visa_chargeDeclinedFraudulent", "visa", "credit", Declines(Decline::Fraudulent)),
    ("4100000000000019", "chargeDeclinedFraudulent", "visa", "credit", Declines(Decline::Fraudulent)),
    // The shortest name of the plain decline stands last, so that the ones above win.
    ("4000000000000002", "declined", "visa", "credit", Declines(Decline::Generic)),
];

impl Card {
    /// The card of a test number.
    pub(crate) fn of_number(
        number: &str,
        exp_month: i64,
        exp_year: i64,
        fingerprint: String,
    ) -> Option<Self> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let (number, _, brand, funding, behaviour) = TEST_CARDS.iter().find(|card| card.0 == digits)?;
        Some(Self {
            brand: (*brand).to_owned(),
            funding: (*funding).to_owned(),
            last4: number[number.len() - 4..].to_owned(),
            exp_month,
            exp_year,
            fingerprint,
            behaviour: *behaviour,
            aftermath: Aftermath::of_number(number),
        })
    }

    /// The number behind `pm_card_visa` and the like, or behind a token such as `tok_visa`.
    pub(crate) fn number_of_token(token: &str) -> Option<&'static str> {
        let name = token.strip_prefix("pm_card_").or_else(|| token.strip_prefix("tok_"))?;
        TEST_CARDS.iter().find(|card| card.1 == name).map(|card| card.0)
    }

    pub(crate) fn render(&self) -> Value {
        json!({
            "brand": self.brand,
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "US",
            "display_brand": self.brand,
            "exp_month": self.exp_month,
            "exp_year": self.exp_year,
            "fingerprint": self.fingerprint,
            "funding": self.funding,
            "generated_from": null,
            "last4": self.last4,
            "networks": { "available": [self.brand], "preferred": null },
            "regulated_status": "unregulated",
            "three_d_secure_usage": { "supported": true },
            "wallet": null,
        })
    }
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
        }
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
            Self::Generic | Self::AuthenticationRequired => "01",
            Self::InsufficientFunds => "51",
            Self::LostCard => "41",
            Self::StolenCard => "43",
            Self::ExpiredCard => "54",
            Self::IncorrectCvc => "N7",
            Self::ProcessingError => "96",
            Self::VelocityExceeded => "65",
            Self::Fraudulent => "59",
        }
    }
}

/// Whether the digits of a card number add up.
pub(crate) fn is_luhn(number: &str) -> bool {
    let digits: Vec<u32> = number.chars().filter_map(|char| char.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    (12..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_number_adds_up() {
        for (number, ..) in TEST_CARDS {
            assert!(is_luhn(number), "{number}");
        }
        assert!(!is_luhn("4242424242424241"));
    }
}
