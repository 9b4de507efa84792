//! The operation on what needs a person.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{Enum, Object, OpenApi, Tags, payload::Json};

use super::{Item, Kind, Place, behind, items};
use crate::{
    api::{Cursor, Limit, OperatorOnly, Page, Problem},
    context::Context,
};

/// The operation on what needs a person.
#[derive(Clone, Copy, Debug)]
pub struct AttentionApi;

#[derive(Tags)]
enum Tag {
    /// What needs a person, by age.
    Attention,
}

/// What kind of thing needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "AttentionKind", rename_all = "snake_case")]
enum KindView {
    /// A write to Stripe whose outcome nobody knows.
    UnknownRequest,
    /// An event of Stripe's that failed too often.
    DeadEvent,
    /// An event of Stripe's whose object hasn't turned up for an hour.
    WaitingEvent,
    /// A job that failed too often.
    DeadJob,
    /// The last reconciliation named it.
    Difference,
    /// An invariant doesn't hold.
    Violation,
}

impl From<Kind> for KindView {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::UnknownRequest => Self::UnknownRequest,
            Kind::DeadEvent => Self::DeadEvent,
            Kind::WaitingEvent => Self::WaitingEvent,
            Kind::DeadJob => Self::DeadJob,
            Kind::Difference => Self::Difference,
            Kind::Violation => Self::Violation,
        }
    }
}

/// Something that needs a person.
#[derive(Debug, Object)]
#[oai(rename = "AttentionItem")]
struct ItemView {
    /// What kind of thing.
    kind: KindView,
    /// Its id, or its name.
    object: String,
    /// Since when.
    since: DateTime<Utc>,
    /// What is wrong.
    detail: String,
    /// What to do.
    action: String,
}

/// How much of one kind there is.
#[derive(Debug, Object)]
#[oai(rename = "AttentionCount")]
struct CountView {
    /// What kind of thing.
    kind: KindView,
    /// How many, on all pages; a thousand stands for a thousand or more.
    count: i64,
}

/// A page of what needs a person.
#[derive(Debug, Object)]
#[oai(rename = "Attention", skip_serializing_if_is_none)]
struct AttentionView {
    /// The oldest first.
    data: Vec<ItemView>,
    /// How much there is of each kind.
    counts: Vec<CountView>,
    /// Where the next page begins; absent on the last one.
    next_cursor: Option<String>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Attention")]
impl AttentionApi {
    /// List what needs a person, the oldest first.
    #[oai(path = "/attention", method = "get", operation_id = "listAttention")]
    async fn list(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<Place>,
    ) -> Result<Json<AttentionView>, Problem> {
        let items = items(&ctx).await.map_err(Problem::internal)?;
        let counts = counted(&items).into_iter();
        let counts = counts.map(|(kind, count)| CountView { kind: kind.into(), count }).collect();
        let page = Page::new(behind(items, cursor.0), limit, Item::place, ItemView::from);
        Ok(Json(AttentionView { data: page.data, counts, next_cursor: page.next_cursor }))
    }
}

/// How many items there are of each kind; none left out.
fn counted(items: &[Item]) -> BTreeMap<Kind, i64> {
    let none = Kind::ALL.into_iter().map(|kind| (kind, 0)).collect();
    items.iter().fold(none, |mut counts: BTreeMap<Kind, i64>, item| {
        *counts.entry(item.kind).or_default() += 1;
        counts
    })
}

impl From<Item> for ItemView {
    fn from(item: Item) -> Self {
        let Item { kind, object, since, detail, action } = item;
        Self { kind: kind.into(), object, since, detail, action }
    }
}
