//! `souk webhooks rotate`: a new signing secret without a lost event.
//!
//! Stripe has no call that rolls a secret, so a second endpoint with the same address takes over: for a while both
//! deliver every event, and either secret is good. The new endpoint names the one that it replaces, and once its
//! secret was shown, that secret's fingerprint; one without a fingerprint is one whose secret was lost on the way, and
//! the next call deletes it and begins again.

use std::process::ExitCode;

use souk::{
    app,
    clock::Clock,
    config::{Config, Settings},
    seal::Seal,
    stripe::{Gateway, webhook_endpoints::WebhookEndpoint},
    webhooks::secret_uses,
};
use url::Url;

use super::{
    FINGERPRINT, Outcome, REPLACES, Side, base, create, delete, existing, is_lost, mark_kept, print_secret,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    which: Which,
    /// Where Stripe reaches this service; SOUK_PUBLIC_URL if not given.
    #[arg(long)]
    url: Option<Url>,
    /// Delete the old endpoint, once the new secret has proven a delivery.
    #[arg(long, conflicts_with = "again")]
    finish: bool,
    /// Begin again: the secret that was shown is lost.
    #[arg(long)]
    again: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The endpoint of the platform's own events.
    #[arg(long)]
    platform: bool,
    /// The endpoint of connected accounts' events.
    #[arg(long)]
    connect: bool,
}

pub(crate) async fn run(args: Args) -> Outcome {
    let (config, seal) = args.settings.check()?;
    let side = if args.which.connect { Side::Connect } else { Side::Platform };
    let url = side.url(&base(args.url, &config));
    if args.finish {
        return finish(config, seal, side, &url).await;
    }
    begin(&config, side, &url, args.again).await
}

async fn begin(config: &Config, side: Side, url: &str, again: bool) -> Outcome {
    let gateway = Gateway::new(config, Clock::default())?;
    // 1. What an earlier try has left.
    let mut there = existing(&gateway, url).await?;
    if let Some(new) = replacement(&there).filter(|new| !is_lost(new)) {
        if !again {
            return Err(format!(
                "{} replaces {} already: `--finish` ends it; `--again` begins anew, if its secret is lost",
                new.id, new.metadata[REPLACES]
            )
            .into());
        }
        let new = new.id.clone();
        delete_where(&gateway, side, &mut there, |endpoint| endpoint.id == new).await?;
    }
    delete_where(&gateway, side, &mut there, is_lost).await?;
    let Some(old) = there.first() else {
        return Err(format!("nothing is registered at {url}: `souk webhooks register`").into());
    };
    // 2. A second endpoint, whose secret is shown now and never again.
    let new = create(&gateway, side, url, Some(&old.id)).await?;
    println!(
        "# {}: {} will replace {}. Add its secret to {}, beside the old one:",
        side.name(),
        new.id,
        old.id,
        side.setting()
    );
    print_secret("", &new)?;
    mark_kept(&gateway, &new).await?;
    println!("# Then restart every process, and: souk webhooks rotate --{} --finish", side.name());
    Ok(ExitCode::SUCCESS)
}

async fn finish(config: Config, seal: Seal, side: Side, url: &str) -> Outcome {
    let ctx = app::context(config, seal).await?;
    // 1. Who replaces whom.
    let there = existing(&ctx.stripe, url).await?;
    let Some(new) = replacement(&there) else {
        return Err(format!("no rotation is under way at the {} endpoint", side.name()).into());
    };
    let Some(fingerprint) = new.metadata.get(FINGERPRINT) else {
        return Err(format!("the secret of {} was lost: rotate without --finish begins again", new.id).into());
    };
    // 2. The new secret must be in use.
    let uses = secret_uses(&ctx.db, &ctx.config).await?;
    let ours = uses.iter().find(|one| one.endpoint == side.endpoint() && one.fingerprint == *fingerprint);
    match ours.map(|one| one.last_used_at) {
        None => {
            return Err(
                format!("the secret of {} ({fingerprint}) is not in {}", new.id, side.setting()).into()
            );
        }
        Some(None) => {
            let id = &new.id;
            return Err(format!(
                "the secret of {id} has proven no delivery yet: wait for Stripe's next event"
            )
            .into());
        }
        Some(Some(_)) => {}
    }
    // 3. The old ones go. An event that they still owe came, or comes, by the new one as well.
    for old in there.iter().filter(|endpoint| endpoint.id != new.id) {
        delete(&ctx.stripe, old).await?;
        println!("# {}: {} is deleted", side.name(), old.id);
    }
    println!("# Now take the old secret out of {}.", side.setting());
    Ok(ExitCode::SUCCESS)
}

/// The endpoint that replaces another which is still there.
fn replacement(there: &[WebhookEndpoint]) -> Option<&WebhookEndpoint> {
    let is_there = |id: &String| there.iter().any(|endpoint| endpoint.id == *id);
    there.iter().find(|endpoint| endpoint.metadata.get(REPLACES).is_some_and(is_there))
}

async fn delete_where(
    gateway: &Gateway,
    side: Side,
    there: &mut Vec<WebhookEndpoint>,
    is_gone: impl Fn(&WebhookEndpoint) -> bool,
) -> Result<(), super::Failed> {
    for endpoint in there.extract_if(.., |endpoint| is_gone(endpoint)) {
        delete(gateway, &endpoint).await?;
        println!("# {}: {} is deleted, nobody has its secret", side.name(), endpoint.id);
    }
    Ok(())
}
