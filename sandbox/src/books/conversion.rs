//! Conversion: an account holds money in the currencies in which it settles, whatever it was paid in.
//!
//! An account settles in its own currency, in those of its banks, and in those that it holds already. Everything
//! else is exchanged on its way in or out, at the fixed rates of the settings: against the outside position
//! `conversion`, which takes one currency and gives the other. See
//! <https://docs.stripe.com/currencies/conversions>.

use super::{Draft, PositionTotal, total_id, totals};
use crate::{
    config::ExchangeRates,
    money::Currency,
    resources::{account::Account, balance_transaction::FeeDetail, external_account::ExternalAccount},
    store::Tx,
};

/// How many digits of a rate are kept right of its point.
const RATE_DIGITS: usize = 9;

/// A draft in the currency in which its account settles.
pub(super) struct Settled {
    pub(super) draft: Draft,
    pub(super) currency: Currency,
    /// What one minor unit of the original currency was exchanged for, as a decimal; nothing, if it was not.
    pub(super) rate: Option<String>,
}

/// Exchanges a draft, if its account does not settle in its currency.
pub(super) fn settled(tx: &Tx<'_>, draft: Draft, currency: Currency) -> Settled {
    let into = settlement_currency(tx, &draft.account, currency);
    if into == currency {
        return Settled { draft, currency, rate: None };
    }
    let rates = tx.settings().exchange_rates;
    let exchange = |amount| rates.exchange(amount, currency, into);
    let fees =
        draft.fees.iter().map(|fee| FeeDetail { amount: exchange(fee.amount), ..fee.clone() }).collect();
    let amount = exchange(draft.amount);
    Settled {
        draft: Draft { amount, fees, ..draft },
        currency: into,
        rate: Some(rates.shown(currency, into)),
    }
}

/// The currency in which an account holds what it is paid in `currency`.
pub(crate) fn settlement_currency(tx: &Tx<'_>, account: &str, currency: Currency) -> Currency {
    let settings = tx.settings();
    let Some(found) = tx.get::<Account>(account).filter(|_| settings.convert_currencies) else {
        return currency;
    };
    let holds = tx.get::<PositionTotal>(&total_id(account, currency)).is_some();
    let stays = holds
        || found.default_currency == currency
        || has_bank_in(tx, account, currency)
        || !settings.exchange_rates.knows(currency, found.default_currency);
    if stays { currency } else { found.default_currency }
}

fn has_bank_in(tx: &Tx<'_>, account: &str, currency: Currency) -> bool {
    tx.tables.list::<ExternalAccount>(account).any(|bank| bank.currency == currency)
}

/// What `amount` is worth in the currency in which the account settles it.
pub(crate) fn settled_amount(tx: &Tx<'_>, account: &str, currency: Currency, amount: i64) -> i64 {
    let into = settlement_currency(tx, account, currency);
    if into == currency { amount } else { tx.settings().exchange_rates.exchange(amount, currency, into) }
}

/// Whether an account holds that much, pending money included.
pub(crate) fn holds(tx: &Tx<'_>, account: &str, currency: Currency, amount: i64) -> bool {
    let held = totals(tx, account).get(&settlement_currency(tx, account, currency)).copied();
    let (available, pending) = held.unwrap_or_default();
    available + pending >= settled_amount(tx, account, currency, amount)
}

impl ExchangeRates {
    fn knows(&self, from: Currency, into: Currency) -> bool {
        self.of(from).is_some() && self.of(into).is_some()
    }

    /// What one minor unit is exchanged for, as a fraction.
    fn fraction(&self, from: Currency, into: Currency) -> (i128, i128) {
        let (worth, price) = (self.of(from).unwrap_or(1), self.of(into).unwrap_or(1));
        let unit = |currency: Currency| 10_i128.pow(currency.decimals());
        (i128::from(worth) * unit(into), i128::from(price.max(1)) * unit(from))
    }

    /// Minor units into minor units, rounded half away from zero: what comes back in full cancels what went.
    fn exchange(&self, amount: i64, from: Currency, into: Currency) -> i64 {
        let (times, over) = self.fraction(from, into);
        let size = (2 * i128::from(amount.unsigned_abs()) * times + over) / (2 * over);
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        if amount < 0 { -size } else { size }
    }

    /// The rate as `exchange_rate` shows it: times the original amount, it gives the settled one.
    fn shown(&self, from: Currency, into: Currency) -> String {
        let (times, over) = self.fraction(from, into);
        let scaled = times * 10_i128.pow(RATE_DIGITS as u32) / over;
        let digits = format!("{scaled:0>width$}", width = RATE_DIGITS + 1);
        let (whole, rest) = digits.split_at(digits.len() - RATE_DIGITS);
        let rest = rest.trim_end_matches('0');
        if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn minor_units_are_exchanged_for_minor_units() {
        let rates = ExchangeRates { eur: 1_100_000, jpy: 6_700, kwd: 3_250_000, ..ExchangeRates::default() };
        assert_eq!(rates.exchange(1000, currency("eur"), currency("usd")), 1100);
        assert_eq!(rates.exchange(-1000, currency("eur"), currency("usd")), -1100);
        assert_eq!(rates.exchange(5000, currency("jpy"), currency("usd")), 3350);
        assert_eq!(rates.exchange(1000, currency("kwd"), currency("usd")), 325);
        assert_eq!(rates.exchange(1100, currency("usd"), currency("eur")), 1000);
    }

    #[test]
    fn a_rate_is_a_decimal() {
        let rates = ExchangeRates { eur: 1_100_000, jpy: 6_700, ..ExchangeRates::default() };
        assert_eq!(rates.shown(currency("eur"), currency("usd")), "1.1");
        assert_eq!(rates.shown(currency("usd"), currency("eur")), "0.909090909");
        assert_eq!(rates.shown(currency("jpy"), currency("usd")), "0.67");
    }
}
