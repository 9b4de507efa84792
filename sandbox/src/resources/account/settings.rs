//! What a request may say about the settings of an account, its payout schedule above all.

use super::{AccountSettings, PayoutSchedule, fields};
use crate::{
    config::PayoutInterval,
    protocol::{error::StripeError, params::Params},
};

const WEEKDAYS: &[&str] = &["friday", "monday", "saturday", "sunday", "thursday", "tuesday", "wednesday"];

/// The longest that Stripe lets a platform delay payouts.
const LONGEST_DELAY_DAYS: i64 = 31;

/// What `minimum` means: what the country allows at best, two days here.
const MINIMUM_DELAY_DAYS: i64 = 2;

pub(super) fn read_settings(mut hash: Params, settings: &mut AccountSettings) -> Result<(), StripeError> {
    if let Some(mut payouts) = hash.hash("payouts")? {
        if let Some(debit) = payouts.boolean("debit_negative_balances")? {
            settings.debit_negative_balances = debit;
        }
        payouts.change("statement_descriptor")?.apply(&mut settings.payout_descriptor);
        if let Some(mut schedule) = payouts.hash("schedule")? {
            read_delay(&mut schedule, &mut settings.schedule)?;
            read_schedule(schedule, &mut settings.schedule)?;
        }
        payouts.finish()?;
    }
    if let Some(mut payments) = hash.hash("payments")? {
        payments.change("statement_descriptor")?.apply(&mut settings.payments_descriptor);
        payments.keep_under("payments", fields::PAYMENTS, &mut settings.kept)?;
        payments.finish()?;
    }
    if let Some(mut cards) = hash.hash("card_payments")? {
        cards.change("statement_descriptor_prefix")?.apply(&mut settings.card_descriptor_prefix);
        cards.keep_under("card_payments", fields::CARDS, &mut settings.kept)?;
        cards.finish()?;
    }
    hash.keep(fields::SETTINGS, &mut settings.kept)?;
    hash.finish()
}

fn read_delay(hash: &mut Params, schedule: &mut PayoutSchedule) -> Result<(), StripeError> {
    let Some(text) = hash.text("delay_days")? else { return Ok(()) };
    let days = if text == "minimum" { Some(MINIMUM_DELAY_DAYS) } else { text.parse().ok() };
    let allowed = days.filter(|days| (MINIMUM_DELAY_DAYS..=LONGEST_DELAY_DAYS).contains(days));
    schedule.delay_days = allowed.ok_or_else(|| {
        let message = format!(
            "Invalid delay_days: must be `minimum` or between {MINIMUM_DELAY_DAYS} and {LONGEST_DELAY_DAYS}"
        );
        StripeError::invalid(message, &hash.name_of("delay_days"))
    })?;
    Ok(())
}

/// A payout schedule, as accounts and balance settings name it.
pub(crate) fn read_schedule(mut hash: Params, schedule: &mut PayoutSchedule) -> Result<(), StripeError> {
    let weekly = hash.choice("weekly_anchor", WEEKDAYS)?;
    let weekly_days = match hash.texts("weekly_payout_days")? {
        Some(days) => days,
        None => weekly.into_iter().collect(),
    };
    if let Some(wrong) = weekly_days.iter().find(|day| !WEEKDAYS.contains(&day.as_str())) {
        let message = format!("Invalid weekly_payout_days: {wrong} is no day of the week");
        return Err(StripeError::invalid(message, &hash.name_of("weekly_payout_days")));
    }
    let monthly = hash.int("monthly_anchor")?;
    let monthly_days = match hash.texts("monthly_payout_days")? {
        Some(days) => days.iter().map(|day| day.parse().unwrap_or(0)).collect(),
        None => monthly.into_iter().collect::<Vec<i64>>(),
    };
    if monthly_days.iter().any(|day| !(1..=31).contains(day)) {
        let message = "Invalid monthly_payout_days: days are between 1 and 31";
        return Err(StripeError::invalid(message, &hash.name_of("monthly_payout_days")));
    }
    if !weekly_days.is_empty() {
        schedule.weekly_anchor = weekly_days.first().cloned();
        schedule.weekly_days = weekly_days;
    }
    if !monthly_days.is_empty() {
        schedule.monthly_anchor = monthly_days.first().copied();
        schedule.monthly_days = monthly_days;
    }
    let interval =
        hash.choice("interval", PayoutInterval::NAMES)?.and_then(|name| PayoutInterval::parse(&name));
    schedule.set_interval(interval.unwrap_or(schedule.interval));
    hash.finish()
}
