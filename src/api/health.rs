//! Health: `/health/live` says that the process answers, `/health/ready` that it can do its work.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use poem::{Endpoint, IntoEndpoint, Response, Route, endpoint::make, get, http::StatusCode};
use sea_orm::DatabaseConnection;
use serde::Serialize;

use crate::{config::Config, db};

/// A database that takes longer than this to answer is not one to send requests to.
const PATIENCE: Duration = Duration::from_secs(2);

/// What readiness depends on; clones share what was learnt.
#[derive(Clone, Debug)]
pub struct Health {
    db: DatabaseConnection,
    /// Set once the schema was seen to be up to date: it never goes back while this binary runs.
    migrated: Arc<OnceLock<()>>,
    platform_webhook_secrets: Check,
    connect_webhook_secrets: Check,
}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Check {
    Ok,
    Unreachable,
    Pending,
    Missing,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Checks {
    /// `unreachable` if it doesn't answer.
    database: Check,
    /// `pending` until `souk migrate` was run.
    migrations: Check,
    /// `missing` if `STRIPE_WEBHOOK_SECRETS` is not set.
    platform_webhook_secrets: Check,
    /// `missing` if `STRIPE_CONNECT_WEBHOOK_SECRETS` is not set.
    connect_webhook_secrets: Check,
}

impl Checks {
    fn ready(&self) -> bool {
        let all =
            [self.database, self.migrations, self.platform_webhook_secrets, self.connect_webhook_secrets];
        all.iter().all(|check| *check == Check::Ok)
    }
}

impl Health {
    /// Looks at this database and these settings.
    #[must_use]
    pub fn new(db: DatabaseConnection, config: &Config) -> Self {
        let given = |none: bool| if none { Check::Missing } else { Check::Ok };
        Self {
            db,
            migrated: Arc::default(),
            platform_webhook_secrets: given(config.platform_webhook_secrets.is_empty()),
            connect_webhook_secrets: given(config.connect_webhook_secrets.is_empty()),
        }
    }

    /// The routes, to be nested under `/health`.
    #[must_use]
    pub fn routes(self) -> impl Endpoint<Output = Response> + 'static {
        let live = make(|_| async { answer(true, &serde_json::json!({"status": "ok"})) });
        let ready = make(move |_| {
            let health = self.clone();
            async move {
                let checks = health.check().await;
                let status = if checks.ready() { "ok" } else { "unavailable" };
                answer(checks.ready(), &serde_json::json!({"status": status, "checks": checks}))
            }
        });
        Route::new().at("/live", get(live)).at("/ready", get(ready)).into_endpoint()
    }

    async fn check(&self) -> Checks {
        let (database, migrations) = match tokio::time::timeout(PATIENCE, self.check_database()).await {
            Ok(checks) => checks,
            Err(_) => (Check::Unreachable, Check::Pending),
        };
        Checks {
            database,
            migrations,
            platform_webhook_secrets: self.platform_webhook_secrets,
            connect_webhook_secrets: self.connect_webhook_secrets,
        }
    }

    async fn check_database(&self) -> (Check, Check) {
        if self.db.ping().await.is_err() {
            return (Check::Unreachable, Check::Pending);
        }
        if self.migrated.get().is_none() && !db::is_migrated(&self.db).await {
            return (Check::Ok, Check::Pending);
        }
        self.migrated.get_or_init(|| ());
        (Check::Ok, Check::Ok)
    }
}

fn answer(well: bool, body: &serde_json::Value) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}

#[cfg(test)]
mod tests {
    use poem::Request;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::auth::tests::Keys;

    async fn get(health: &Health, path: &str) -> (u16, Value) {
        let response = health.clone().routes().get_response(Request::builder().uri_str(path).finish()).await;
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.into_body().into_vec().await.unwrap()).unwrap())
    }

    /// A health of an empty database in memory, with the secrets that the settings of tests have.
    async fn health() -> Health {
        Health::new(db::connect("sqlite::memory:", 1).await.unwrap(), Keys::hs256().config())
    }

    #[tokio::test]
    async fn a_process_that_answers_is_live() {
        assert_eq!(get(&health().await, "/live").await, (200, json!({"status": "ok"})));
    }

    #[tokio::test]
    async fn it_is_ready_once_it_is_migrated_and_has_both_webhook_secrets() {
        let mut health = health().await;
        let (status, body) = get(&health, "/ready").await;
        assert_eq!((status, &body["checks"]["migrations"]), (503, &json!("pending")));
        db::migrate(&health.db).await.unwrap();
        let (status, body) = get(&health, "/ready").await;
        let checks = json!({
            "database": "ok",
            "migrations": "ok",
            "platform_webhook_secrets": "ok",
            "connect_webhook_secrets": "missing",
        });
        assert_eq!((status, body), (503, json!({"status": "unavailable", "checks": checks})));
        health.connect_webhook_secrets = Check::Ok;
        assert_eq!(get(&health, "/ready").await.0, 200);
    }

    #[tokio::test]
    async fn without_its_database_it_is_not_ready() {
        let health = health().await;
        health.db.clone().close().await.unwrap();
        let (status, body) = get(&health, "/ready").await;
        assert_eq!((status, &body["checks"]["database"]), (503, &json!("unreachable")));
    }
}
