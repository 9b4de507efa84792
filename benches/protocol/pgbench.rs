//! The least that two commits cost: a row is inserted, and updated, each in a transaction of its own.

use std::{fs, time::Duration};

use crate::{
    Failure,
    latency::Latencies,
    postgres::{Postgres, succeed},
};

const TABLE: &str = "CREATE TABLE pair (id bigserial PRIMARY KEY, state text NOT NULL, body text NOT NULL)";
const SCRIPT: &str = "INSERT INTO pair (state, body) VALUES ('pending', repeat('x', 500)) RETURNING id \\gset\n\
                      UPDATE pair SET state = 'done' WHERE id = :id;\n";
/// Its connections are new in each round; the service's are not.
const WARM_UP: Duration = Duration::from_secs(1);

/// Makes the table.
pub(crate) fn prepare(postgres: &Postgres) -> Result<(), Failure> {
    fs::write(postgres.directory().join("pair.sql"), SCRIPT)?;
    succeed(postgres.client("psql").args(["-qc", TABLE, "souk"])).map(drop)
}

/// Runs the pair `rate` times a second.
pub(crate) fn run(postgres: &Postgres, rate: u64, duration: Duration) -> Result<Latencies, Failure> {
    let (rate, seconds) = (format!("--rate={rate}"), format!("--time={}", (WARM_UP + duration).as_secs()));
    let mut pgbench = postgres.client("pgbench");
    pgbench.args([
        "--no-vacuum",
        "--client=8",
        "--jobs=2",
        "--protocol=prepared",
        "--log",
        "--log-prefix=pairs",
    ]);
    succeed(pgbench.args([&*rate, &*seconds, "--file=pair.sql", "souk"]))?;

    // A log for each job, a line for each pair: client, number, latency in us, script, epoch in s, and its us.
    let (mut all, mut first) = (Vec::new(), u64::MAX);
    for file in fs::read_dir(postgres.directory())? {
        let path = file?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pairs.")) {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines() {
            let fields: Vec<u64> = line.split(' ').map_while(|field| field.parse().ok()).collect();
            let [_, _, latency, _, seconds, us, ..] = fields[..] else { return Err(line.into()) };
            let ended = seconds * 1_000_000 + us;
            first = first.min(ended);
            all.push((ended, latency));
        }
        fs::remove_file(path)?;
    }
    let warm = first.saturating_add(u64::try_from(WARM_UP.as_micros())?);
    Ok(Latencies::of(
        all.into_iter().filter(|(ended, _)| *ended >= warm).map(|(_, latency)| latency).collect(),
    ))
}
