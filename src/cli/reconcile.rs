//! `souk reconcile`: our books against Stripe's, now.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use souk::{
    app,
    config::Settings,
    context::Context,
    ledger::{self, ReconcileError, Report, State, Step},
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
    let report = reconcile_with_progress(&ctx).await?;
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

/// Reconciles; a terminal shows a bar with a step for each balance. Where there is none, nothing is drawn.
async fn reconcile_with_progress(ctx: &Context) -> Result<Report, ReconcileError> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {prefix} {msg}") {
        bar.set_style(style);
    }
    let tell = |step: Step<'_>| match step {
        Step::Begins(scopes) => bar.set_length(u64::try_from(scopes).unwrap_or(u64::MAX)),
        Step::Scope(scope) => {
            bar.set_prefix(scope.to_string());
            bar.set_message("");
        }
        Step::Imported(new) => bar.set_message(format!("{new} balance transactions imported")),
        Step::Compared => bar.inc(1),
    };
    let report = ledger::reconcile_telling(ctx, &tell).await;
    bar.finish_and_clear();
    report
}
