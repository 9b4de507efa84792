//! Callers may repeat a request: the same `Idempotency-Key` and body get the same answer, byte for byte, and
//! nothing happens twice.
//!
//! A key is claimed in the transaction that writes the first row of what was asked (*tx 1*), and answered in the
//! transaction that applies the outcome (*tx 2*). It belongs to its caller: another's answer can't be had by
//! guessing a key. A request that is refused before it writes anything claims nothing. Answers are kept for 30 days.

mod prune;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use sha2::{Digest, Sha256};
use souk_entity::{StripeRequestId, idempotency_key as row};
use uuid::Uuid;

use crate::{
    context::Context,
    db,
    seal::{Seal, SealError},
};

pub use prune::prune;

/// An answer to a caller, as it was and will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// What a caller asked, and under which key.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Role and subject of the caller.
    pub caller: String,
    /// The caller's key.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
}

impl Asked {
    /// Takes the fingerprint of a request. A caller who sent no key gets one that nobody can repeat: what is
    /// asked then runs through the same protocol, only that it can't be asked again.
    #[must_use]
    pub fn new(caller: String, key: Option<String>, operation: &str, body: &[u8]) -> Self {
        let key = key.unwrap_or_else(|| Uuid::now_v7().to_string());
        let mut hash = Sha256::new();
        hash.update(operation.as_bytes());
        // No path and body run into each other.
        hash.update([0]);
        hash.update(body);
        Self { caller, key, fingerprint: hash.finalize().into() }
    }
}

/// What became of what a caller asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Performed {
    /// Answered now.
    Fresh(Reply),
    /// Answered before; the same bytes again.
    Replayed(Reply),
    /// Stripe has not answered definitely; it goes on by itself, and the same key will get the answer.
    Pending,
    /// Another request with the same key is under way.
    Busy,
    /// Nobody can tell whether it took effect: held for an operator.
    Held,
}

/// A key that is claimed, in the transaction that claimed it. Dropped without [`Attempt::commit`] it leaves
/// nothing behind: what is refused writes nothing.
#[derive(Debug)]
pub struct Attempt {
    /// *tx 1*: whatever is written with it stands or falls with the claim.
    pub tx: DatabaseTransaction,
    /// The claimed key's row.
    pub key: Uuid,
}

impl Attempt {
    /// Stores the answer and commits, for what needs no Stripe.
    pub async fn commit(self, ctx: &Context, reply: Reply) -> Result<Performed, ClaimError> {
        answer(&self.tx, ctx, self.key, &reply).await?;
        db::commit(self.tx, "local", "tx").await?;
        ctx.wake.notify_waiters();
        Ok(Performed::Fresh(reply))
    }
}

/// How a request begins.
#[derive(Debug)]
pub enum Begun {
    /// It is new: go on.
    New(Attempt),
    /// It was answered: send this again.
    Answered(Reply),
    /// It was asked, and its write to Stripe has no answer yet: go on with that.
    Unanswered(StripeRequestId),
}

/// Begins *tx 1* by claiming the caller's key for the write to Stripe that it will wait for.
pub async fn begin(ctx: &Context, asked: &Asked, request: StripeRequestId) -> Result<Begun, ClaimError> {
    begin_for(ctx, asked, Some(request)).await
}

async fn begin_for(
    ctx: &Context,
    asked: &Asked,
    request: Option<StripeRequestId>,
) -> Result<Begun, ClaimError> {
    let tx = db::begin_write(&ctx.db).await?;
    match claim(&tx, ctx, asked, request).await? {
        Claimed::New(key) => Ok(Begun::New(Attempt { tx, key })),
        Claimed::Answered(reply) => Ok(Begun::Answered(reply)),
        Claimed::Unanswered(request) => Ok(Begun::Unanswered(request)),
    }
}

/// Begins what needs no Stripe: a new attempt, or what the earlier one came to.
pub async fn begin_local(ctx: &Context, asked: &Asked) -> Result<Result<Attempt, Performed>, ClaimError> {
    match begin_for(ctx, asked, None).await? {
        Begun::New(attempt) => Ok(Ok(attempt)),
        Begun::Answered(reply) => Ok(Err(Performed::Replayed(reply))),
        // The fingerprint covers the operation, so a key that waits for Stripe can't come here.
        Begun::Unanswered(_) => Ok(Err(Performed::Busy)),
    }
}

enum Claimed {
    New(Uuid),
    Answered(Reply),
    Unanswered(StripeRequestId),
}

/// Why a key can't be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    OtherRequest,
    /// The stored answer can't be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Claims a key. Of concurrent duplicates one gets [`Claimed::New`]; the others wait for its commit.
async fn claim(
    tx: &DatabaseTransaction,
    ctx: &Context,
    asked: &Asked,
    request: Option<StripeRequestId>,
) -> Result<Claimed, ClaimError> {
    let id = Uuid::now_v7();
    let new = row::ActiveModel {
        id: Set(id),
        caller: Set(asked.caller.clone()),
        key: Set(asked.key.clone()),
        fingerprint: Set(asked.fingerprint.to_vec()),
        stripe_request_id: Set(request),
        status: Set(None),
        body_sealed: Set(None),
        created_at: Set(ctx.clock.wall()),
    };
    let once = OnConflict::columns([row::Column::Caller, row::Column::Key]).do_nothing().to_owned();
    if row::Entity::insert(new).on_conflict(once).exec_without_returning(tx).await? == 1 {
        return Ok(Claimed::New(id));
    }
    let found = row::Entity::find()
        .filter(row::Column::Caller.eq(&asked.caller))
        .filter(row::Column::Key.eq(&asked.key))
        .one(tx)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("the idempotency key that was just in the way".to_owned()))?;
    if found.fingerprint != asked.fingerprint {
        return Err(ClaimError::OtherRequest);
    }
    if let Some(reply) = stored_reply(&ctx.seal, &found)? {
        return Ok(Claimed::Answered(reply));
    }
    found.stripe_request_id.map(Claimed::Unanswered).ok_or_else(|| {
        // A key without a write to Stripe is claimed and answered in one transaction.
        DbErr::Custom("an idempotency key has neither an answer nor a request".to_owned()).into()
    })
}

/// Notes that the key waits for another write to Stripe now.
pub async fn wait_for(tx: &DatabaseTransaction, id: Uuid, request: StripeRequestId) -> Result<(), DbErr> {
    let update =
        row::ActiveModel { id: Set(id), stripe_request_id: Set(Some(request)), ..Default::default() };
    row::Entity::update(update).exec(tx).await?;
    Ok(())
}

/// Stores the answer, in *tx 2*.
pub async fn answer(
    tx: &DatabaseTransaction,
    ctx: &Context,
    id: Uuid,
    reply: &Reply,
) -> Result<(), ClaimError> {
    let update = row::ActiveModel {
        id: Set(id),
        status: Set(Some(i32::from(reply.status))),
        body_sealed: Set(Some(ctx.seal.seal(&id.to_string(), &reply.body)?)),
        ..Default::default()
    };
    row::Entity::update(update).exec(tx).await?;
    Ok(())
}

/// The stored answer of a key, if it has one.
pub async fn reply_of(ctx: &Context, id: Uuid) -> Result<Option<Reply>, ClaimError> {
    match row::Entity::find_by_id(id).one(&ctx.db).await? {
        Some(found) => Ok(stored_reply(&ctx.seal, &found)?),
        None => Ok(None),
    }
}

fn stored_reply(seal: &Seal, found: &row::Model) -> Result<Option<Reply>, SealError> {
    let (Some(status), Some(sealed)) = (found.status, &found.body_sealed) else { return Ok(None) };
    let body = seal.open(&found.id.to_string(), sealed)?;
    Ok(Some(Reply { status: u16::try_from(status).unwrap_or(500), body }))
}
