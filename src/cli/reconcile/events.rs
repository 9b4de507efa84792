//! `souk reconcile events`: Stripe's list of events against our inbox, now.

use std::{
    io::IsTerminal,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use souk::{
    context::Context,
    events::Events,
    webhooks::missed::{self, Found, Reading, Since},
    worker,
};
use souk_entity::Scope;

use super::Outcome;

/// How long the sandbox is given to tell the time.
const ASK_BUDGET: Duration = Duration::from_secs(10);

/// From when on to read: a moment, or so many days ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Moment(DateTime<Utc>),
    DaysAgo(u16),
}

impl std::str::FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(days) = text.parse() {
            return Ok(Self::DaysAgo(days));
        }
        let moment = DateTime::parse_from_rfc3339(text)
            .map_err(|_| "neither a time such as 2026-11-01T00:00:00Z nor a number of days".to_owned())?;
        Ok(Self::Moment(moment.into()))
    }
}

pub(super) async fn run(ctx: &Context, account: Option<&str>, from: Option<From>) -> Outcome {
    // 1. What to read. With the sandbox, business time is learnt first.
    ctx.stripe.ask_the_time(ASK_BUDGET).await?;
    let only: Option<Scope> = account.map(str::parse).transpose()?;
    let since = match from {
        None => Since::Cursor,
        Some(From::Moment(moment)) => Since::Moment(moment),
        Some(From::DaysAgo(days)) => Since::Moment(ctx.clock.business() - TimeDelta::days(days.into())),
    };
    missed::watch(&ctx.db, ctx, &Scope::Platform, ctx.clock.business()).await?;
    let cursors = missed::cursors(ctx, only.as_ref()).await?;
    if cursors.is_empty() {
        return Err(format!("no seller has the account {}", account.unwrap_or_default()).into());
    }
    // 2. Read it, one scope after the other: callers go first.
    let scopes = Events::new(ctx.clone(), Arc::new(worker::actions()));
    let progress = Progress::over(cursors.len());
    let (mut found, mut failures) = (Found::default(), 0);
    for cursor in &cursors {
        let told = |page: Found| progress.page(page);
        let line = match missed::read_now(ctx, &scopes, cursor, since, &told).await {
            Ok(Reading::Read(of_scope)) => {
                found.listed += of_scope.listed;
                found.new += of_scope.new;
                format!("{} listed, {} new", of_scope.listed, of_scope.new)
            }
            Ok(Reading::Left) => "the account has left the platform; its seller is disconnected".to_owned(),
            Err(error) => {
                failures += 1;
                format!("not read: {error}")
            }
        };
        progress.scope(&format!("{:<28} {line}", cursor.scope));
    }
    // 3. The sum.
    progress.end();
    let scopes = cursors.len();
    println!("{scopes} scopes: {} events listed, {} of them new", found.listed, found.new);
    if failures == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{failures} scopes were not read: run it again");
    Ok(ExitCode::FAILURE)
}

/// A bar at a terminal, lines anywhere else.
struct Progress {
    bar: Option<ProgressBar>,
    new: AtomicU64,
}

impl Progress {
    fn over(scopes: usize) -> Self {
        let is_seen = std::io::stderr().is_terminal();
        let style =
            ProgressStyle::with_template("{bar:32} {pos}/{len} scopes, {msg} ({elapsed}, {eta} left)");
        let bar = ProgressBar::new(u64::try_from(scopes).unwrap_or(u64::MAX));
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar: is_seen.then_some(bar), new: AtomicU64::new(0) }
    }

    fn page(&self, page: Found) {
        let new = self.new.fetch_add(page.new, Ordering::Relaxed) + page.new;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{new} events new"));
            bar.tick();
        }
    }

    fn scope(&self, line: &str) {
        match &self.bar {
            Some(bar) => {
                bar.suspend(|| println!("{line}"));
                bar.inc(1);
            }
            None => println!("{line}"),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_moment_or_a_number_of_days() {
        assert_eq!("3".parse(), Ok(From::DaysAgo(3)));
        let moment = "2026-11-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!("2026-11-01T01:00:00+01:00".parse(), Ok(From::Moment(moment)));
        for wrong in ["", "-1", "yesterday", "2026-11-01"] {
            assert!(wrong.parse::<From>().is_err(), "{wrong}");
        }
    }
}
