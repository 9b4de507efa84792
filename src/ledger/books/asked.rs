//! What is asked of the books, checked: each wrong parameter is a problem of its own.

use chrono::{DateTime, NaiveDate, Utc};
use souk_entity::{Currency, Scope};

use super::super::chart::Account;
use crate::{api::Problem, context::Context};

/// How times are to be written.
const TIMES: &str = "A time is RFC 3339 (2026-11-01T00:00:00Z), or a date, which is its first moment in UTC.";

/// Parameters of a query, as text.
pub(in crate::ledger) struct Asked;

impl Asked {
    /// A book: `platform`, or a connected account.
    pub(in crate::ledger) fn scope(text: &str) -> Result<Scope, Problem> {
        text.parse().map_err(|_| {
            Problem::bad_request("invalid_scope", "A scope is `platform`, or a Stripe account: acct_...")
        })
    }

    /// An account of the chart.
    pub(in crate::ledger) fn account(code: &str) -> Result<Account, Problem> {
        let known = || Account::ALL.map(Account::code).join(", ");
        Account::from_code(code).ok_or_else(|| {
            Problem::bad_request("unknown_account", format!("The chart's accounts are {}.", known()))
        })
    }

    /// A currency.
    pub(in crate::ledger) fn currency(code: &str) -> Result<Currency, Problem> {
        code.parse().map_err(|_| {
            Problem::bad_request("unknown_currency", "A currency is a lower-case ISO 4217 code, such as usd.")
        })
    }

    /// A moment.
    pub(in crate::ledger) fn time(text: &str) -> Result<DateTime<Utc>, Problem> {
        let date = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc());
        let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        time.or_else(date).ok_or_else(|| Problem::bad_request("invalid_period", TIMES))
    }
}

/// As of when: what occurred before it counts. Nothing is known of the future.
pub(in crate::ledger) fn before(ctx: &Context, text: &str) -> Result<DateTime<Utc>, Problem> {
    let time = Asked::time(text)?;
    if time > ctx.clock.business() {
        return Err(Problem::bad_request("period_in_future", "Nothing is known of that time yet."));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_or_a_date() {
        let noon = DateTime::from_timestamp(1_793_534_400, 0).unwrap();
        assert_eq!(Asked::time("2026-11-01T12:00:00Z"), Ok(noon));
        assert_eq!(Asked::time("2026-11-01T13:00:00+01:00"), Ok(noon));
        assert_eq!(Asked::time("2026-11-01").unwrap().timestamp(), noon.timestamp() - 12 * 3_600);
        for text in ["", "2026-11", "2026-13-01", "yesterday", "1793534400", "2026-11-01T12:00:00"] {
            assert!(Asked::time(text).is_err(), "{text}");
        }
    }
}
