//! What Stripe says: whether the key is good for all that is read, and whether the endpoints are as they must be.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde::de::IgnoredAny;
use souk::{
    context::Context,
    stripe::{API_VERSION, Failure, Refusal, webhook_endpoints::WebhookEndpoint},
    webhooks::{
        fingerprint,
        missed::{self, State},
    },
};
use souk_entity::Scope;

use super::Check;
use crate::cli::webhooks::{FINGERPRINT, SIDES, Side, existing, is_lost};

/// What is read at Stripe, and what the permission is called in its dashboard.
const READS: [(&str, &str); 12] = [
    ("/v1/balance", "Balance"),
    ("/v1/balance_transactions?limit=1", "Balance transaction sources"),
    ("/v1/events?limit=1", "Events"),
    ("/v1/payment_intents?limit=1", "PaymentIntents"),
    ("/v1/charges?limit=1", "Charges"),
    ("/v1/transfers?limit=1", "Transfers"),
    ("/v1/application_fees?limit=1", "Application Fees"),
    ("/v1/payouts?limit=1", "Payouts"),
    ("/v1/customers?limit=1", "Customers"),
    ("/v1/setup_intents?limit=1", "SetupIntents"),
    ("/v1/payment_methods?limit=1", "PaymentMethods"),
    ("/v1/webhook_endpoints?limit=1", "Webhook Endpoints"),
];
/// The same of connected accounts.
const CONNECT_READS: [(&str, &str); 6] = [
    ("/v1/balance", "Balance"),
    ("/v1/balance_transactions?limit=1", "Balance transaction sources"),
    ("/v1/events?limit=1", "Events"),
    ("/v1/payment_intents?limit=1", "PaymentIntents"),
    ("/v1/charges?limit=1", "Charges"),
    ("/v1/payouts?limit=1", "Payouts"),
];
/// How long Stripe may take to tell the time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Stripe's clock and ours may differ by this. Signatures are refused at 300 seconds, and whether a request was ever
/// made is not concluded beyond 60.
const MOST_SKEW_S: i64 = 60;

pub(super) async fn checks(ctx: &Context, base: &str) -> Vec<Check> {
    // 1. Whether there is a Stripe that knows the key; the rest is of no use without.
    if let Err(failure) = ctx.stripe.get::<IgnoredAny>(&Scope::Platform, "/v1/account").await
        && !matches!(&failure, Failure::Refused(refusal) if refusal.status == 403)
    {
        let fix = "check STRIPE_SECRET_KEY, STRIPE_API_BASE and the way to it";
        return vec![Check::wrong("key", failure.to_string(), fix), clock(ctx).await];
    }
    // 2. What it may do.
    let (permissions, connect, clock) = tokio::join!(permissions(ctx), connect(ctx), clock(ctx));
    let mut checks = vec![Check::ok("key", "Stripe knows it"), permissions, connect, clock];
    // 3. Where it delivers.
    for side in SIDES {
        checks.push(endpoint(ctx, side, &side.url(base)).await);
    }
    checks
}

/// Reads once of everything that the service reads. Of a full key nothing is refused.
async fn permissions(ctx: &Context) -> Check {
    let name = "permissions";
    let mut scopes = vec![(Scope::Platform, &READS[..])];
    // Of connected accounts the permissions are granted apart; any account will do.
    let cursors = missed::cursors(ctx, None).await.unwrap_or_default();
    let connected =
        cursors.into_iter().find(|cursor| cursor.scope != Scope::Platform && cursor.state == State::Open);
    scopes.extend(connected.map(|cursor| (cursor.scope, &CONNECT_READS[..])));
    let probes = scopes.iter().flat_map(|(scope, reads)| reads.iter().map(move |read| (scope, *read)));
    let probes = join_all(probes.map(async |(scope, (path, permission))| {
        let failure = ctx.stripe.get::<IgnoredAny>(scope, path).await.err()?;
        let whose = if scope.account().is_some() { " (Connect)" } else { "" };
        Some((format!("{permission}{whose}"), failure))
    }));
    let failed: Vec<(String, Failure)> = probes.await.into_iter().flatten().collect();
    let Some((_, first)) = failed.first() else {
        let count = scopes.iter().map(|(_, reads)| reads.len()).sum::<usize>();
        return Check::ok(name, format!("all {count} reads are allowed; writes are not tried"));
    };
    let names: Vec<&str> = failed.iter().map(|(permission, _)| permission.as_str()).collect();
    Check::wrong(
        name,
        format!("no read of {}: {}", names.join(", "), said(first)),
        "give the restricted key these permissions in Stripe's dashboard",
    )
}

async fn connect(ctx: &Context) -> Check {
    match ctx.stripe.get::<IgnoredAny>(&Scope::Platform, "/v1/accounts?limit=1").await {
        Ok(IgnoredAny) => Check::ok("connect", "connected accounts can be read"),
        Err(failure) => {
            let fix = "enable Connect for this account, and give a restricted key the permission Accounts (Connect)";
            Check::wrong("connect", format!("no connected accounts: {}", said(&failure)), fix)
        }
    }
}

fn said(failure: &Failure) -> String {
    match failure {
        Failure::Refused(refusal) => {
            let Refusal { status, code, error_type, .. } = &**refusal;
            format!("HTTP {status} {}", code.as_ref().unwrap_or(error_type))
        }
        failure => failure.to_string(),
    }
}

/// Any answer tells the time, without a key too.
async fn clock(ctx: &Context) -> Check {
    let name = "clock";
    let told = async {
        let mut client = reqwest::Client::builder().timeout(PATIENCE);
        if ctx.config.sandbox {
            client = client.no_proxy();
        }
        let answer =
            client.build().ok()?.get(format!("{}/v1/balance", ctx.config.stripe_api_base)).send().await;
        let date = answer.ok()?.headers().get("date")?.to_str().ok()?.to_owned();
        DateTime::parse_from_rfc2822(&date).ok()
    };
    let Some(stripe) = told.await else {
        return Check::wrong(name, "Stripe did not tell the time", "check STRIPE_API_BASE and the way to it");
    };
    skew(stripe.to_utc(), ctx.clock.business())
}

fn skew(stripe: DateTime<Utc>, ours: DateTime<Utc>) -> Check {
    let skew_s = (stripe - ours).num_seconds();
    if skew_s.abs() <= MOST_SKEW_S {
        return Check::ok("clock", format!("{} s from Stripe's", skew_s.abs()));
    }
    let detail = format!("{} s {} Stripe's", skew_s.abs(), if skew_s > 0 { "behind" } else { "ahead of" });
    Check::wrong("clock", detail, "synchronise this machine's clock (NTP): webhooks are refused at 300 s")
}

/// Whether one of the two endpoints is registered as this version needs it, and its secret is set.
async fn endpoint(ctx: &Context, side: Side, url: &str) -> Check {
    let name = match side {
        Side::Platform => "webhooks",
        Side::Connect => "connect hooks",
    };
    let there = match existing(&ctx.stripe, url).await {
        Ok(there) => there,
        Err(failure) => {
            return Check::wrong(name, format!("can't be read: {}", said(&failure)), "see permissions");
        }
    };
    if there.is_empty() {
        return Check::wrong(name, format!("nothing is registered at {url}"), "souk webhooks register");
    }
    let secrets = match side {
        Side::Platform => &ctx.config.platform_webhook_secrets,
        Side::Connect => &ctx.config.connect_webhook_secrets,
    };
    let known: BTreeSet<String> = secrets.iter().map(fingerprint).collect();
    if known.is_empty() {
        let fix = "set it to what `souk webhooks register` printed; if that is lost, add --replace";
        return Check::wrong(name, format!("{} is not set", side.setting()), fix);
    }
    let fault = there.iter().find_map(|endpoint| fault(endpoint, side, &known));
    match fault {
        Some((detail, fix)) => Check::wrong(name, detail, fix),
        None => {
            let (types, rotation) =
                (side.types().len(), if there.len() > 1 { "; a rotation is under way" } else { "" });
            Check::ok(name, format!("{url} hears {types} types; secrets set: {}{rotation}", known.len()))
        }
    }
}

fn fault(endpoint: &WebhookEndpoint, side: Side, known: &BTreeSet<String>) -> Option<(String, String)> {
    let id = &endpoint.id;
    let register = || "souk webhooks register".to_owned();
    if endpoint.status != "enabled" {
        return Some((format!("{id} is {}", endpoint.status), register()));
    }
    let (wanted, heard): (BTreeSet<&str>, BTreeSet<&str>) =
        (side.types().into_iter().collect(), endpoint.enabled_events.iter().map(String::as_str).collect());
    if wanted != heard {
        let (missing, more) = (wanted.difference(&heard).count(), heard.difference(&wanted).count());
        let example = wanted.difference(&heard).chain(heard.difference(&wanted)).next();
        let detail =
            format!("{id} lacks {missing} types and has {more} too many, {}", example.unwrap_or(&""));
        return Some((detail, register()));
    }
    if endpoint.api_version.as_deref() != Some(API_VERSION) {
        let version = endpoint.api_version.as_deref().unwrap_or("the account's version");
        let detail = format!("{id} renders events at {version}, so each object is read anew");
        return Some((detail, format!("souk webhooks rotate --{}", side.name())));
    }
    if is_lost(endpoint) {
        return Some((format!("nobody has the secret of {id}"), register()));
    }
    let unset = endpoint.metadata.get(FINGERPRINT).filter(|secret| !known.contains(*secret))?;
    let fix = format!(
        "add it; if it is lost: souk webhooks register --replace, or rotate --{} --again",
        side.name()
    );
    Some((format!("the secret of {id} ({unset}) is not in {}", side.setting()), fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_differ_from_stripes_by_a_minute() {
        let at = |second: i64| DateTime::from_timestamp(second, 0).unwrap();
        for (ours, ok, detail) in [
            (1_060, true, "60 s from Stripe's"),
            (939, false, "61 s behind Stripe's"),
            (1_061, false, "61 s ahead of Stripe's"),
        ] {
            let check = skew(at(1_000), at(ours));
            assert_eq!((check.ok, check.detail.as_str(), check.fix.is_some()), (ok, detail, !ok));
        }
    }
}
