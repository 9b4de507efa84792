//! Souk's schema. Names are literal and nothing of ours is imported: a migration says what it said on the day
//! that it was written, whatever the code has become.

mod m20261121_000001_marketplace;
mod m20261121_000002_stripe;
mod m20261121_000003_ledger;
mod m20261121_000004_lookups;
mod m20261121_000005_request_id;
mod m20261121_000006_inbox_reads;
mod m20261121_000006_webhook_secrets;
mod m20261121_000007_event_cursors;
mod m20261121_000008_ledger_guards;
mod m20261121_000009_oversight;
mod m20261121_000010_upkeep;
mod m20261121_000011_charge_models;
mod m20261121_000012_commission_rules;
mod m20261121_000013_payment_methods;
mod m20261121_000016_ledger_guard_plans;

use sea_orm_migration::prelude::*;

/// All migrations, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_marketplace::Migration),
            Box::new(m20261121_000002_stripe::Migration),
            Box::new(m20261121_000003_ledger::Migration),
            Box::new(m20261121_000004_lookups::Migration),
            Box::new(m20261121_000005_request_id::Migration),
            Box::new(m20261121_000006_inbox_reads::Migration),
            Box::new(m20261121_000006_webhook_secrets::Migration),
            Box::new(m20261121_000007_event_cursors::Migration),
            Box::new(m20261121_000008_ledger_guards::Migration),
            Box::new(m20261121_000009_oversight::Migration),
            Box::new(m20261121_000010_upkeep::Migration),
            Box::new(m20261121_000011_charge_models::Migration),
            Box::new(m20261121_000012_commission_rules::Migration),
            Box::new(m20261121_000013_payment_methods::Migration),
            Box::new(m20261121_000016_ledger_guard_plans::Migration),
        ]
    }
}
