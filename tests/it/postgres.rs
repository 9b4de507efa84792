//! PostgreSQL for the tests: one private server for each run, started when the first test asks,
//! and a database of its own for every test.
//!
//! The server listens on a unix socket in the run's directory and on nothing else, so it meets no
//! other server and needs no free port. Its end is `scratch`'s matter.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbErr};
use souk::db;
use tokio::sync::OnceCell;
use url::Url;

use crate::scratch::{self, Trouble};

const OLDEST_VERSION: u32 = 15;
const START_TIMEOUT: Duration = Duration::from_secs(60);
const TEMPLATE: &str = "souk_template";

/// Nothing here outlives the run, so nothing need survive a power cut. Tests run side by side with
/// a pool each, so connections are plenty. Autovacuum would only get in the way of `CREATE DATABASE`.
const SERVER_SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "max_connections=300",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
];

const HOW_TO_GET_IT: &str = "The tests need PostgreSQL's server programs (initdb, postgres), version 15 or newer. \
    `./scripts/test` finds or installs them. By hand: `apt-get install postgresql` or \
    `brew install postgresql@17`, then, if they are in an unusual place, set SOUK_PG_BIN to their directory.";

struct Cluster {
    socket_directory: PathBuf,
    to_drop: mpsc::Sender<String>,
}

static CLUSTER: OnceCell<Result<Cluster, String>> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(1);

async fn cluster() -> Result<&'static Cluster, Trouble> {
    // The failure is kept too: three hundred tests must not each wait for the same time-out.
    let started =
        CLUSTER.get_or_init(|| async { Cluster::start().await.map_err(|trouble| trouble.to_string()) });
    started.await.as_ref().map_err(|trouble| trouble.as_str().into())
}

/// Creates a migrated, empty database and returns its name and URL.
pub(crate) async fn create() -> Result<(String, String), Trouble> {
    let cluster = cluster().await?;
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    cluster.administer(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await?;
    let url = cluster.url(&name)?;
    Ok((name, url))
}

/// Drops the database soon, without waiting: a destructor can't.
pub(crate) fn drop_later(name: &str) {
    if let Some(Ok(cluster)) = CLUSTER.get() {
        // An error means that the dropping thread is gone; then the database goes with the cluster.
        let _ = cluster.to_drop.send(name.to_owned());
    }
}

impl Cluster {
    async fn start() -> Result<Self, Trouble> {
        let programs = server_programs()?;
        let home = scratch::cluster_in(scratch::directory()?);
        let socket_directory = home.parent().ok_or("a cluster stands in a directory")?.to_owned();
        let user = create_home(&socket_directory)?;

        initialise(&programs, &home, user)?;
        launch(&programs, &home, &socket_directory, user)?;

        let (to_drop, dropped) = mpsc::channel();
        let cluster = Self { socket_directory, to_drop };
        cluster.administer(&format!("CREATE DATABASE {TEMPLATE}")).await?;
        // One connection holds the lock of the migration, the other migrates.
        let template = db::connect(&cluster.url(TEMPLATE)?, 2).await?;
        db::migrate(&template).await.map_err(|e| format!("migrating PostgreSQL: {e}"))?;
        // PostgreSQL copies a template only while nobody is connected to it.
        template.close().await?;

        let url = cluster.url("postgres")?;
        thread::spawn(move || drop_databases(&url, &dropped));
        Ok(cluster)
    }

    fn url(&self, database: &str) -> Result<String, Trouble> {
        let socket_directory = self.socket_directory.to_str().ok_or("TMPDIR is not UTF-8")?;
        let url = format!("postgres://souk@localhost/{database}");
        Ok(Url::parse_with_params(&url, [("host", socket_directory)])?.into())
    }

    async fn administer(&self, statement: &str) -> Result<(), Trouble> {
        let connection = db::connect(&self.url("postgres")?, 1).await?;
        connection.execute_unprepared(statement).await?;
        Ok(connection.close().await?)
    }
}

fn drop_databases(url: &str, names: &mpsc::Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for name in names {
        let outcome: Result<(), DbErr> = runtime.block_on(async {
            let connection = db::connect(url, 1).await?;
            connection.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
            connection.close().await
        });
        if let Err(error) = outcome {
            eprintln!("{name} stays until the end of the run: {error}");
        }
    }
}

/// PostgreSQL refuses to run as root, and `initdb` wants a user with a name.
fn create_home(directory: &Path) -> Result<Option<u32>, Trouble> {
    fs::create_dir(directory)?;
    if !scratch::is_root(directory)? {
        return Ok(None);
    }
    let answer = Command::new("id").args(["-u", "nobody"]).output()?;
    let user = String::from_utf8(answer.stdout)?.trim().parse().map_err(|_| {
        "PostgreSQL does not run as root, and there is no user `nobody` here to run it: run the tests as another user"
    })?;
    chown(directory, Some(user), Some(user))?;
    Ok(Some(user))
}

fn command(program: PathBuf, directory: &Path, user: Option<u32>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command
}

fn initialise(programs: &Path, home: &Path, user: Option<u32>) -> Result<(), Trouble> {
    let answer = command(programs.join("initdb"), Path::new("/"), user)
        .args(["--auth=trust", "--username=souk", "--encoding=UTF8", "--locale=C", "--no-sync"])
        .arg("--pgdata")
        .arg(home)
        .output()
        .map_err(|e| format!("{} does not start: {e}. {HOW_TO_GET_IT}", programs.join("initdb").display()))?;
    if answer.status.success() {
        return Ok(());
    }
    Err(format!("initdb failed: {}", String::from_utf8_lossy(&answer.stderr)).into())
}

fn launch(programs: &Path, home: &Path, socket_directory: &Path, user: Option<u32>) -> Result<(), Trouble> {
    let log_path = scratch::directory()?.join("postgres.log");
    let log = File::create(&log_path)?;
    let mut server = command(programs.join("postgres"), home, user);
    server.arg("-D").arg(home).arg("-k").arg(socket_directory);
    for setting in SERVER_SETTINGS {
        server.args(["-c", setting]);
    }
    let mut server = server.stdout(log.try_clone()?).stderr(log).process_group(0).spawn()?;
    wait_until_ready(&mut server, home).map_err(|trouble| {
        format!("PostgreSQL {trouble}:\n{}", fs::read_to_string(&log_path).unwrap_or_default()).into()
    })
}

/// The server writes its state into its pid file; `pg_ctl --wait` reads it there too.
fn wait_until_ready(server: &mut Child, home: &Path) -> Result<(), String> {
    let deadline = Instant::now() + START_TIMEOUT;
    let pid_file = home.join("postmaster.pid");
    while Instant::now() < deadline {
        let state = fs::read_to_string(&pid_file).unwrap_or_default();
        if state.lines().any(|line| line.trim() == "ready") {
            return Ok(());
        }
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("ended at its start ({status})"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(format!("was not ready after {} s", START_TIMEOUT.as_secs()))
}

/// SOUK_PG_BIN decides alone; else PATH, then where packages put the programs, newest first.
fn server_programs() -> Result<PathBuf, Trouble> {
    if let Some(directory) = env::var_os("SOUK_PG_BIN").map(PathBuf::from) {
        let found =
            version(&directory).map_or("no `postgres`".to_owned(), |number| format!("version {number}"));
        return serves(&directory)
            .then_some(directory)
            .ok_or_else(|| format!("SOUK_PG_BIN names a directory with {found}. {HOW_TO_GET_IT}").into());
    }
    let packaged = [
        "/usr/lib/postgresql",
        "/usr",
        "/opt/homebrew/opt",
        "/usr/local/opt",
        "/home/linuxbrew/.linuxbrew/opt",
    ];
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .chain(packaged.iter().flat_map(|parent| versions_in(Path::new(parent))))
        .find(|directory| serves(directory))
        .ok_or_else(|| HOW_TO_GET_IT.into())
}

/// `17/bin` on Debian, `pgsql-17/bin` on Fedora's kin, `postgresql@17/bin` with brew.
fn versions_in(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.trim_start_matches("postgresql@").trim_start_matches("pgsql-").parse().ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, directory)| directory).collect()
}

fn serves(directory: &Path) -> bool {
    directory.join("initdb").exists() && version(directory) >= Some(OLDEST_VERSION)
}

/// `postgres --version` says `postgres (PostgreSQL) 17.2 (Debian ...)`.
fn version(directory: &Path) -> Option<u32> {
    let answer = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let number = text.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
