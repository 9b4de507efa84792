//! `souk explain`: what happened to an order, a payout, a seller or a write to Stripe.

use std::process::ExitCode;

use souk::{app, config::Settings, explain};

use super::Outcome;

/// `souk explain`
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// An id of ours (order_, payout_, seller_, sreq_ or its UUID) or of Stripe's (pi_, ch_, tr_, po_, acct_, evt_,
    /// req_).
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Outcome {
    let (config, seal) = args.settings.check()?;
    let ctx = app::context(config, seal).await?;
    let timeline = explain::explain(&ctx, args.id.trim()).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&timeline)?);
    } else {
        print!("{timeline}");
    }
    Ok(ExitCode::SUCCESS)
}
