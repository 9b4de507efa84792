//! The commands, one file each.

use std::{error::Error, process::ExitCode};

pub(crate) mod client;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod dev_state;
pub(crate) mod dev_stripe;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod openapi;
pub(crate) mod reconcile;
pub(crate) mod serve;
pub(crate) mod shop;
pub(crate) mod token;
pub(crate) mod webhooks;

/// How a command ends: a code, or one line of what went wrong.
pub(crate) type Outcome = Result<ExitCode, Box<dyn Error + Send + Sync>>;

/// `souk sandbox`
pub(crate) async fn sandbox(args: souk_sandbox::cli::Args) -> Outcome {
    souk::telemetry::init(souk::telemetry::LogFormat::Auto)?;
    souk_sandbox::cli::run(args).await?;
    Ok(ExitCode::SUCCESS)
}
