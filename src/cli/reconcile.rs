//! `souk reconcile`: our books against Stripe's, now; or with `events`, our inbox against Stripe's list of events.

mod events;

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
    /// What to compare; the books if not given.
    #[arg(value_enum)]
    what: Option<What>,
    /// Only the events of this connected account, or of `platform`.
    #[arg(long, requires = "what")]
    account: Option<String>,
    /// Events from then on: a time such as 2026-11-01T00:00:00Z, or a number of days. Where the last reading ended if
    /// not given. Stripe keeps 30 days.
    #[arg(long, requires = "what")]
    since: Option<events::From>,
}

/// What can be compared beside the books.
#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// Find the events that no webhook has brought, and handle them.
    Events,
}

pub(crate) async fn run(args: Args) -> Outcome {
    telemetry::init(LogFormat::Auto)?;
    let (config, seal) = args.settings.check()?;
    let ctx = app::context(config, seal).await?;
    match args.what {
        // Nobody waits for it who pays: callers go first.
        Some(What::Events) => {
            let ctx = Context { stripe: ctx.stripe.background(), ..ctx };
            events::run(&ctx, args.account.as_deref(), args.since).await
        }
        None => books(&ctx).await,
    }
}

async fn books(ctx: &Context) -> Outcome {
    let report = reconcile_with_progress(ctx).await?;
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
