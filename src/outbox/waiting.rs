//! Two writes for one request of a caller's: one makes what the other needs, a customer before the setup intent that
//! names it.
//!
//! *Tx 1* writes both rows. The second has its bytes already, with [`MADE_FIRST`](crate::stripe::MADE_FIRST) in the
//! place of the id that the first will bring, and holds the caller's key. It is filled in when it is first sent, and not
//! sent before; so whoever brings the first to its end (its sender, a completer, an event, a person) makes the second
//! due, and a crash between the two loses nothing. Many may wait for the same first one. If that is refused, so are they.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, Query},
};
use souk_entity::{
    StripeRequestId,
    stripe_request::{Column, Entity, Model, State},
};

use super::{
    action::Action,
    drive::{Driven, OutboxError, drive, drive_leased, frozen, lease_for, settle_refusal, unleased},
    store::{self, NewRequest},
};
use crate::{
    context::Context,
    stripe::{Frozen, Refusal},
};

/// How long to wait for a bell that another process rings.
const GLANCE: Duration = Duration::from_millis(100);
/// Saying that a row is refused takes one transaction.
const LEASE: Duration = Duration::from_secs(10);

/// A write that must succeed before another is sent.
pub struct First {
    id: StripeRequestId,
    /// If it is ours to send.
    ours: Option<(&'static dyn Action, Box<Model>)>,
}

impl First {
    /// Writes a request that comes first, leased by whoever writes it.
    pub(super) async fn write(
        tx: &DatabaseTransaction,
        ctx: &Context,
        action: &'static dyn Action,
        new: NewRequest,
        budget: Duration,
    ) -> Result<Self, DbErr> {
        let row = store::enqueue_leased(tx, ctx, new, lease_for(budget)).await?;
        Ok(Self { id: row.id, ours: Some((action, Box::new(row))) })
    }

    /// The request of this kind and subject that has no outcome yet, to be waited for. Hold a lock that keeps others from
    /// writing one meanwhile.
    pub async fn open(
        tx: &DatabaseTransaction,
        action: &dyn Action,
        subject: &str,
    ) -> Result<Option<Self>, DbErr> {
        Ok(open(tx, action, subject).await?.map(|id| Self { id, ours: None }))
    }

    /// Writes the request that comes second.
    pub(super) async fn before(
        &self,
        tx: &DatabaseTransaction,
        ctx: &Context,
        new: NewRequest,
        budget: Duration,
    ) -> Result<(), DbErr> {
        let row = store::unsent(ctx, new);
        // Its caller sends it; a completer does when that must have failed.
        let next_at = row.next_at + lease_for(budget);
        store::insert(tx, Model { waits_for: Some(self.id), next_at, ..row }).await.map(drop)
    }

    /// Sends both, one after the other, inside `budget`.
    pub(super) async fn drive(
        self,
        ctx: &Context,
        action: &dyn Action,
        id: StripeRequestId,
        budget: Duration,
    ) -> Result<Driven, OutboxError> {
        let began = Instant::now();
        if let Some((first, row)) = self.ours {
            match drive_leased(ctx, first, &row, budget).await? {
                Driven::Settled(_) | Driven::Busy => {}
                undone @ (Driven::Pending | Driven::Held) => return Ok(undone),
            }
        }
        drive_when_due(ctx, action, id, budget.saturating_sub(began.elapsed())).await
    }
}

/// The id of a request of this kind and subject that has no outcome yet.
pub async fn open(
    tx: &DatabaseTransaction,
    action: &dyn Action,
    subject: &str,
) -> Result<Option<StripeRequestId>, DbErr> {
    let open = Entity::find()
        .filter(Column::Subject.eq(subject))
        .filter(Column::Kind.eq(action.kind()))
        .filter(Column::State.is_in([State::Pending, State::Unknown]));
    Ok(open.one(tx).await?.map(|row| row.id))
}

/// Sends a row, once what it waits for is settled, inside `budget`.
pub(super) async fn drive_when_due(
    ctx: &Context,
    action: &dyn Action,
    id: StripeRequestId,
    budget: Duration,
) -> Result<Driven, OutboxError> {
    let began = Instant::now();
    loop {
        // Listening begins before looking: what is committed meanwhile rings.
        let mut rung = pin!(ctx.wake.notified());
        rung.as_mut().enable();
        let row = store::find(ctx, id).await?.ok_or(OutboxError::Missing)?;
        let left = budget.saturating_sub(began.elapsed());
        match standing(ctx, &row).await? {
            Standing::Waits if left.is_zero() => return Ok(Driven::Pending),
            Standing::Waits => {
                tokio::select! {
                    () = rung => {}
                    () = tokio::time::sleep(GLANCE.min(left)) => {}
                }
            }
            _ => return drive(ctx, action, id, left).await,
        }
    }
}

/// Whether a row may be sent, as far as what it waits for goes.
pub(super) enum Standing {
    /// It waits for nothing, or no longer.
    Free,
    /// It may, with these bytes: what it has waited for is there.
    Filled(Frozen),
    /// Not yet.
    Waits,
    /// Nobody can tell whether what it waits for took effect.
    Held,
    /// Never: what it waits for was refused.
    Refused(Box<Refusal>),
}

/// How a row stands.
pub(super) async fn standing(ctx: &Context, row: &Model) -> Result<Standing, OutboxError> {
    // What was sent has its bytes.
    let Some(first) = row.waits_for.filter(|_| row.attempts == 0) else { return Ok(Standing::Free) };
    let first = store::find(ctx, first).await?.ok_or(OutboxError::Missing)?;
    Ok(match (first.state, &first.stripe_object_id) {
        (State::Succeeded, Some(made)) => Standing::Filled(frozen(row).with_made_first(made)),
        (State::Succeeded, None) | (State::Refused, _) => Standing::Refused(Box::new(refusal(&first))),
        (State::Pending, _) => Standing::Waits,
        (State::Unknown, _) => Standing::Held,
    })
}

/// Why a write can't be sent whose first one was refused. Stripe's words are for the log: nobody has said how much of
/// them this caller may read.
fn refusal(first: &Model) -> Refusal {
    let code = first.error_code.as_deref().unwrap_or("no reason given");
    Refusal {
        status: 400,
        error_type: "first_request_refused".to_owned(),
        code: first.error_code.clone(),
        decline_code: None,
        message: Some(format!("what had to come first, {}, was refused: {code}", first.kind)),
        param: None,
        object_id: None,
        object: None,
        request_id: first.stripe_request_id.clone(),
    }
}

/// Refuses a row whose first one was refused: nothing was sent.
pub(super) async fn refuse(
    ctx: &Context,
    action: &dyn Action,
    id: StripeRequestId,
    refusal: &Refusal,
) -> Result<Driven, OutboxError> {
    match store::lease_to_prove(ctx, id, LEASE).await? {
        Some(row) => settle_refusal(ctx, action, &row, refusal).await,
        None => unleased(ctx, id).await,
    }
}

/// That a row doesn't wait any more: for nothing, or for what is settled.
pub(super) fn is_over() -> Condition {
    let settled = Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, "first")
        .and_where(Expr::col(("first", Column::Id)).equals((Entity, Column::WaitsFor)))
        .and_where(Expr::col(("first", Column::State)).is_in(["succeeded", "refused"]))
        .to_owned();
    Condition::any().add(Column::WaitsFor.is_null()).add(Expr::exists(settled))
}

/// What waited for a row that another takes the place of waits for that one.
pub(super) async fn wait_for_another(
    tx: &DatabaseTransaction,
    old: StripeRequestId,
    new: StripeRequestId,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::WaitsFor, Expr::value(Some(new)))
        .filter(Column::WaitsFor.eq(old))
        .exec(tx)
        .await?;
    Ok(())
}
