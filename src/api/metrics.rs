//! `/metrics`, in OpenMetrics text: what came from Stripe, and what waits to be done. Counts only: no id, no amount,
//! no name. Like health it asks for no token; like health it is not for the internet.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use poem::{Endpoint, IntoEndpoint, Response, endpoint::make, http::StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use sea_orm::{ActiveEnum, DbErr};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    context::Context,
    jobs, outbox,
    webhooks::{self, Inbox},
};

/// Rows are counted at most this often, however often somebody asks.
const COUNTED_EVERY: Duration = Duration::from_secs(1);
/// Whoever asks is answered within this time, or told that there is no answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Numbers of a room's, shown beside those of the kits. Clones of them share what they count.
#[async_trait]
pub trait Numbers: fmt::Debug + Send + Sync {
    /// Gives them their names; once.
    fn register(&self, registry: &mut Registry);

    /// Counts them anew, by queries that load no rows.
    async fn count(&self, ctx: &Context) -> Result<(), DbErr>;
}

/// What is shown; clones share it.
#[derive(Clone, Debug)]
pub struct Metrics {
    ctx: Context,
    registry: Arc<Registry>,
    events: Family<InState, Gauge>,
    oldest_event: Family<InState, Gauge>,
    jobs: Family<InState, Gauge>,
    requests: Family<InState, Gauge>,
    rooms: Arc<dyn Numbers>,
    counted_at: Arc<Mutex<Option<Instant>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: String,
}

impl Metrics {
    /// Shows the counters of this process, the rows that all processes share, and what the rooms count.
    #[must_use]
    pub fn new(ctx: Context, inbox: &Inbox, rooms: Arc<dyn Numbers>) -> Self {
        let mut registry = Registry::default();
        inbox.tally().register(&mut registry);
        rooms.register(&mut registry);
        let mut rows = |name, help| {
            let family = Family::<InState, Gauge>::default();
            registry.register(name, help, family.clone());
            family
        };
        let events = rows("souk_inbox_events", "Events of Stripe's that are not at their end");
        let oldest_event = rows("souk_inbox_oldest_seconds", "How long the oldest of them has been here");
        let jobs = rows("souk_jobs", "Jobs to be done, and jobs that are dead");
        let requests = rows("souk_stripe_requests", "Writes to Stripe without a definite answer");
        Self {
            ctx,
            registry: Arc::new(registry),
            events,
            oldest_event,
            jobs,
            requests,
            rooms,
            counted_at: Arc::default(),
        }
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(self) -> impl Endpoint<Output = Response> + 'static {
        make(move |_| {
            let metrics = self.clone();
            async move {
                let text = tokio::time::timeout(ANSWERED_WITHIN, metrics.text());
                match text.await.unwrap_or(Err(MetricsError::Slow)) {
                    Ok(text) => Response::builder().content_type(OPENMETRICS).body(text),
                    Err(error) => {
                        tracing::error!(%error, "metrics could not be read");
                        Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).finish()
                    }
                }
            }
        })
        .into_endpoint()
    }

    async fn text(&self) -> Result<String, MetricsError> {
        let mut counted_at = self.counted_at.lock().await;
        if counted_at.is_none_or(|at| at.elapsed() >= COUNTED_EVERY) {
            self.count().await?;
            *counted_at = Some(Instant::now());
        }
        drop(counted_at);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    async fn count(&self) -> Result<(), DbErr> {
        for backlog in webhooks::backlog(&self.ctx).await? {
            let oldest = backlog.oldest.map_or(0, |oldest| oldest.num_seconds());
            set(&self.events, backlog.state.to_value(), backlog.events);
            set(&self.oldest_event, backlog.state.to_value(), oldest);
        }
        for (state, jobs) in jobs::counts(&self.ctx).await? {
            set(&self.jobs, state.to_value(), jobs);
        }
        for (state, requests) in outbox::open_counts(&self.ctx).await? {
            set(&self.requests, state.to_value(), requests);
        }
        self.rooms.count(&self.ctx).await
    }
}

fn set(family: &Family<InState, Gauge>, state: String, rows: i64) {
    family.get_or_create(&InState { state }).set(rows);
}

#[derive(Debug, thiserror::Error)]
enum MetricsError {
    #[error(transparent)]
    Database(#[from] DbErr),
    #[error(transparent)]
    Format(#[from] fmt::Error),
    #[error("the database took longer than {} s to count", ANSWERED_WITHIN.as_secs())]
    Slow,
}
