//! The database: SQLite in one process, PostgreSQL for any number of replicas; the one way to begin a transaction
//! that writes, and the one way to commit it.

use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use sea_orm_migration::MigratorTrait;

use crate::failpoint;

/// A statement that runs longer than this is given up (PostgreSQL).
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a writer waits for another one (SQLite).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that take longer than this are logged.
const SLOW_STATEMENT: Duration = Duration::from_millis(500);
/// Any number will do, as long as nothing else in the database uses it.
const MIGRATION_LOCK: i64 = 0x50_55_4B;

/// Connects to `sqlite://path` or `postgres://...`, with at most `connections` of them.
pub async fn connect(url: &str, connections: u32) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .sqlx_logging_level(log::LevelFilter::Trace)
        .sqlx_slow_statements_logging_settings(log::LevelFilter::Warn, SLOW_STATEMENT)
        .test_before_acquire(false);
    if url.starts_with("sqlite:") {
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                // FULL: a commit that was acknowledged survives a power cut.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(BUSY_TIMEOUT)
        });
    } else {
        options
            .map_sqlx_postgres_opts(|postgres| postgres.application_name("souk"))
            .statement_timeout(STATEMENT_TIMEOUT);
    }
    Database::connect(options).await
}

/// Begins a transaction that writes. On SQLite it takes the write lock at once: a deferred one that reads
/// first and writes later fails with "database is locked" whatever the time-out.
pub async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    })
    .await
}

/// Begins a transaction that writes, all of whose statements see the database as it was when the first one began.
/// On PostgreSQL a row that another one changed meanwhile is an error; SQLite has one writer at a time anyway.
pub async fn begin_write_of_one_moment(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let is_postgres = db.get_database_backend() == DbBackend::Postgres;
    db.begin_with_options(TransactionOptions {
        isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    })
    .await
}

/// A report's statement may run this long (PostgreSQL).
const REPORT_TIMEOUT: Duration = Duration::from_secs(600);

/// Begins a transaction that reads a lot: one snapshot for all of its statements, each of which may take long.
pub async fn begin_report(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        // In WAL mode a transaction that reads has a snapshot, and keeps nobody from writing.
        return db.begin_with_options(TransactionOptions::default()).await;
    }
    let tx = db
        .begin_with_options(TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..Default::default()
        })
        .await?;
    tx.execute_unprepared(&format!("SET LOCAL statement_timeout = {}", REPORT_TIMEOUT.as_millis())).await?;
    Ok(tx)
}

/// Commits. `what` runs (the kind of an action or a job, the type of an event) and in which `place` names the points
/// around it at which tests kill the process.
#[expect(clippy::disallowed_methods, reason = "this is the one way")]
pub async fn commit(tx: DatabaseTransaction, what: &str, place: &str) -> Result<(), DbErr> {
    failpoint::around(what, place, tx.commit()).await
}

/// Brings the schema up to date. Replicas that start together take turns (PostgreSQL).
pub async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return souk_migration::Migrator::up(db, None).await;
    }
    // A lock of the transaction, not of the session: a pool gives no say over which session unlocks.
    let turn = begin_write(db).await?;
    turn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    souk_migration::Migrator::up(db, None).await?;
    commit(turn, "migrations", "turn").await
}

/// What the database says of itself: `PostgreSQL 16.4` or `SQLite 3.46.0`.
pub async fn version(db: &DatabaseConnection) -> Result<String, DbErr> {
    let (name, sql) = match db.get_database_backend() {
        DbBackend::Postgres => ("PostgreSQL", "SHOW server_version"),
        _ => ("SQLite", "SELECT sqlite_version()"),
    };
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?;
    Ok(format!("{name} {}", row.try_get_by_index::<String>(0)?))
}

/// Whether every migration that this binary knows was applied.
pub async fn is_migrated(db: &DatabaseConnection) -> bool {
    matches!(souk_migration::Migrator::get_pending_migrations(db).await, Ok(pending) if pending.is_empty())
}
