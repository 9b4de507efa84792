//! The state of affairs as numbers, for metrics and alarms. They are counted by the database: nothing that needs a
//! person is loaded.

use async_trait::async_trait;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use sea_orm::DbErr;

use super::{Kind, WAITS_FOR_LONG, store};
use crate::{api::metrics::Numbers, context::Context, invariants, ledger};

/// Things that need a person by kind, differences of the last reconciliation by kind, violations by invariant, and
/// how old the last reconciliation is (absent if there was none).
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    items: Family<OfKind, Gauge>,
    differences: Family<OfKind, Gauge>,
    violations: Family<OfInvariant, Gauge>,
    age: Family<Alone, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfInvariant {
    invariant: String,
}

/// A family of one: a number that may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Alone {}

#[async_trait]
impl Numbers for Gauges {
    fn register(&self, registry: &mut Registry) {
        registry.register("souk_attention_items", "Things that need a person", self.items.clone());
        registry.register(
            "souk_invariant_violations",
            "Objects that violate an invariant, as of its last check",
            self.violations.clone(),
        );
        registry.register(
            "souk_reconciliation_differences",
            "Differences between our books and Stripe's, as of the last reconciliation",
            self.differences.clone(),
        );
        registry.register(
            "souk_reconciliation_age_seconds",
            "Business time since the last reconciliation",
            self.age.clone(),
        );
    }

    async fn count(&self, ctx: &Context) -> Result<(), DbErr> {
        // 1. What the last checks found.
        let mut violations = 0;
        for check in invariants::checks(&ctx.db).await? {
            violations += check.violations;
            self.violations.get_or_create(&OfInvariant { invariant: check.name }).set(check.violations);
        }
        self.item(Kind::Violation, violations);
        // 2. What the last reconciliation found.
        let found = ledger::last_counts(&ctx.db).await?;
        let needing = found.iter().flat_map(|found| &found.differences);
        let needing = needing.filter(|(kind, _)| ledger::difference_kind::needs_a_person(kind));
        self.item(Kind::Difference, needing.map(|(_, count)| count).sum());
        if let Some(found) = found {
            for kind in ledger::difference_kind::ALL {
                let count = found.differences.get(kind).copied().unwrap_or_default();
                self.differences.get_or_create(&OfKind { kind }).set(count);
            }
            self.age.get_or_create(&Alone {}).set((ctx.clock.business() - found.as_of).num_seconds());
        }
        // 3. What is stuck.
        let long_ago = ctx.clock.wall() - WAITS_FOR_LONG;
        self.item(Kind::UnknownRequest, store::count_unknown_requests(&ctx.db).await?);
        self.item(Kind::DeadEvent, store::count_dead_events(&ctx.db).await?);
        self.item(Kind::WaitingEvent, store::count_waiting_events(&ctx.db, long_ago).await?);
        self.item(Kind::DeadJob, store::count_dead_jobs(&ctx.db).await?);
        Ok(())
    }
}

impl Gauges {
    fn item(&self, kind: Kind, count: i64) {
        self.items.get_or_create(&OfKind { kind: kind.name() }).set(count);
    }
}
