//! How a sandbox is started, and the settings that may change while it runs.

mod rates;

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use self::rates::ExchangeRates;

/// The API version that the sandbox speaks.
pub(crate) const API_VERSION: &str = "2026-09-30.endive";

/// How to start a sandbox.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where its state is kept. Without it, the state is gone when the process ends.
    pub data_dir: Option<PathBuf>,
    /// From what ids and secrets are drawn. Without it, the operating system chooses.
    pub seed: Option<u64>,
    /// How browsers reach it, when that is not the address it listens on.
    pub public_url: Option<String>,
    /// How it behaves; may be changed while it runs.
    pub settings: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 12111)),
            data_dir: None,
            seed: None,
            public_url: None,
            settings: Settings::default(),
        }
    }
}

/// How the sandbox behaves where Stripe's behaviour depends on the account, the country or the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Stripe's fee on a charge, in basis points.
    pub fee_basis_points: i64,
    /// What Stripe takes on a charge besides, in minor units of its currency.
    pub fee_fixed: i64,
    /// Days until the funds of a charge are available.
    pub settlement_days: i64,
    /// Days until a standard payout arrives.
    pub payout_days: i64,
    /// Milliseconds between `payment_intent.succeeded` and the charge's balance transaction, transfer and fee when
    /// a payment is captured asynchronously.
    pub async_capture_ms: i64,
    /// Days until the bank of a debit (`sepa_debit`, `us_bank_account`) answers.
    pub debit_days: i64,
    /// Whether a confirmation needs a `return_url` whenever some method might send the buyer away, as at Stripe;
    /// otherwise only when the method does.
    pub require_return_url: bool,
    /// How new connected accounts are paid out.
    pub default_payout_schedule: PayoutInterval,
    /// How long an account link works, in seconds.
    pub account_link_seconds: i64,
    /// Who bears Stripe's fee on direct charges. That on destination and separate charges is always the platform's.
    pub direct_fees: FeeBearer,
    /// How many requests a platform may make in a second of wall time, before it is answered 429; 0 for any number.
    pub requests_per_second: u32,
    /// Whether money in a currency in which its account does not settle is exchanged, as at Stripe; otherwise every
    /// account holds every currency.
    pub convert_currencies: bool,
    /// At which rates.
    pub exchange_rates: ExchangeRates,
    /// How long Stripe verifies what an account gave before its capabilities are active, in seconds.
    pub verification_seconds: i64,
    /// Days until a top-up arrives.
    pub topup_days: i64,
    /// Stripe's fee on an instant payout, in basis points.
    pub instant_payout_fee_basis_points: i64,
    /// The least that Stripe takes for an instant payout, in minor units of its currency.
    pub instant_payout_fee_minimum: i64,
    /// The longest wait between two deliveries of an event, in milliseconds of wall time.
    pub webhook_backoff_cap_ms: i64,
    /// Milliseconds until a test card does what it is for after its charge: a dispute, a warning, the end of a
    /// refund, the bank's verdict.
    pub aftermath_ms: i64,
    /// Days in which a dispute can be answered.
    pub dispute_response_days: i64,
    /// What Stripe takes when a dispute opens, in minor units of its currency.
    pub dispute_received_fee: i64,
    /// Whether that comes back when the dispute is won.
    pub dispute_received_fee_returned: bool,
    /// What Stripe takes when evidence is submitted, in minor units of the dispute's currency.
    pub dispute_countered_fee: i64,
    /// Whether that comes back when the dispute is won.
    pub dispute_countered_fee_returned: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fee_basis_points: 290,
            fee_fixed: 30,
            settlement_days: 2,
            payout_days: 2,
            async_capture_ms: 1000,
            debit_days: 3,
            require_return_url: false,
            default_payout_schedule: PayoutInterval::Manual,
            account_link_seconds: 300,
            direct_fees: FeeBearer::Controller,
            requests_per_second: 0,
            convert_currencies: true,
            exchange_rates: ExchangeRates::default(),
            verification_seconds: 0,
            topup_days: 1,
            instant_payout_fee_basis_points: 100,
            instant_payout_fee_minimum: 50,
            webhook_backoff_cap_ms: 60_000,
            aftermath_ms: 1000,
            dispute_response_days: 9,
            dispute_received_fee: 1500,
            dispute_received_fee_returned: false,
            dispute_countered_fee: 1500,
            dispute_countered_fee_returned: true,
        }
    }
}

/// Who bears a fee of Stripe's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeBearer {
    /// As `controller.fees.payer` says: the platform if that is `application`, the connected account otherwise.
    Controller,
    /// Always the connected account.
    Account,
    /// Always the platform.
    Platform,
}

/// How often a connected account is paid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum PayoutInterval {
    /// Only when asked.
    Manual,
    /// Every day.
    Daily,
    /// Once a week.
    Weekly,
    /// Once a month.
    Monthly,
}

impl PayoutInterval {
    pub(crate) const NAMES: &'static [&'static str] = &["manual", "daily", "weekly", "monthly"];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "manual" => Some(Self::Manual),
            "daily" => Some(Self::Daily),
            "weekly" => Some(Self::Weekly),
            "monthly" => Some(Self::Monthly),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }
}

impl Settings {
    /// Whether Stripe's fees on the direct charges of an account are the platform's to bear.
    pub(crate) fn platform_bears_direct_fees(&self, controller_fees_payer: &str) -> bool {
        match self.direct_fees {
            FeeBearer::Controller => controller_fees_payer == "application",
            FeeBearer::Account => false,
            FeeBearer::Platform => true,
        }
    }

    pub(crate) fn settlement_ms(&self) -> i64 {
        self.settlement_days * DAY_MS
    }

    /// Stripe's fee on an instant payout.
    pub(crate) fn fee_on_instant_payout(&self, amount: i64) -> i64 {
        let fee = crate::money::proportion(amount, self.instant_payout_fee_basis_points, 10_000);
        fee.max(self.instant_payout_fee_minimum)
    }

    /// Stripe's fee on a charge.
    pub(crate) fn fee_on(&self, amount: i64) -> i64 {
        crate::money::proportion(amount, self.fee_basis_points, 10_000) + self.fee_fixed
    }
}

/// A day in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;
