//! `souk serve`, `souk work`, `souk migrate`: what runs in production.

use std::process::ExitCode;

use secrecy::{ExposeSecret, SecretString};
use souk::{
    app,
    config::Settings,
    db,
    telemetry::{self, LogFormat},
};
use tokio_util::sync::CancellationToken;

use super::Outcome;

/// `souk serve`
#[derive(clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    settings: Settings,
    /// Do the background work in the same process.
    #[arg(long)]
    with_worker: bool,
    /// How log lines are written.
    #[arg(long, value_enum, default_value_t, env = "SOUK_LOG_FORMAT")]
    log_format: LogFormat,
}

/// `souk work`
#[derive(clap::Args)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    settings: Settings,
    /// How log lines are written.
    #[arg(long, value_enum, default_value_t, env = "SOUK_LOG_FORMAT")]
    log_format: LogFormat,
}

/// `souk migrate`
#[derive(clap::Args)]
pub(crate) struct MigrateArgs {
    /// `sqlite://path` or `postgres://user@host/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: SecretString,
}

pub(crate) async fn serve(args: ServeArgs) -> Outcome {
    telemetry::init(args.log_format)?;
    let (config, seal) = args.settings.check()?;
    let ctx = app::context(config, seal).await?;
    let stop = CancellationToken::new();
    let listening = app::listen(ctx.clone(), stop.clone()).await?;
    let working = args.with_worker.then(|| app::work(ctx, stop.clone()));
    println!("souk serves on {}", listening.url);
    app::asked_to_stop().await;
    tracing::info!("stopping: no new requests, those under way are finished");
    stop.cancel();
    listening.drained().await?;
    if let Some(working) = working {
        working.await?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn work(args: WorkArgs) -> Outcome {
    telemetry::init(args.log_format)?;
    let (config, seal) = args.settings.check()?;
    let ctx = app::context(config, seal).await?;
    if !db::is_migrated(&ctx.db).await {
        return Err(app::AppError::NotMigrated.into());
    }
    let stop = CancellationToken::new();
    let working = app::work(ctx, stop.clone());
    println!("souk works");
    app::asked_to_stop().await;
    tracing::info!("stopping: no new work, what was begun is finished");
    stop.cancel();
    working.await?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn migrate(args: MigrateArgs) -> Outcome {
    let db = db::connect(args.database_url.expose_secret(), 2).await?;
    db::migrate(&db).await?;
    println!("The schema is up to date.");
    Ok(ExitCode::SUCCESS)
}
