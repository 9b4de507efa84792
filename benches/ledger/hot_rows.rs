//! What a ledger does that keeps its balances in rows: each leg updates the row of its account, and the platform's
//! are in every payment. No history is written; that is in its favour.

use std::{fs, time::Duration};

use crate::{
    Failure,
    postgres::{Postgres, succeed},
};

const TABLE: &str = "CREATE TABLE hot (id integer PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 50); \
                     INSERT INTO hot VALUES (1, 0), (2, 0), (3, 0)";
const SCRIPT: &str = "BEGIN;\n\
                      UPDATE hot SET balance = balance + 10000 WHERE id = 1;\n\
                      UPDATE hot SET balance = balance - 9000 WHERE id = 2;\n\
                      UPDATE hot SET balance = balance - 1000 WHERE id = 3;\n\
                      COMMIT;\n";

pub(crate) struct HotRows<'a> {
    postgres: &'a Postgres,
    clients: String,
}

impl<'a> HotRows<'a> {
    pub(crate) fn prepare(postgres: &'a Postgres, clients: u64) -> Result<Self, Failure> {
        fs::write(postgres.directory().join("hot.sql"), SCRIPT)?;
        succeed(postgres.client("psql").args(["-qc", TABLE, "souk"]))?;
        Ok(Self { postgres, clients: format!("--client={clients}") })
    }

    /// Transactions a second.
    pub(crate) fn run(&self, duration: Duration) -> Result<u64, Failure> {
        let seconds = format!("--time={}", duration.as_secs());
        let mut pgbench = self.postgres.client("pgbench");
        pgbench.args(["--no-vacuum", "--jobs=2", "--protocol=prepared", "--file=hot.sql"]);
        let report = succeed(pgbench.args([&*self.clients, &*seconds, "souk"]))?;
        let tps = report.lines().find_map(|line| line.strip_prefix("tps = ")).ok_or("pgbench told no tps")?;
        let whole = tps.split(['.', ' ']).next().unwrap_or_default();
        whole.parse().map_err(|_| format!("pgbench told {tps}").into())
    }
}
