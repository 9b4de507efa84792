//! Every test runs on both databases. Wrap its body in `on_both_databases!(...)`:
//!
//! ```ignore
//! on_both_databases!(
//!     async fn a_refund_cannot_exceed_the_payment(world: World) {
//!         ...
//!     }
//! );
//! ```
//!
//! makes the tests `a_refund_cannot_exceed_the_payment::sqlite` and `...::postgres`. The argument's
//! type is anything with `async fn start(engine: Engine) -> Self`. Round brackets, not braces:
//! rustfmt formats what stands in them.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use souk::db;
use tokio::sync::OnceCell;

use crate::postgres;
use crate::scratch::{self, Trouble};

/// The databases that Souk runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Runs one test body on both engines, as two tests.
macro_rules! on_both_databases {
    (
        $(#[$attribute:meta])*
        async fn $name:ident($argument:ident: $argument_type:ty $(,)?) $(-> $output:ty)? $body:block
    ) => {
        mod $name {
            use super::*;

            async fn on($argument: $argument_type) $(-> $output)? $body

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() $(-> $output)? {
                on(<$argument_type>::start($crate::engines::Engine::Sqlite).await).await
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() $(-> $output)? {
                on(<$argument_type>::start($crate::engines::Engine::Postgres).await).await
            }
        }
    };
}
pub(crate) use on_both_databases;

/// A migrated, empty database that one test has for itself. It is deleted when this is dropped, so
/// keep it as long as something is connected: as the last field of a struct.
pub(crate) struct TestDatabase {
    engine: Engine,
    url: String,
    place: Place,
}

enum Place {
    Directory(PathBuf),
    InCluster(String),
}

/// A new database on PostgreSQL.
pub(crate) async fn fresh_database() -> TestDatabase {
    TestDatabase::start(Engine::Postgres).await
}

/// A new database in a file.
pub(crate) async fn fresh_sqlite() -> TestDatabase {
    TestDatabase::start(Engine::Sqlite).await
}

impl TestDatabase {
    /// A new database on the given engine: a copy of one that was migrated once in this run.
    pub(crate) async fn start(engine: Engine) -> Self {
        let created = match engine {
            Engine::Sqlite => copy_sqlite().await.map(|(directory, url)| (Place::Directory(directory), url)),
            Engine::Postgres => postgres::create().await.map(|(name, url)| (Place::InCluster(name), url)),
        };
        match created {
            Ok((place, url)) => Self { engine, url, place },
            Err(trouble) => panic!("no {engine:?} database for this test: {trouble}"),
        }
    }

    /// What `DATABASE_URL` would say.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The engine that it is on.
    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match &self.place {
            // What can't be deleted now goes with the run's directory.
            Place::Directory(directory) => drop(fs::remove_dir_all(directory)),
            Place::InCluster(name) => postgres::drop_later(name),
        }
    }
}

static SQLITE_TEMPLATE: OnceCell<Result<PathBuf, String>> = OnceCell::const_new();
static SQLITE_FILES: AtomicU32 = AtomicU32::new(1);

async fn copy_sqlite() -> Result<(PathBuf, String), Trouble> {
    let template = SQLITE_TEMPLATE
        .get_or_init(|| async { migrate_sqlite().await.map_err(|trouble| trouble.to_string()) });
    let template = template.await.as_ref().map_err(String::as_str)?;
    let number = SQLITE_FILES.fetch_add(1, Ordering::Relaxed);
    // A directory each, because SQLite puts its log and its shared memory beside the file.
    let directory = scratch::directory()?.join(format!("sqlite_{number}"));
    fs::create_dir(&directory)?;
    let file = directory.join("souk.sqlite");
    fs::copy(template, &file)?;
    Ok((directory, format!("sqlite://{}", file.display())))
}

async fn migrate_sqlite() -> Result<PathBuf, Trouble> {
    let file = scratch::directory()?.join("template.sqlite");
    let template = db::connect(&format!("sqlite://{}", file.display()), 1).await?;
    db::migrate(&template).await.map_err(|e| format!("migrating SQLite: {e}"))?;
    // Closing also moves the write-ahead log into the file, which alone is copied.
    template.close().await?;
    Ok(file)
}
