//! Payment methods other than cards: two bank debits that take days, and one redirect to a bank.
//!
//! The test numbers are those of <https://docs.stripe.com/testing>; any other valid number succeeds.

use serde::{Deserialize, Serialize};

use super::decline::Decline;
use crate::{
    ids,
    json::{Value, json},
    protocol::{error::StripeError, params::Params},
};

/// How a debit ends, days after it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DebitOutcome {
    Succeeds,
    Fails(Decline),
    /// It succeeds, and the owner of the account disputes it.
    Disputed,
    /// It stays in processing for ever.
    Never,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SepaDebit {
    country: String,
    bank_code: String,
    pub(crate) last4: String,
    fingerprint: String,
    pub(crate) outcome: DebitOutcome,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UsBankAccount {
    routing_number: String,
    pub(crate) last4: String,
    fingerprint: String,
    /// `company | individual`
    account_holder_type: String,
    /// `checking | savings`
    account_type: String,
    pub(crate) outcome: DebitOutcome,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ideal {
    bank: Option<String>,
}

use DebitOutcome::{Disputed, Fails, Never, Succeeds};

/// IBAN, name after `pm_` (for the country, `_de` follows), outcome.
const TEST_IBANS: &[(&str, &str, DebitOutcome)] = &[
    ("DE89370400440532013000", "success_de", Succeeds),
    ("DE08370400440532013003", "successDelayed_de", Succeeds),
    ("DE62370400440532013001", "failed_de", Fails(Decline::CouldNotProcess)),
    ("DE78370400440532013004", "failedDelayed_de", Fails(Decline::CouldNotProcess)),
    ("DE35370400440532013002", "disputed_de", Disputed),
    ("DE65370400440002222227", "exceedsWeeklyVolumeLimit_de", Fails(Decline::ExceedsWeeklyLimit)),
    ("DE10370400440009999998", "insufficientFunds_de", Fails(Decline::DebitInsufficientFunds)),
    ("AT861904300235473202", "failed_at", Fails(Decline::CouldNotProcess)),
    ("AT051904300235473205", "failedDelayed_at", Fails(Decline::CouldNotProcess)),
    ("AT591904300235473203", "disputed_at", Disputed),
    ("FR8420041010050500013M02607", "failed_fr", Fails(Decline::CouldNotProcess)),
    ("FR7920041010050500013M02600", "failedDelayed_fr", Fails(Decline::CouldNotProcess)),
    ("FR5720041010050500013M02608", "disputed_fr", Disputed),
    ("NL91ABNA0417164300", "failed_nl", Fails(Decline::CouldNotProcess)),
];

/// Account number (of routing number 110000000), name after `pm_usBankAccount_`, outcome.
const TEST_US_ACCOUNTS: &[(&str, &str, DebitOutcome)] = &[
    ("000123456789", "success", Succeeds),
    ("000111111113", "accountClosed", Fails(Decline::AccountClosed)),
    ("000111111116", "noAccount", Fails(Decline::NoAccount)),
    ("000222222227", "insufficientFunds", Fails(Decline::DebitInsufficientFunds)),
    ("000333333335", "debitNotAuthorized", Fails(Decline::DebitNotAuthorized)),
    ("000444444440", "invalidCurrency", Fails(Decline::InvalidCurrency)),
    ("000555555559", "dispute", Disputed),
    ("000777777771", "weeklyLimitExceeded", Fails(Decline::ExceedsWeeklyLimit)),
    ("000000000009", "processing", Never),
];

/// The banks of iDEAL, as the API writes them.
const IDEAL_BANKS: &[&str] = &[
    "abn_amro",
    "adyen",
    "asn_bank",
    "bunq",
    "buut",
    "finom",
    "handelsbanken",
    "ing",
    "knab",
    "mollie",
    "moneyou",
    "n26",
    "nn",
    "rabobank",
    "regiobank",
    "revolut",
    "sns_bank",
    "triodos_bank",
    "van_lanschot",
    "yoursafe",
];

impl SepaDebit {
    pub(crate) fn read(hash: &mut Params, seed: u64) -> Result<Self, StripeError> {
        let iban = hash.required("iban")?;
        Self::of_iban(&iban, seed).ok_or_else(|| {
            let message = "The IBAN you provided is invalid.";
            StripeError::invalid(message, &hash.name_of("iban")).with_code("invalid_bank_account_iban")
        })
    }

    pub(crate) fn of_token(token: &str, seed: u64) -> Option<Self> {
        let name = token.strip_prefix("pm_")?;
        TEST_IBANS.iter().find(|known| known.1 == name).and_then(|known| Self::of_iban(known.0, seed))
    }

    fn of_iban(iban: &str, seed: u64) -> Option<Self> {
        let iban: String =
            iban.chars().filter(|char| !char.is_whitespace()).collect::<String>().to_uppercase();
        if !is_iban(&iban) {
            return None;
        }
        let outcome = TEST_IBANS.iter().find(|known| known.0 == iban).map_or(Succeeds, |known| known.2);
        Some(Self {
            country: iban[..2].to_owned(),
            bank_code: iban[4..iban.len().min(12)].to_owned(),
            last4: iban[iban.len() - 4..].to_owned(),
            fingerprint: ids::derive(seed, &format!("iban {iban}"), 0, 16),
            outcome,
        })
    }

    pub(crate) fn render(&self) -> Value {
        json!({
            "bank_code": self.bank_code,
            "branch_code": "",
            "country": self.country,
            "fingerprint": self.fingerprint,
            "generated_from": { "charge": null, "setup_attempt": null },
            "last4": self.last4,
        })
    }

    pub(crate) fn render_payment(&self) -> Value {
        json!({
            "bank_code": self.bank_code,
            "branch_code": "",
            "country": self.country,
            "fingerprint": self.fingerprint,
            "last4": self.last4,
            "mandate": null,
        })
    }
}

impl UsBankAccount {
    pub(crate) fn read(hash: &mut Params, seed: u64) -> Result<Self, StripeError> {
        let number = hash.required("account_number")?;
        let routing_number = hash.required("routing_number")?;
        let holder = hash.choice("account_holder_type", &["company", "individual"])?;
        let account_type = hash.choice("account_type", &["checking", "savings"])?;
        hash.ignore(&["financial_connections_account"]);
        let is_number = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(&routing_number, 9..=9) {
            let message = "The routing number must have 9 digits.";
            return Err(StripeError::invalid(message, &hash.name_of("routing_number"))
                .with_code("routing_number_invalid"));
        }
        if !is_number(&number, 4..=17) {
            let message = "You must use a test bank account number in test mode. Try 000123456789.";
            return Err(StripeError::invalid(message, &hash.name_of("account_number"))
                .with_code("account_number_invalid"));
        }
        let mut account = Self::of_number(&number, seed);
        account.routing_number = routing_number;
        account.account_holder_type = holder.unwrap_or(account.account_holder_type);
        account.account_type = account_type.unwrap_or(account.account_type);
        Ok(account)
    }

    pub(crate) fn of_token(token: &str, seed: u64) -> Option<Self> {
        let name = token.strip_prefix("pm_usBankAccount_").or_else(|| {
            // The plain name is the account that works.
            (token == "pm_usBankAccount").then_some("success")
        })?;
        TEST_US_ACCOUNTS.iter().find(|known| known.1 == name).map(|known| Self::of_number(known.0, seed))
    }

    fn of_number(number: &str, seed: u64) -> Self {
        let known = TEST_US_ACCOUNTS.iter().find(|known| known.0 == number);
        Self {
            routing_number: "110000000".to_owned(),
            last4: number[number.len() - 4..].to_owned(),
            fingerprint: ids::derive(seed, &format!("us account {number}"), 0, 16),
            account_holder_type: "individual".to_owned(),
            account_type: "checking".to_owned(),
            outcome: known.map_or(Succeeds, |known| known.2),
        }
    }

    /// What an update may change.
    pub(crate) fn update(&mut self, hash: &mut Params) -> Result<(), StripeError> {
        if let Some(holder) = hash.choice("account_holder_type", &["company", "individual"])? {
            self.account_holder_type = holder;
        }
        if let Some(kind) = hash.choice("account_type", &["checking", "savings"])? {
            self.account_type = kind;
        }
        Ok(())
    }

    pub(crate) fn render(&self) -> Value {
        json!({
            "account_holder_type": self.account_holder_type,
            "account_type": self.account_type,
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": null,
            "fingerprint": self.fingerprint,
            "last4": self.last4,
            "networks": { "preferred": "ach", "supported": ["ach"] },
            "routing_number": self.routing_number,
            "status_details": {},
        })
    }

    pub(crate) fn render_payment(&self) -> Value {
        json!({
            "account_holder_type": self.account_holder_type,
            "account_type": self.account_type,
            "bank_name": "STRIPE TEST BANK",
            "fingerprint": self.fingerprint,
            "last4": self.last4,
            "payment_reference": null,
            "routing_number": self.routing_number,
        })
    }
}

impl Ideal {
    pub(crate) fn read(hash: &mut Params) -> Result<Self, StripeError> {
        Ok(Self { bank: hash.choice("bank", IDEAL_BANKS)? })
    }

    pub(crate) fn any() -> Self {
        Self { bank: None }
    }

    pub(crate) fn render(&self) -> Value {
        json!({ "bank": self.bank, "bic": null })
    }

    pub(crate) fn render_payment(&self) -> Value {
        json!({
            "bank": self.bank,
            "bic": null,
            "generated_sepa_debit": null,
            "generated_sepa_debit_mandate": null,
            "iban_last4": null,
            "transaction_id": null,
            "verified_name": null,
        })
    }
}

/// Whether the check digits of an IBAN are right: ISO 13616, modulo 97.
fn is_iban(iban: &str) -> bool {
    if !(15..=34).contains(&iban.len()) || !iban.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let rest = iban[4..].chars().chain(iban[..4].chars()).try_fold(0_u32, |rest, char| {
        let digit = char.to_digit(36)?;
        Some((rest * if digit > 9 { 100 } else { 10 } + digit) % 97)
    });
    rest == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_iban_adds_up() {
        for (iban, ..) in TEST_IBANS {
            assert!(is_iban(iban), "{iban}");
        }
        assert!(!is_iban("DE89370400440532013001"));
        assert!(!is_iban("nonsense"));
    }
}
