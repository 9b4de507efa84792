//! What happened here, for the marketplace's backend.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Object, OpenApi, Tags, payload::Json, types::Any};
use souk_entity::{BuyerId, EventId, SellerId, event};

use super::{Backoffice, Cursor, Id, Limit, Page, Problem};
use crate::{context::Context, notify};

/// The operations on events.
#[derive(Clone, Copy, Debug)]
pub struct EventsApi;

#[derive(Tags)]
enum Tag {
    /// What happened here, for the marketplace's backend.
    Events,
}

/// Something that happened.
#[derive(Debug, Object)]
#[oai(rename = "Event", skip_serializing_if_is_none)]
struct EventView {
    /// `event_...`; sorts by time.
    id: Id<EventId>,
    /// `order.paid`, `seller.updated`, ...
    #[oai(rename = "type")]
    event_type: String,
    /// The id of what it happened to.
    object_id: String,
    /// The seller that it concerns.
    seller_id: Option<Id<SellerId>>,
    /// The buyer that it concerns.
    buyer_id: Option<Id<BuyerId>>,
    /// The facts; read the object for the rest.
    data: Any<serde_json::Value>,
    /// When it happened.
    created_at: DateTime<Utc>,
}

impl From<event::Model> for EventView {
    fn from(event: event::Model) -> Self {
        Self {
            id: Id(event.id),
            event_type: event.event_type,
            object_id: event.object_id,
            seller_id: event.seller_id.map(Id),
            buyer_id: event.buyer_id.map(Id),
            data: Any(event.data),
            created_at: event.created_at,
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Events")]
impl EventsApi {
    /// List what happened, newest first.
    #[oai(path = "/events", method = "get", operation_id = "listEvents")]
    async fn list(
        &self,
        _caller: Backoffice,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<EventId>,
    ) -> Result<Json<Page<EventView>>, Problem> {
        let events = notify::list(&ctx, cursor.0, limit.rows_to_fetch()).await?;
        Ok(Json(Page::new(events, limit, |event| event.id, EventView::from)))
    }
}
