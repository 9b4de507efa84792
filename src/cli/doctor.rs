//! `souk doctor`: looks at everything that has to be right before money moves, and says what is wrong in one line
//! each, with what to do about it. It changes nothing, here or at Stripe.

mod own;
mod stripe;

use std::process::ExitCode;

use serde::Serialize;
use souk::{app, config::Settings};
use url::Url;

use super::{Outcome, webhooks::base};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Where Stripe reaches this service; SOUK_PUBLIC_URL if not given.
    #[arg(long)]
    url: Option<Url>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was looked at, and how it is.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    /// How it is.
    detail: String,
    /// What to do, if it is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), fix: None }
    }

    fn wrong(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, ok: false, detail: detail.into(), fix: Some(fix.into()) }
    }
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

pub(crate) async fn run(args: Args) -> Outcome {
    let checks = examine(args.settings, args.url).await;
    let report = Report { ok: checks.iter().all(|check| check.ok), checks };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        for Check { name, detail, fix, .. } in &report.checks {
            match fix {
                None => println!("ok     {name:<12} {detail}"),
                Some(fix) => println!("WRONG  {name:<12} {detail}: {fix}"),
            }
        }
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each check stands for itself: what one finds keeps no other from looking, unless there is nothing to look at.
async fn examine(settings: Settings, url: Option<Url>) -> Vec<Check> {
    let (config, seal) = match settings.check() {
        Ok(checked) => checked,
        Err(error) => {
            return vec![Check::wrong("settings", error.to_string(), "set it right and look again")];
        }
    };
    let base = base(url, &config);
    let mut checks = own::settings(&config);
    let ctx = match app::context(config, seal).await {
        Ok(ctx) => ctx,
        Err(error) => {
            checks.push(Check::wrong("database", error.to_string(), "check DATABASE_URL and the server"));
            return checks;
        }
    };
    checks.extend(stripe::checks(&ctx, &base).await);
    checks.extend(own::database(&ctx).await);
    checks
}
