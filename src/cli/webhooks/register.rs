//! `souk webhooks register`: both endpoints, as this version wants them.

use std::{io::Write, process::ExitCode};

use souk::{clock::Clock, config::Settings, events, stripe::Gateway};
use url::Url;

use super::{Outcome, SIDES, Side, base, create, delete, existing, is_lost, mark_kept, print_secret, update};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Where Stripe reaches this service; SOUK_PUBLIC_URL if not given.
    #[arg(long)]
    url: Option<Url>,
    /// Delete endpoints with the same address first: their secrets end at once.
    #[arg(long)]
    replace: bool,
}

pub(crate) async fn run(args: Args) -> Outcome {
    let (config, _) = args.settings.check()?;
    let base = base(args.url, &config);
    let gateway = Gateway::new(&config, Clock::default())?;
    for side in SIDES {
        one(&gateway, side, &side.url(&base), args.replace).await?;
    }
    std::io::stdout().flush()?;
    Ok(ExitCode::SUCCESS)
}

async fn one(gateway: &Gateway, side: Side, url: &str, replace: bool) -> Result<(), super::Failed> {
    // 1. Those whose secret nobody has are of no use; nor are those that shall go.
    let (gone, there): (Vec<_>, Vec<_>) =
        existing(gateway, url).await?.into_iter().partition(|endpoint| replace || is_lost(endpoint));
    for endpoint in gone {
        delete(gateway, &endpoint).await?;
        println!("# {}: {} is deleted", side.name(), endpoint.id);
    }
    // 2. Those that stay are told what this version handles. Their secrets stay as well.
    for endpoint in &there {
        let before = endpoint.enabled_events.len();
        update(gateway, side, endpoint).await?;
        let now = events::types_heard(side == Side::Connect).len();
        println!("# {}: {} hears {now} types ({before} before); its secret stays", side.name(), endpoint.id);
        if endpoint.api_version.as_deref() != Some(souk::stripe::API_VERSION) {
            let version = endpoint.api_version.as_deref().unwrap_or("the account's version");
            println!(
                "# {}: its events are rendered at {version}, and Stripe can't change that: `souk webhooks rotate --{}`",
                side.name(),
                side.name()
            );
        }
    }
    // 3. Or there is a new one, whose secret is shown now and never again.
    if there.is_empty() {
        let endpoint = create(gateway, side, url, None).await?;
        print_secret(&format!("{}=", side.setting()), &endpoint)?;
        mark_kept(gateway, &endpoint).await?;
    }
    Ok(())
}
