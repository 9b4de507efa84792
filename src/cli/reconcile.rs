//! `souk reconcile`: our books against Stripe's, now.

use std::process::ExitCode;

use souk::{
    app,
    config::Settings,
    ledger::{self, State},
    telemetry::{self, LogFormat},
};

use super::Outcome;

/// `souk reconcile`
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
}

pub(crate) async fn run(args: Args) -> Outcome {
    telemetry::init(LogFormat::Auto)?;
    let (config, seal) = args.settings.check()?;
    let ctx = app::context(config, seal).await?;
    let report = ledger::reconcile(&ctx).await?;
    println!("{:<28} {:>4} {:>16} {:>16} {:>9}", "scope", "", "ours", "Stripe", "open keys");
    for compared in &report.scopes {
        let (currency, ours, stripe) = (compared.currency, compared.ours, compared.stripe);
        println!("{:<28} {currency:>4} {ours:>16} {stripe:>16} {:>9}", compared.scope, compared.open_keys);
    }
    for difference in &report.differences {
        println!("{} {}: {}; {}", difference.kind, difference.object, difference.detail, difference.action);
    }
    match report.state {
        State::Clean => {
            println!("clean: every clearing key is zero, every balance is Stripe's");
            Ok(ExitCode::SUCCESS)
        }
        State::Differences => {
            println!("{} differences", report.differences.len());
            Ok(ExitCode::FAILURE)
        }
    }
}
