//! What is ours: settings, database, what was read of Stripe's events.

use souk::{
    api::TokenVerifier,
    clock::Clock,
    config::Config,
    context::Context,
    db,
    webhooks::{
        self, Filter,
        missed::{self, Gap, State},
    },
};
use souk_entity::stripe_event;

use super::Check;

/// How many cursors are looked at in one go.
const PAGE: u64 = 500;
/// The oldest PostgreSQL that is tested.
const OLDEST_POSTGRESQL: u32 = 15;

/// What can be told without a database and without Stripe.
pub(super) fn settings(config: &Config) -> Vec<Check> {
    vec![mode(config), origins(config), public_url(config), tokens(config), rate(config)]
}

fn mode(config: &Config) -> Check {
    let mode = if config.livemode { "live" } else { "test" };
    let stripe = if config.sandbox { "a sandbox" } else { "Stripe" };
    Check::ok("mode", format!("{mode} keys, {stripe} at {}", config.stripe_api_base))
}

fn origins(config: &Config) -> Check {
    let name = "origins";
    if config.allowed_redirect_origins.is_empty() {
        return Check::wrong(
            name,
            "no browser may be sent back anywhere",
            "set SOUK_ALLOWED_REDIRECT_ORIGINS to your apps' origins, such as https://app.example.com",
        );
    }
    let refused: Vec<String> = config
        .allowed_redirect_origins
        .iter()
        .map(url::Origin::ascii_serialization)
        .filter(|origin| config.allows_redirect(origin).is_err())
        .collect();
    if refused.is_empty() {
        return Check::ok(name, format!("{} allowed", config.allowed_redirect_origins.len()));
    }
    let detail = format!("{} will be refused all the same", refused.join(", "));
    Check::wrong(name, detail, "an origin must be https, or http on this machine with test keys")
}

fn public_url(config: &Config) -> Check {
    let name = "public url";
    if config.livemode && !config.public_url.starts_with("https://") {
        let detail = format!("{} is not https", config.public_url);
        return Check::wrong(name, detail, "Stripe delivers live events to https only: set SOUK_PUBLIC_URL");
    }
    Check::ok(name, config.public_url.clone())
}

fn tokens(config: &Config) -> Check {
    match TokenVerifier::new(config, Clock::default()) {
        Ok(_) => Check::ok("tokens", format!("of {} for {}", config.jwt_issuer, config.jwt_audience)),
        Err(error) => {
            Check::wrong("tokens", error.to_string(), "set SOUK_JWT_PUBLIC_KEY to a public key as PEM")
        }
    }
}

fn rate(config: &Config) -> Check {
    match config.stripe_calls.per_second {
        Some(limit) => Check::ok("rate limit", format!("{limit} a second from each process")),
        None if config.sandbox => Check::ok("rate limit", "off"),
        None => Check::wrong("rate limit", "off, with real Stripe", "take STRIPE_RATE_LIMIT=off away"),
    }
}

/// What the database says.
pub(super) async fn database(ctx: &Context) -> Vec<Check> {
    let version = match db::version(&ctx.db).await {
        Ok(version) => version,
        Err(error) => {
            let detail = format!("it does not answer: {error}");
            return vec![Check::wrong("database", detail, "check DATABASE_URL and the server")];
        }
    };
    if is_too_old(&version) {
        let fix = format!("take {OLDEST_POSTGRESQL} or newer");
        return vec![Check::wrong("database", format!("{version} is too old"), fix)];
    }
    if !db::is_migrated(&ctx.db).await {
        let detail = format!("{version}, but its schema is older than this program");
        return vec![Check::wrong("database", detail, "run `souk migrate`")];
    }
    vec![Check::ok("database", format!("{version}, migrated")), data_key(ctx).await, gaps(ctx).await]
}

fn is_too_old(version: &str) -> bool {
    let number = version.strip_prefix("PostgreSQL ").and_then(|rest| rest.split(['.', ' ']).next());
    number.and_then(|number| number.parse().ok()).is_some_and(|number: u32| number < OLDEST_POSTGRESQL)
}

/// Whether the key opens what was sealed.
async fn data_key(ctx: &Context) -> Check {
    let name = "data key";
    let mut sealed = None;
    for state in [stripe_event::State::Done, stripe_event::State::Ignored, stripe_event::State::Pending] {
        match webhooks::list(&ctx.db, &Filter { state: Some(state), event_type: None }, None, 1).await {
            Ok(events) => sealed = sealed.or(events.into_iter().next()),
            Err(error) => return Check::wrong(name, error.to_string(), "check the database"),
        }
    }
    match sealed.map(|event| ctx.seal.open(&event.id, &event.payload_sealed)) {
        None => Check::ok(name, "well-formed; nothing is sealed yet that it could be tried on"),
        Some(Ok(_)) => Check::ok(name, "opens what was sealed"),
        Some(Err(_)) => Check::wrong(
            name,
            "does not open what was sealed",
            "set SOUK_DATA_KEY to the key that this database was written with",
        ),
    }
}

/// Whether every scope's events are read in time.
async fn gaps(ctx: &Context) -> Check {
    let name = "events";
    let (mut all, mut bad): (usize, Vec<Gap>) = (0, Vec::new());
    let mut after = None;
    loop {
        let page = match missed::gaps(ctx, after.as_ref(), PAGE).await {
            Ok(page) => page,
            Err(error) => return Check::wrong(name, error.to_string(), "check the database"),
        };
        let Some(last) = page.last() else { break };
        after = Some(last.scope.clone());
        all += page.len();
        bad.extend(page.into_iter().filter(|gap| gap.alarm || gap.state == State::Refused));
    }
    let Some(worst) = bad.iter().max_by_key(|gap| gap.lag_s) else {
        return Check::ok(name, format!("{all} scopes are read"));
    };
    let reason = worst.reason.as_deref().unwrap_or("no worker runs");
    let days = worst.lag_s.unwrap_or_default() / 86_400;
    Check::wrong(
        name,
        format!("{} of {all} scopes are not read, {} for {days} days: {reason}", bad.len(), worst.scope),
        "see GET /v1/stripe-events/gaps, run `souk work`, and `souk reconcile events` for what is behind",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_old_postgresql_is_too_old() {
        for (version, old) in
            [("PostgreSQL 14.9", true), ("PostgreSQL 15.8 (Debian 15.8-1)", false), ("SQLite 3.46.0", false)]
        {
            assert_eq!(is_too_old(version), old, "{version}");
        }
    }
}
