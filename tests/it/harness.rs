//! The harness itself: databases are migrated and apart, and a run leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use sea_orm::{ConnectionTrait, DbBackend};
use souk::db;

use crate::engines::{Engine, TestDatabase, fresh_database, fresh_sqlite, on_both_databases};
use crate::scratch;

on_both_databases!(
    async fn a_test_starts_with_a_migrated_database(database: TestDatabase) {
        let connection = db::connect(database.url(), 1).await.unwrap();
        let expected = match database.engine() {
            Engine::Sqlite => DbBackend::Sqlite,
            Engine::Postgres => DbBackend::Postgres,
        };
        assert_eq!(connection.get_database_backend(), expected);
        assert!(db::is_migrated(&connection).await);
    }
);

#[tokio::test]
async fn databases_of_one_run_are_apart() {
    let databases =
        [fresh_sqlite().await, fresh_sqlite().await, fresh_database().await, fresh_database().await];
    for database in &databases {
        let connection = db::connect(database.url(), 1).await.unwrap();
        // Fails in a database that has the table already.
        connection.execute_unprepared("CREATE TABLE only_here (id integer)").await.unwrap();
    }
}

/// This test runs itself once more in a process of its own, and kills that.
#[tokio::test]
async fn a_killed_run_leaves_nothing_behind() {
    const VICTIM: &str = "SOUK_TEST_VICTIM";
    if env::var_os(VICTIM).is_some() {
        let _database = fresh_database().await;
        println!("\n{}", scratch::directory().unwrap().display());
        thread::sleep(Duration::from_secs(60));
        return;
    }

    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "harness::a_killed_run_leaves_nothing_behind", "--nocapture"])
        .env(VICTIM, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let directory = lines.find(|line| line.contains("souk-it-")).expect("the victim has a directory");
    assert!(scratch::cluster_in(Path::new(&directory)).join("postmaster.pid").exists());
    victim.kill().unwrap();
    victim.wait().unwrap();

    // The watchdog waits ten seconds for a server that does not end: within eight it has ended.
    let deadline = Instant::now() + Duration::from_secs(8);
    while Path::new(&directory).exists() {
        assert!(Instant::now() < deadline, "{directory} is still there");
        thread::sleep(Duration::from_millis(50));
    }
}
