//! The state of affairs as numbers, for metrics and alarms.

use std::collections::BTreeMap;

use super::{AttentionError, Item, Kind, items};
use crate::{context::Context, invariants, ledger};

/// A number that goes up and down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// Its name, in Prometheus' style.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// Which of several: at most one label.
    pub label: Option<(&'static str, String)>,
    /// How many, or how many seconds.
    pub value: i64,
}

/// Things that need a person by kind, differences of the last reconciliation by kind, violations by invariant, and
/// how old the last reconciliation is (absent if there was none).
pub async fn gauges(ctx: &Context) -> Result<Vec<Gauge>, AttentionError> {
    let mut gauges: Vec<Gauge> = counted(&items(ctx).await?)
        .into_iter()
        .map(|(kind, value)| Gauge {
            name: "souk_attention_items",
            help: "Things that need a person.",
            label: Some(("kind", kind.name().to_owned())),
            value,
        })
        .collect();
    for check in invariants::checks(&ctx.db).await? {
        gauges.push(Gauge {
            name: "souk_invariant_violations",
            help: "Objects that violate an invariant, as of its last check.",
            label: Some(("invariant", check.name)),
            value: check.violations,
        });
    }
    let Some(report) = ledger::latest(ctx).await? else { return Ok(gauges) };
    for kind in ledger::difference_kind::ALL {
        let of_kind = report.differences.iter().filter(|difference| difference.kind == kind).count();
        gauges.push(Gauge {
            name: "souk_reconciliation_differences",
            help: "Differences between our books and Stripe's, as of the last reconciliation.",
            label: Some(("kind", kind.to_owned())),
            value: i64::try_from(of_kind).unwrap_or(i64::MAX),
        });
    }
    gauges.push(Gauge {
        name: "souk_reconciliation_age_seconds",
        help: "Business time since the last reconciliation.",
        label: None,
        value: (ctx.clock.business() - report.as_of).num_seconds(),
    });
    Ok(gauges)
}

/// How many items there are of each kind; none left out.
pub(super) fn counted(items: &[Item]) -> BTreeMap<Kind, i64> {
    let none = Kind::ALL.into_iter().map(|kind| (kind, 0)).collect();
    items.iter().fold(none, |mut counts: BTreeMap<Kind, i64>, item| {
        *counts.entry(item.kind).or_default() += 1;
        counts
    })
}
