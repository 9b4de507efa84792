//! Stripe's test cards: what each number and each `pm_card_...` does when it is charged or saved.
//!
//! The numbers are those of <https://docs.stripe.com/testing>.

use crate::json::{Value, json};
use serde::{Deserialize, Serialize};

pub(crate) use super::{aftermath::Aftermath, decline::Decline};

/// What a card does when it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    Succeeds,
    /// The funds are available at once.
    BypassesPending,
    /// The buyer must confirm each payment with the bank.
    NeedsAuthentication,
    /// The buyer must confirm it with the bank, unless the card was saved for later.
    AuthenticatesOnce,
    /// The buyer must confirm it with the bank when present; the card counts as saved for later.
    AuthenticatesOnSession,
    /// The buyer confirms it with the bank if the merchant asks for that.
    AuthenticatesIfAsked,
    /// The buyer must confirm it with the bank, and is declined then.
    AuthenticatesThenDeclines(Decline),
    Declines(Decline),
    /// It can be saved for later, and is declined whenever it is charged.
    DeclinesOnceSaved(Decline),
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
    #[serde(default)]
    pub(crate) aftermath: Option<Aftermath>,
    /// It was saved for later with the bank's consent.
    #[serde(default)]
    pub(crate) set_up: bool,
}

use Behaviour::{
    AuthenticatesIfAsked, AuthenticatesOnSession, AuthenticatesOnce, AuthenticatesThenDeclines,
    BypassesPending, Declines, DeclinesOnceSaved, NeedsAuthentication, Succeeds,
};

/// Number, name after `pm_card_`, brand, funding, behaviour. The first of a number is the one that it means.
///
/// Declining cards also go by their name with `visa_` before it.
#[rustfmt::skip]
const TEST_CARDS: &[(&str, &str, &str, &str, Behaviour)] = &[
    ("4242424242424242", "visa", "visa", "credit", Succeeds),
    ("4000056655665556", "visa_debit", "visa", "debit", Succeeds),
    ("5555555555554444", "mastercard", "mastercard", "credit", Succeeds),
    ("2223003122003222", "mastercard_2", "mastercard", "credit", Succeeds),
    ("5200828282828210", "mastercard_debit", "mastercard", "debit", Succeeds),
    ("5105105105105100", "mastercard_prepaid", "mastercard", "prepaid", Succeeds),
    ("6011981111111113", "discover_debit", "discover", "debit", Succeeds),
    ("378282246310005", "amex", "amex", "credit", Succeeds),
    ("6011111111111117", "discover", "discover", "credit", Succeeds),
    ("3056930009020004", "diners", "diners", "credit", Succeeds),
    ("3566002020360505", "jcb", "jcb", "credit", Succeeds),
    ("6200000000000005", "unionpay", "unionpay", "credit", Succeeds),
    ("4000000000000077", "bypassPending", "visa", "credit", BypassesPending),
    ("4000002760003184", "authenticationRequired", "visa", "credit", NeedsAuthentication),
    ("4000002500003155", "authenticationRequiredOnSetup", "visa", "credit", AuthenticatesOnce),
    ("4000000000003220", "threeDSecure2Required", "visa", "credit", NeedsAuthentication),
    ("4000000000003063", "threeDSecureRequired", "visa", "credit", NeedsAuthentication),
    ("4000003800000446", "authenticationRequiredSetupForOffSession", "visa", "credit", AuthenticatesOnSession),
    ("4000000000003055", "threeDSecureOptional", "visa", "credit", AuthenticatesIfAsked),
    ("4000008400001629", "threeDSecureRequiredChargeDeclined", "visa", "credit", AuthenticatesThenDeclines(Decline::Generic)),
    ("4000008260003178", "authenticationRequiredChargeDeclinedInsufficientFunds", "visa", "credit", AuthenticatesThenDeclines(Decline::InsufficientFunds)),
    ("4000000000000002", "chargeDeclined", "visa", "credit", Declines(Decline::Generic)),
    ("4000000000000341", "chargeCustomerFail", "visa", "credit", DeclinesOnceSaved(Decline::Generic)),
    ("4000000000009995", "chargeDeclinedInsufficientFunds", "visa", "credit", Declines(Decline::InsufficientFunds)),
    ("4000000000009987", "chargeDeclinedLostCard", "visa", "credit", Declines(Decline::LostCard)),
    ("4000000000009979", "chargeDeclinedStolenCard", "visa", "credit", Declines(Decline::StolenCard)),
    ("4000000000000069", "chargeDeclinedExpiredCard", "visa", "credit", Declines(Decline::ExpiredCard)),
    ("4000000000000127", "chargeDeclinedIncorrectCvc", "visa", "credit", Declines(Decline::IncorrectCvc)),
    ("4000000000000119", "chargeDeclinedProcessingError", "visa", "credit", Declines(Decline::ProcessingError)),
    ("4000000000006975", "chargeDeclinedVelocityLimitExceeded", "visa", "credit", Declines(Decline::VelocityExceeded)),
    ("4100000000000019", "chargeDeclinedFraudulent", "visa", "credit", Declines(Decline::Fraudulent)),
    ("4100000000000019", "radarBlock", "visa", "credit", Declines(Decline::Fraudulent)),
    ("4000000000004954", "riskLevelHighest", "visa", "credit", Declines(Decline::Fraudulent)),
    ("4000000000000002", "declined", "visa", "credit", Declines(Decline::Generic)),
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
    ("4000000000000101", "cvcCheckFail", "visa", "credit", Succeeds),
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
            set_up: false,
        })
    }

    /// The number behind `pm_card_visa` and the like, or behind a token such as `tok_visa`.
    pub(crate) fn number_of_token(token: &str) -> Option<&'static str> {
        let name = token.strip_prefix("pm_card_").or_else(|| token.strip_prefix("tok_"))?;
        let name = name.strip_prefix("visa_").filter(|name| name.starts_with("charge")).unwrap_or(name);
        TEST_CARDS.iter().find(|card| card.1 == name).map(|card| card.0)
    }

    pub(crate) fn render(&self) -> Value {
        json!({
            "brand": self.brand,
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": self.cvc_check() },
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

    /// What the issuer said of the security code.
    pub(crate) fn cvc_check(&self) -> &'static str {
        if self.aftermath == Some(Aftermath::CvcCheckFails) { "fail" } else { "pass" }
    }

    /// Why it cannot be saved for later, if it cannot.
    pub(crate) fn refuses_saving(&self) -> Option<Decline> {
        match self.behaviour {
            Declines(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the bank wants to see the buyer.
    pub(crate) fn asks_buyer(&self, off_session: bool, merchant_asks: bool) -> bool {
        match self.behaviour {
            NeedsAuthentication | AuthenticatesThenDeclines(_) => true,
            AuthenticatesOnce => !(self.set_up && off_session),
            AuthenticatesOnSession => !off_session,
            AuthenticatesIfAsked => merchant_asks,
            Succeeds | BypassesPending | Declines(_) | DeclinesOnceSaved(_) => false,
        }
    }

    /// Why it cannot be charged, once the bank has seen the buyer if it wanted to.
    pub(crate) fn refuses_charge(&self) -> Option<Decline> {
        match self.behaviour {
            Declines(reason) | DeclinesOnceSaved(reason) | AuthenticatesThenDeclines(reason) => Some(reason),
            _ => None,
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
