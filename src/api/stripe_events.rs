//! The inbox, for operators: Stripe's events by what became of them, and their replay.

use chrono::{DateTime, Utc};
use poem::{http::StatusCode, web::Data};
use poem_openapi::{
    Enum, Object, OpenApi, Tags,
    param::{Path, Query},
    payload::Json,
};
use souk_entity::stripe_event::{self, State};

use super::{Body, Cursor, Limit, OperatorOnly, Page, Problem};
use crate::{
    context::Context,
    webhooks::{self, Filter, Replayed, ReplayedMany},
};

/// The most events that one replay opens again.
const MOST_REPLAYED: u32 = 1_000;

/// The operations on Stripe's events.
#[derive(Clone, Copy, Debug)]
pub struct StripeEventsApi;

#[derive(Tags)]
enum Tag {
    /// What Stripe told us, and what became of it.
    StripeEvents,
}

/// What became of an event of Stripe's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "StripeEventState", rename_all = "snake_case")]
enum StateView {
    /// To be handled, or tried again.
    Pending,
    /// Its object is not known here yet; tried again for an hour.
    Waiting,
    /// Applied, or older than what was applied.
    Done,
    /// Nothing here handles it.
    Ignored,
    /// Of an object that this service did not make.
    Foreign,
    /// Failed too often, or for good.
    Dead,
}

impl From<State> for StateView {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Waiting => Self::Waiting,
            State::Done => Self::Done,
            State::Ignored => Self::Ignored,
            State::Foreign => Self::Foreign,
            State::Dead => Self::Dead,
        }
    }
}

impl From<StateView> for State {
    fn from(state: StateView) -> Self {
        match state {
            StateView::Pending => Self::Pending,
            StateView::Waiting => Self::Waiting,
            StateView::Done => Self::Done,
            StateView::Ignored => Self::Ignored,
            StateView::Foreign => Self::Foreign,
            StateView::Dead => Self::Dead,
        }
    }
}

/// An event of Stripe's. Its payload is sealed and not shown: read the object at Stripe.
#[derive(Debug, Object)]
#[oai(rename = "StripeEvent", skip_serializing_if_is_none)]
struct StripeEventView {
    /// `evt_...`.
    id: String,
    /// Stripe's `type`.
    #[oai(rename = "type")]
    event_type: String,
    /// The connected account that it happened on; absent for the platform's own.
    stripe_account_id: Option<String>,
    /// The Stripe id of what it is about.
    object_id: String,
    /// What became of it.
    state: StateView,
    /// Why it waits, was ignored or died.
    reason: Option<String>,
    /// How often it was tried.
    attempts: i32,
    /// When it is tried again, if it is.
    next_attempt_at: Option<DateTime<Utc>>,
    /// When it happened at Stripe.
    stripe_created_at: DateTime<Utc>,
    /// When it was stored here.
    received_at: DateTime<Utc>,
    /// When it came to its end.
    processed_at: Option<DateTime<Utc>>,
}

impl From<stripe_event::Model> for StripeEventView {
    fn from(event: stripe_event::Model) -> Self {
        let is_open = matches!(event.state, State::Pending | State::Waiting);
        Self {
            stripe_account_id: event.scope.account().map(ToString::to_string),
            id: event.id,
            event_type: event.event_type,
            object_id: event.object_id,
            state: event.state.into(),
            reason: event.reason,
            attempts: event.attempts,
            next_attempt_at: is_open.then_some(event.next_at),
            stripe_created_at: event.stripe_created_at,
            received_at: event.received_at,
            processed_at: event.processed_at,
        }
    }
}

/// Which events to handle once more.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
struct ReplayStripeEvents {
    /// Those in this state: `ignored`, `dead`, `foreign` or `waiting`.
    state: StateView,
    /// Of them, those of this `type` of Stripe's.
    #[oai(rename = "type")]
    event_type: Option<String>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
    limit: Option<u32>,
    /// The `next_cursor` of the call before: goes on behind it.
    #[oai(validator(max_length = 255))]
    cursor: Option<String>,
}

/// How much will be handled once more.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct ReplayedStripeEvents {
    /// How many events.
    replayed: u64,
    /// How many more there are behind them; call again with `next_cursor` until there are none.
    remaining: u64,
    /// Where the next call goes on; absent if nothing remains.
    next_cursor: Option<String>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::StripeEvents")]
impl StripeEventsApi {
    /// List Stripe's events, by id.
    #[oai(path = "/stripe-events", method = "get", operation_id = "listStripeEvents")]
    async fn list(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        /// Only those in this state.
        state: Query<Option<StateView>>,
        /// Only those of this `type` of Stripe's.
        #[oai(name = "type")]
        event_type: Query<Option<String>>,
        limit: Limit,
        cursor: Cursor<String>,
    ) -> Result<Json<Page<StripeEventView>>, Problem> {
        let filter = Filter { state: state.0.map(State::from), event_type: event_type.0 };
        let events = webhooks::list(&ctx.db, &filter, cursor.0.as_deref(), limit.rows_to_fetch()).await?;
        Ok(Json(Page::new(events, limit, |event| event.id.clone(), StripeEventView::from)))
    }

    /// Handle an event of Stripe's once more; its object is read from Stripe as it is now.
    #[oai(path = "/stripe-events/:id/replay", method = "post", operation_id = "replayStripeEvent")]
    async fn replay(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        id: Path<String>,
    ) -> Result<Json<StripeEventView>, Problem> {
        match webhooks::replay(&ctx, &id).await? {
            Replayed::Queued => {}
            Replayed::Unknown => return Err(Problem::not_found()),
            Replayed::NotReplayable(_) => return Err(not_replayable()),
        }
        let event = webhooks::find(&ctx.db, &id).await?.ok_or_else(Problem::not_found)?;
        Ok(Json(event.into()))
    }

    /// Handle many events of Stripe's once more: after a room was built, or a fault was mended. Each call takes a part.
    #[oai(path = "/stripe-events/replay", method = "post", operation_id = "replayStripeEvents")]
    async fn replay_all(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        body: Body<ReplayStripeEvents>,
    ) -> Result<Json<ReplayedStripeEvents>, Problem> {
        if matches!(body.state, StateView::Done | StateView::Pending) {
            return Err(not_replayable());
        }
        let limit = body.limit.unwrap_or(100).min(MOST_REPLAYED);
        let filter = Filter { state: Some(body.state.into()), event_type: body.event_type.clone() };
        let ReplayedMany { replayed, last, remaining } =
            webhooks::replay_all(&ctx, &filter, body.cursor.as_deref(), limit.into()).await?;
        Ok(Json(ReplayedStripeEvents { replayed, remaining, next_cursor: last }))
    }
}

fn not_replayable() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "stripe_event_not_replayable",
        "Only what is ignored, dead, foreign or waiting can be replayed.",
    )
}
