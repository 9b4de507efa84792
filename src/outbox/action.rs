//! How a room declares a money action.

use std::collections::HashMap;

use async_trait::async_trait;
use sea_orm::{DatabaseTransaction, DbErr};
use serde::Deserialize;
use souk_entity::stripe_request;

use crate::{
    context::Context,
    idempotency::{ClaimError, Reply},
    seal::SealError,
    stripe::{Metadata, REQUEST_METADATA_KEY, Refusal, Window},
};

/// A kind of write to Stripe: how its answer is applied and how its object is found again. Its parameters are
/// frozen in the row, so a kind needs no other state.
#[async_trait]
pub trait Action: Send + Sync {
    /// The name that rows carry, `payment_intent.create`. Never reused for another meaning.
    fn kind(&self) -> &'static str;

    /// Whether an object of Stripe's with this id can be what the write made (`pi_...`).
    fn makes(&self, object_id: &str) -> bool;

    /// Whether this object, JSON, is the one that the request made: its metadata names the request. Of a kind that
    /// changes an object ([`Trail::Object`]): whether it is so changed.
    fn made(&self, request: &stripe_request::Model, object: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Made {
            metadata: Metadata,
        }
        let made = serde_json::from_slice::<Made>(object).ok();
        let named = made.as_ref().and_then(|made| made.metadata.get(REQUEST_METADATA_KEY));
        named.is_some_and(|named| *named == request.id.uuid().to_string())
    }

    /// The path by which the object is read again.
    fn object_path(&self, object_id: &str) -> String;

    /// The types of those events of Stripe's, in the write's scope, that carry its key and tell of its object; none
    /// if no event does.
    fn event_types(&self) -> &'static [&'static str];

    /// How it is found out at Stripe what became of a write whose key can't tell any more; of a list, the page after
    /// the id `after`.
    fn trail(&self, request: &stripe_request::Model, created: Window, after: Option<&str>) -> Trail;

    /// *tx 2* of a write that took effect. `object` is the object as Stripe rendered it, JSON.
    async fn succeeded(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        object: &[u8],
    ) -> Result<Applied, ApplyError>;

    /// *tx 2* of a write that was definitely refused.
    async fn refused(
        &self,
        ctx: &Context,
        tx: &DatabaseTransaction,
        request: &stripe_request::Model,
        refusal: &Refusal,
    ) -> Result<Reply, ApplyError>;
}

/// Where a write leaves its trace at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trail {
    /// It makes an object, which this list has for certain if it exists: the path of a page in the write's scope,
    /// newest first. One of Stripe's lists, which are consistent, never a search.
    List(String),
    /// It changes this object, whose state tells. Sent anew it may send the same bytes: it makes nothing.
    Object(String),
    /// Nowhere. Done twice it does no harm, so it is sent anew without any proof.
    Nowhere,
}

/// What *tx 2* of a success gives.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The id of the object that the write made.
    pub object_id: String,
    /// The answer to the caller.
    pub reply: Reply,
}

/// Why an answer could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It took effect, but its shape is unknown: held for a person, never taken for a failure.
    #[error("Stripe's answer has an unknown shape: {0}")]
    Unreadable(String),
    /// Nothing was applied; it is tried again.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// Nothing was applied; it is tried again.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Nothing was applied; it is tried again.
    #[error("{0}")]
    Other(String),
}

impl From<serde_json::Error> for ApplyError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<ClaimError> for ApplyError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Database(error) => Self::Database(error),
            ClaimError::Seal(error) => Self::Seal(error),
            ClaimError::OtherRequest => Self::Other(error.to_string()),
        }
    }
}

/// All kinds that exist, by name; composed where the rooms are.
#[derive(Default)]
pub struct Actions(HashMap<&'static str, Box<dyn Action>>);

impl Actions {
    /// Adds a kind.
    #[must_use]
    pub fn with(mut self, action: impl Action + 'static) -> Self {
        self.0.insert(action.kind(), Box::new(action));
        self
    }

    /// The names of all kinds.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// The kind of this name.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&dyn Action> {
        self.0.get(kind).map(Box::as_ref)
    }
}
