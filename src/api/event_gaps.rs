//! How far Stripe's events were read, scope by scope, and what no webhook had brought.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi, Tags, payload::Json};
use souk_entity::Scope;

use super::{Cursor, Limit, OperatorOnly, Page, Problem};
use crate::{
    context::Context,
    webhooks::missed::{self, Gap, State},
};

/// The operation on gaps.
#[derive(Clone, Copy, Debug)]
pub struct EventGapsApi;

#[derive(Tags)]
enum Tag {
    /// What Stripe told us, and what it could not deliver.
    StripeEvents,
}

/// Whether a scope's events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "StripeEventGapState", rename_all = "snake_case")]
enum StateView {
    /// Again and again.
    Open,
    /// Stripe refuses; tried every hour. See `reason`.
    Refused,
    /// The account has left the platform: nothing is missing and nothing can be read.
    Closed,
}

/// A scope's place in its events.
#[derive(Debug, Object)]
#[oai(rename = "StripeEventGap", skip_serializing_if_is_none)]
struct GapView {
    /// `platform`, or a seller's Stripe account.
    scope: String,
    /// Whether its events are read.
    state: StateView,
    /// Why the last read failed, or why there are no more.
    reason: Option<String>,
    /// Everything that happened until then was read.
    read_until: DateTime<Utc>,
    /// When it was last read.
    checked_at: Option<DateTime<Utc>>,
    /// How far `read_until` is behind now; absent of a closed scope.
    lag_seconds: Option<i64>,
    /// How many events were found that no webhook had brought.
    found: i64,
    /// When the first of them happened.
    found_first_at: Option<DateTime<Utc>>,
    /// When the last of them happened.
    found_last_at: Option<DateTime<Utc>>,
    /// The scope was not read for 25 days or more; Stripe keeps events for 30.
    alarm: bool,
}

impl From<Gap> for GapView {
    fn from(gap: Gap) -> Self {
        Self {
            scope: gap.scope.to_string(),
            state: match gap.state {
                State::Open => StateView::Open,
                State::Refused => StateView::Refused,
                State::Closed => StateView::Closed,
            },
            reason: gap.reason,
            read_until: gap.read_until,
            checked_at: gap.checked_at,
            lag_seconds: gap.lag_s,
            found: gap.found,
            found_first_at: gap.found_first_at,
            found_last_at: gap.found_last_at,
            alarm: gap.alarm,
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::StripeEvents")]
impl EventGapsApi {
    /// List how far Stripe's events were read, by scope.
    #[oai(path = "/stripe-events/gaps", method = "get", operation_id = "listStripeEventGaps")]
    async fn list(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<Scope>,
    ) -> Result<Json<Page<GapView>>, Problem> {
        let gaps = missed::gaps(&ctx, cursor.0.as_ref(), limit.rows_to_fetch()).await?;
        Ok(Json(Page::new(gaps, limit, |gap| gap.scope.clone(), GapView::from)))
    }
}
