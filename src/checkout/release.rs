//! When a share goes to its seller: the release rule of its order, as a pure decision. Times are business times.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use souk_entity::{
    order::{Model, ReleaseType},
    order_share::{ActiveModel, HoldActor, State},
};

/// The longest that a rule lets money wait. Sellers wait for it, and so does the platform's balance.
pub(super) const MOST_DAYS: i32 = 365;

/// A hold until the seller fulfils their part.
pub const AWAITING_FULFILLMENT: &str = "awaiting_fulfillment";
/// A hold until the rule's days are over.
pub const AWAITING_RELEASE_DATE: &str = "awaiting_release_date";

/// A release rule: data, kept with the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    release: ReleaseType,
    /// 0 where the type counts none.
    days: i32,
}

/// Why there is no such rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RuleError {
    #[error("after_payment and after_fulfillment need days, from 1 to {MOST_DAYS}")]
    Days,
    #[error("immediate and on_fulfillment count no days")]
    NoDays,
}

impl Rule {
    /// What holds where nothing was asked for.
    pub(super) const IMMEDIATE: Self = Self { release: ReleaseType::Immediate, days: 0 };

    /// The rule that a caller asked for.
    pub(super) fn new(release: ReleaseType, days: Option<i32>) -> Result<Self, RuleError> {
        let counts = matches!(release, ReleaseType::AfterPayment | ReleaseType::AfterFulfillment);
        match (counts, days) {
            (true, Some(days @ 1..=MOST_DAYS)) => Ok(Self { release, days }),
            (true, _) => Err(RuleError::Days),
            (false, None) => Ok(Self { release, days: 0 }),
            (false, Some(_)) => Err(RuleError::NoDays),
        }
    }

    /// The rule of an order.
    #[must_use]
    pub fn of(order: &Model) -> Self {
        Self { release: order.release_type, days: order.release_days }
    }

    /// When it lets go.
    #[must_use]
    pub const fn release(self) -> ReleaseType {
        self.release
    }

    /// How many days it counts; 0 where it counts none.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.days
    }

    /// Whether anything must happen between the payment and the transfer.
    #[must_use]
    pub fn waits(self) -> bool {
        self.release != ReleaseType::Immediate
    }

    /// From when a share of an order that was paid at that time may be transferred; none while it is not fulfilled
    /// and the rule asks for it.
    #[must_use]
    pub fn releasable_at(
        self,
        paid_at: DateTime<Utc>,
        fulfilled_at: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        let from = match self.release {
            ReleaseType::Immediate | ReleaseType::AfterPayment => paid_at,
            // Who fulfils before the payment is known has not waited for it: the money comes first.
            ReleaseType::OnFulfillment | ReleaseType::AfterFulfillment => fulfilled_at?.max(paid_at),
        };
        from.checked_add_signed(TimeDelta::days(i64::from(self.days)))
    }
}

/// Where a share of a paid order stands, as far as its rule is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `releasable` or `held`.
    pub state: State,
    /// From when it may be transferred, where that is known.
    pub releasable_at: Option<DateTime<Utc>>,
    /// What it waits for, and who can end that; a date, nobody.
    pub hold: Option<(&'static str, Option<HoldActor>)>,
}

/// Where a share stands now by its rule alone. Whether its seller can be paid, and whether a person holds it, is
/// asked when it is transferred.
#[must_use]
pub fn standing(
    rule: Rule,
    paid_at: DateTime<Utc>,
    fulfilled_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Standing {
    let releasable_at = rule.releasable_at(paid_at, fulfilled_at);
    match releasable_at {
        Some(at) if at <= now => Standing { state: State::Releasable, releasable_at, hold: None },
        Some(_) => Standing { state: State::Held, releasable_at, hold: Some((AWAITING_RELEASE_DATE, None)) },
        None => {
            let hold = Some((AWAITING_FULFILLMENT, Some(HoldActor::Seller)));
            Standing { state: State::Held, releasable_at, hold }
        }
    }
}

impl Standing {
    /// Writes it into a share's row.
    pub fn write(&self, row: &mut ActiveModel) {
        row.state = Set(self.state);
        row.releasable_at = Set(self.releasable_at);
        row.hold_reason = Set(self.hold.map(|(reason, _)| reason.to_owned()));
        row.hold_actor = Set(self.hold.and_then(|(_, actor)| actor));
        row.hold_detail = Set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    #[test]
    fn a_rule_counts_days_where_it_says_after() {
        use ReleaseType::{AfterFulfillment, AfterPayment, Immediate, OnFulfillment};
        for release in [AfterPayment, AfterFulfillment] {
            assert_eq!(Rule::new(release, Some(1)).unwrap().days(), 1);
            assert_eq!(Rule::new(release, Some(MOST_DAYS)).unwrap().days(), MOST_DAYS);
            for days in [None, Some(-1), Some(0), Some(MOST_DAYS + 1)] {
                assert_eq!(Rule::new(release, days), Err(RuleError::Days));
            }
        }
        for release in [Immediate, OnFulfillment] {
            assert_eq!(Rule::new(release, None).unwrap().days(), 0);
            assert_eq!(Rule::new(release, Some(0)), Err(RuleError::NoDays));
        }
        assert!(!Rule::IMMEDIATE.waits() && Rule::new(OnFulfillment, None).unwrap().waits());
    }

    #[test]
    fn a_share_is_released_when_its_rule_says_and_says_what_it_waits_for_until_then() {
        use ReleaseType::{AfterFulfillment, AfterPayment, Immediate, OnFulfillment};
        const GOES: (State, Option<&str>) = (State::Releasable, None);
        const DATE: (State, Option<&str>) = (State::Held, Some(AWAITING_RELEASE_DATE));
        const SELLER: (State, Option<&str>) = (State::Held, Some(AWAITING_FULFILLMENT));
        // Paid on day 10; fulfilled on that day, if at all; how it stands on that day, and from when it may go.
        for (release, days, fulfilled, now, stands, at) in [
            (Immediate, None, None, 10, GOES, Some(10)),
            (AfterPayment, Some(7), None, 16, DATE, Some(17)),
            (AfterPayment, Some(7), None, 17, GOES, Some(17)),
            (OnFulfillment, None, None, 99, SELLER, None),
            (OnFulfillment, None, Some(12), 12, GOES, Some(12)),
            // What was fulfilled before the payment was known goes with the payment.
            (OnFulfillment, None, Some(9), 10, GOES, Some(10)),
            (AfterFulfillment, Some(14), None, 99, SELLER, None),
            (AfterFulfillment, Some(14), Some(12), 25, DATE, Some(26)),
            (AfterFulfillment, Some(14), Some(12), 26, GOES, Some(26)),
        ] {
            let rule = Rule::new(release, days).unwrap();
            let standing = standing(rule, day(10), fulfilled.map(day), day(now));
            let seen = (standing.state, standing.hold.map(|(reason, _)| reason));
            assert_eq!((seen, standing.releasable_at), (stands, at.map(day)), "{release:?} on day {now}");
            let ends_by = standing.hold.and_then(|(_, actor)| actor);
            assert_eq!(ends_by, (stands == SELLER).then_some(HoldActor::Seller));
        }
    }
}
