//! The least that a webhook costs: event, payment and job in one transaction, by `pgbench`.

use std::{fs, time::Duration};

use crate::{
    Failure,
    postgres::{Postgres, succeed},
};

/// The same tables and indexes as the service has, and payments enough that clients rarely meet on one.
const TABLES: &str = "\
    CREATE TABLE bench_events (LIKE stripe_events INCLUDING ALL);\
    CREATE TABLE bench_jobs (LIKE jobs INCLUDING ALL);\
    CREATE TABLE bench_payments (id bigint PRIMARY KEY, status text NOT NULL, updated_at timestamptz NOT NULL);\
    INSERT INTO bench_payments SELECT number, 'pending', now() FROM generate_series(1, 100000) number";
const SCRIPT: &str = "\\set event random(1, 9000000000000000)\n\
    \\set payment random(1, 100000)\n\
    BEGIN;\n\
    INSERT INTO bench_events (id, scope, event_type, object_id, stripe_created_at, payload_sealed, state, attempts, next_at, received_at) \
    VALUES ('evt_' || :event, 'platform', 'payment_intent.succeeded', 'pi_' || :event, now(), convert_to('PAYLOAD', 'UTF8'), 'pending', 0, now(), now()) \
    ON CONFLICT (id) DO NOTHING;\n\
    UPDATE bench_payments SET status = 'paid', updated_at = now() WHERE id = :payment;\n\
    INSERT INTO bench_jobs (id, kind, key, state, next_at, fence, generation, attempts, created_at) \
    VALUES (gen_random_uuid(), 'post_sale', 'order_' || :event, 'pending', now(), 0, 0, 0, now());\n\
    COMMIT;\n";
const PAYLOAD: usize = 1_536;

/// Makes the tables.
pub(crate) fn prepare(postgres: &Postgres) -> Result<(), Failure> {
    let script = SCRIPT.replace("PAYLOAD", &"x".repeat(PAYLOAD));
    fs::write(postgres.directory().join("webhook.sql"), script)?;
    succeed(postgres.client("psql").args(["-qc", TABLES, "souk"])).map(drop)
}

/// Transactions a second with so many clients.
pub(crate) fn run(postgres: &Postgres, clients: usize, duration: Duration) -> Result<u64, Failure> {
    let (clients, seconds) = (format!("--client={clients}"), format!("--time={}", duration.as_secs()));
    let mut pgbench = postgres.client("pgbench");
    pgbench.args([
        "--no-vacuum",
        "--jobs=2",
        "--protocol=prepared",
        "--file=webhook.sql",
        &clients,
        &seconds,
    ]);
    let told = succeed(pgbench.arg("souk"))?;
    let rate = told.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rate| rate.split('.').next()).ok_or("pgbench told no rate")?;
    Ok(rate.parse()?)
}
