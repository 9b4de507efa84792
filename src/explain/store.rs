//! The queries of the timeline: reads only. Each is bounded, however much there is.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::{
    LedgerAccountId, LedgerTransactionId, OrderId, PayoutId, Scope, SellerId, StripeRequestId, event,
    idempotency_key, job, ledger_account, ledger_entry, ledger_transaction, order, order_share, payout,
    seller, stripe_event, stripe_request,
};
use uuid::Uuid;

use crate::context::Context;

/// Nobody reads further, and nothing here loads without a limit.
const MOST_ROWS: u64 = 500;
/// The payouts of a seller that are listed.
const MOST_PAYOUTS: u64 = 10;

/// The order of this id: ours, or that of its payment intent, charge or transfer.
pub(super) async fn order(ctx: &Context, id: &str) -> Result<Option<order::Model>, DbErr> {
    if let Ok(id) = id.parse::<OrderId>() {
        return order::Entity::find_by_id(id).one(&ctx.db).await;
    }
    let column = match id.split_once('_') {
        Some(("pi", _)) => order::Column::StripePaymentIntentId,
        Some(("ch" | "py", _)) => order::Column::StripeChargeId,
        Some(("tr", _)) => {
            let share = order_share::Entity::find().filter(order_share::Column::StripeTransferId.eq(id));
            let Some(share) = share.one(&ctx.db).await? else { return Ok(None) };
            return order::Entity::find_by_id(share.order_id).one(&ctx.db).await;
        }
        _ => return Ok(None),
    };
    order::Entity::find().filter(column.eq(id)).one(&ctx.db).await
}

pub(super) async fn shares(ctx: &Context, order: OrderId) -> Result<Vec<order_share::Model>, DbErr> {
    order_share::Entity::of_order(order).all(&ctx.db).await
}

/// The payout of this id, ours or Stripe's.
pub(super) async fn payout(ctx: &Context, id: &str) -> Result<Option<payout::Model>, DbErr> {
    if let Ok(id) = id.parse::<PayoutId>() {
        return payout::Entity::find_by_id(id).one(&ctx.db).await;
    }
    if !id.starts_with("po_") {
        return Ok(None);
    }
    payout::Entity::find().filter(payout::Column::StripePayoutId.eq(id)).one(&ctx.db).await
}

/// The seller of this id, ours or that of their account.
pub(super) async fn seller(ctx: &Context, id: &str) -> Result<Option<seller::Model>, DbErr> {
    if let Ok(id) = id.parse::<SellerId>() {
        return seller::Entity::find_by_id(id).one(&ctx.db).await;
    }
    let Ok(account) = id.parse() else { return Ok(None) };
    seller::Entity::of_account(&account).one(&ctx.db).await
}

pub(super) async fn sellers(ctx: &Context, ids: &[SellerId]) -> Result<Vec<seller::Model>, DbErr> {
    seller::Entity::find().filter(seller::Column::Id.is_in(ids.iter().copied())).all(&ctx.db).await
}

pub(super) async fn newest_payouts(ctx: &Context, seller: SellerId) -> Result<Vec<payout::Model>, DbErr> {
    let payouts = payout::Entity::of_seller(seller).order_by_desc(payout::Column::Id);
    payouts.limit(MOST_PAYOUTS).all(&ctx.db).await
}

pub(super) async fn request(
    ctx: &Context,
    id: StripeRequestId,
) -> Result<Option<stripe_request::Model>, DbErr> {
    stripe_request::Entity::find_by_id(id).one(&ctx.db).await
}

/// The newest write that Stripe, or we ourselves, know by this id of a call.
pub(super) async fn request_of_call(
    ctx: &Context,
    call: &str,
) -> Result<Option<stripe_request::Model>, DbErr> {
    use stripe_request::Column;
    let named = Condition::any().add(Column::StripeRequestId.eq(call)).add(Column::CallerRequestId.eq(call));
    stripe_request::Entity::find().filter(named).order_by_desc(Column::Id).one(&ctx.db).await
}

/// The write that made this object of Stripe's.
pub(super) async fn request_that_made(
    ctx: &Context,
    object: &str,
) -> Result<Option<stripe_request::Model>, DbErr> {
    let made = stripe_request::Column::StripeObjectId.eq(object);
    stripe_request::Entity::find().filter(made).one(&ctx.db).await
}

/// The writes that were for this row of ours.
pub(super) async fn requests(ctx: &Context, subject: &str) -> Result<Vec<stripe_request::Model>, DbErr> {
    use stripe_request::Column;
    let of_subject = stripe_request::Entity::find().filter(Column::Subject.eq(subject));
    of_subject.order_by_asc(Column::Id).limit(MOST_ROWS).all(&ctx.db).await
}

/// The writes in this scope that are held, for other rows.
pub(super) async fn held(
    ctx: &Context,
    scope: &Scope,
    except: &str,
) -> Result<Vec<stripe_request::Model>, DbErr> {
    use stripe_request::{Column, State};
    let held = stripe_request::Entity::find().filter(Column::State.eq(State::Unknown));
    let held = held.filter(Column::Scope.eq(scope.clone())).filter(Column::Subject.ne(except));
    held.limit(MOST_ROWS).all(&ctx.db).await
}

pub(super) async fn keys(ctx: &Context, ids: Vec<Uuid>) -> Result<Vec<idempotency_key::Model>, DbErr> {
    idempotency_key::Entity::find().filter(idempotency_key::Column::Id.is_in(ids)).all(&ctx.db).await
}

/// The events of these objects.
pub(super) async fn events(
    ctx: &Context,
    scope: &Scope,
    objects: &BTreeSet<String>,
) -> Result<Vec<stripe_event::Model>, DbErr> {
    use stripe_event::Column;
    let of_scope = stripe_event::Entity::find().filter(Column::Scope.eq(scope.clone()));
    let of_objects = of_scope.filter(Column::ObjectId.is_in(objects));
    of_objects.order_by_asc(Column::ReceivedAt).limit(MOST_ROWS).all(&ctx.db).await
}

/// The events that name this write as their cause.
pub(super) async fn events_of_request(
    ctx: &Context,
    id: StripeRequestId,
) -> Result<Vec<stripe_event::Model>, DbErr> {
    let named = stripe_event::Column::IdempotencyKey.eq(id.uuid().to_string());
    stripe_event::Entity::find().filter(named).limit(MOST_ROWS).all(&ctx.db).await
}

/// The event of this id, or the newest of the object of this id.
pub(super) async fn event_about(ctx: &Context, id: &str) -> Result<Option<stripe_event::Model>, DbErr> {
    use stripe_event::Column;
    let about = Condition::any().add(Column::Id.eq(id)).add(Column::ObjectId.eq(id));
    stripe_event::Entity::find().filter(about).order_by_desc(Column::ReceivedAt).one(&ctx.db).await
}

/// The jobs with one of these keys; a job that is done is gone.
pub(super) async fn jobs(
    ctx: &Context,
    keys: impl Iterator<Item = String>,
) -> Result<Vec<job::Model>, DbErr> {
    job::Entity::find().filter(job::Column::Key.is_in(keys)).limit(MOST_ROWS).all(&ctx.db).await
}

/// What the marketplace's backend was told of this row of ours.
pub(super) async fn told(ctx: &Context, object: &str) -> Result<Vec<event::Model>, DbErr> {
    let told = event::Entity::find().filter(event::Column::ObjectId.eq(object));
    told.order_by_asc(event::Column::Id).limit(MOST_ROWS).all(&ctx.db).await
}

pub(super) async fn accounts(ctx: &Context, books: &[Scope]) -> Result<Vec<ledger_account::Model>, DbErr> {
    let books = ledger_account::Column::Book.is_in(books.iter().cloned());
    ledger_account::Entity::find().filter(books).all(&ctx.db).await
}

/// The postings of these sources.
pub(super) async fn postings_from(
    ctx: &Context,
    books: &[Scope],
    sources: &[String],
) -> Result<Vec<LedgerTransactionId>, DbErr> {
    use ledger_transaction::Column;
    let ids = ledger_transaction::Entity::find().select_only().column(Column::Id);
    let ids = ids.filter(Column::Book.is_in(books.iter().cloned())).filter(Column::Source.is_in(sources));
    ids.limit(MOST_ROWS).into_tuple().all(&ctx.db).await
}

/// The postings with a leg on one of these accounts under one of these keys.
pub(super) async fn postings_under(
    ctx: &Context,
    accounts: &[ledger_account::Model],
    keys: &BTreeSet<String>,
) -> Result<Vec<LedgerTransactionId>, DbErr> {
    use ledger_entry::Column;
    let accounts: Vec<LedgerAccountId> = accounts.iter().map(|account| account.id).collect();
    let ids = ledger_entry::Entity::find().select_only().column(Column::TransactionId).distinct();
    let ids = ids.filter(Column::AccountId.is_in(accounts)).filter(Column::Key.is_in(keys));
    ids.limit(MOST_ROWS).into_tuple().all(&ctx.db).await
}

pub(super) async fn heads(
    ctx: &Context,
    ids: Vec<LedgerTransactionId>,
) -> Result<Vec<ledger_transaction::Model>, DbErr> {
    let heads = ledger_transaction::Entity::find().filter(ledger_transaction::Column::Id.is_in(ids));
    heads.order_by_asc(ledger_transaction::Column::Id).all(&ctx.db).await
}

pub(super) async fn legs(
    ctx: &Context,
    ids: Vec<LedgerTransactionId>,
) -> Result<Vec<ledger_entry::Model>, DbErr> {
    use ledger_entry::Column;
    let legs = ledger_entry::Entity::find().filter(Column::TransactionId.is_in(ids));
    legs.order_by_asc(Column::TransactionId).order_by_asc(Column::Position).all(&ctx.db).await
}
