//! Reads a window of a scope's events, page by page, into the inbox.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use serde_json::value::RawValue;
use souk_entity::{Scope, stripe_event};
use tokio_util::sync::CancellationToken;

use super::store::{self, Lease};
use crate::{
    context::Context,
    stripe::{
        Failure, List, ObjectRef,
        events::{Event, ListEvents, MOST_TYPES, list_path},
    },
    webhooks::receive::{is_plain, row},
};

/// The most that Stripe gives a page.
const PAGE: u8 = 100;
/// A window has no more pages than this: a million events of twenty types in a day.
const MOST_PAGES: u32 = 10_000;

/// What a reading came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Events that Stripe listed.
    pub listed: u64,
    /// Those of them that the inbox did not have.
    pub new: u64,
}

impl Found {
    pub(super) const fn and(self, more: Self) -> Self {
        Self { listed: self.listed + more.listed, new: self.new + more.new }
    }
}

/// Why a window was not read to its end. What was found before stays found; the cursor has not moved.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Stripe gave no page.
    #[error(transparent)]
    Stripe(#[from] Failure),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// The list holds what is no event, or has no end.
    #[error("{0}")]
    List(String),
    /// The process is about to stop, or another has taken over.
    #[error("interrupted")]
    Interrupted,
}

/// A stretch of Stripe's time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

/// Who reads: the means, and what is looked at between two pages.
pub(super) struct Reader<'a> {
    pub(super) ctx: &'a Context,
    pub(super) scope: &'a Scope,
    pub(super) types: &'a [&'a str],
    /// Renewed with each page.
    pub(super) lease: Option<&'a Lease>,
    pub(super) stop: &'a CancellationToken,
    /// Told what each page brought.
    pub(super) told: &'a (dyn Fn(Found) + Send + Sync),
}

impl Reader<'_> {
    /// Reads all pages of all types.
    pub(super) async fn read(&self, window: Window) -> Result<Found, ReadError> {
        let mut found = Found::default();
        for types in self.types.chunks(MOST_TYPES) {
            found = found.and(self.pages(window, types).await?);
        }
        Ok(found)
    }

    async fn pages(&self, window: Window, types: &[&str]) -> Result<Found, ReadError> {
        let (mut found, mut after) = (Found::default(), None);
        for _ in 0..MOST_PAGES {
            // 1. A page, newest first; no transaction is open.
            self.may_go_on().await?;
            let path = list_path(&ListEvents {
                types,
                created_gte: Some(window.from),
                created_lte: Some(window.to),
                starting_after: after.as_deref(),
                ending_before: None,
                limit: PAGE,
            });
            let page: List<Box<RawValue>> = self.ctx.stripe.get(self.scope, &path).await?;
            // 2. Into the inbox, at once.
            let rows: Vec<_> = page.data.iter().filter_map(|raw| self.row_of(raw)).collect();
            let new = store::keep(self.ctx, self.scope, &rows).await?;
            let of_page = Found { listed: u64::try_from(page.data.len()).unwrap_or(u64::MAX), new };
            found = found.and(of_page);
            (self.told)(of_page);
            // 3. The older ones.
            let Some(oldest) = page.data.last().filter(|_| page.has_more) else { return Ok(found) };
            let oldest: ObjectRef = serde_json::from_str(oldest.get())
                .map_err(|_| ReadError::List("the list of events holds what has no id".to_owned()))?;
            after = Some(oldest.id);
        }
        Err(ReadError::List("the list of events has no end".to_owned()))
    }

    async fn may_go_on(&self) -> Result<(), ReadError> {
        let ours = match self.lease {
            Some(lease) => lease.renew(self.ctx).await?,
            None => true,
        };
        if ours && !self.stop.is_cancelled() { Ok(()) } else { Err(ReadError::Interrupted) }
    }

    /// The row of an event of ours; one that can't be stored must not stand in the way of the others.
    fn row_of(&self, raw: &RawValue) -> Option<stripe_event::Model> {
        let event: Event = match serde_json::from_str(raw.get()) {
            Ok(event) => event,
            Err(error) => {
                // What serde says may quote the object.
                tracing::error!(scope = %self.scope, category = ?error.classify(), column = error.column(), "Stripe lists what is no event");
                return None;
            }
        };
        if event.object != "event" || !is_plain(&event.id) || !is_plain(&event.event_type) {
            tracing::error!(scope = %self.scope, "Stripe lists an event that can't be stored");
            return None;
        }
        if event.livemode != self.ctx.config.livemode {
            return None;
        }
        // Read in an account's scope, an event need not name the account.
        let scope = match &event.account {
            Some(account) => account.parse().map(Scope::Connected).ok()?,
            None => self.scope.clone(),
        };
        let row = row(self.ctx, &event, scope, raw.get().as_bytes()).ok()?;
        // Of no known version: whatever the list says of itself, the object is read anew.
        Some(stripe_event::Model { api_version: None, ..row })
    }
}
