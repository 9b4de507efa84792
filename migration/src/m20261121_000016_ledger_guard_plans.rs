//! The guards of the books look up a few rows by their keys each time, whatever the tables' sizes. PostgreSQL keeps
//! the plan of a function's statement; one that was made while the tables were small reads them from end to end, and
//! is used until they are analysed next: each posting would cost more than the one before.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const FUNCTIONS: [&str; 2] = ["close_ledger_transactions()", "refuse_empty_ledger_transaction()"];
/// Ways to read that are for much of a table.
const SWEEPING: [&str; 3] = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        alter(manager, |way| format!("SET {way} = off")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        alter(manager, |way| format!("RESET {way}")).await
    }
}

async fn alter(manager: &SchemaManager<'_>, change: impl Fn(&str) -> String) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let changes = SWEEPING.map(change).join(" ");
    for function in FUNCTIONS {
        let alter = format!("ALTER FUNCTION {function} {changes}");
        manager.get_connection().execute_unprepared(&alter).await?;
    }
    Ok(())
}
