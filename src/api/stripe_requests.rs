//! Writes to Stripe, for operators: what is under way, and what a person must say.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::{
    Enum, Object, OpenApi, Tags,
    param::{Path, Query},
    payload::Json,
};
use souk_entity::{StripeRequestId, stripe_request};

use super::{Body, Cursor, Done, Id, IdempotencyKey, Limit, OperatorOnly, Page, Problem, performed, reply};
use crate::{
    context::Context,
    idempotency::Asked,
    outbox::{self, Actions, Outcome, Resolution, ResolveError},
};

const LONGEST_REASON: usize = 500;
/// When an operator may ask again for what somebody else is settling: as long as a lease may last, seconds.
const BUSY_RETRY_AFTER_S: u64 = 20;

/// The operations on writes to Stripe.
#[derive(Clone, Copy, Debug)]
pub struct StripeRequestsApi;

#[derive(Tags)]
enum Tag {
    /// Writes to Stripe: what became of them.
    StripeRequests,
}

/// What is known of a write to Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "StripeRequestState", rename_all = "snake_case")]
enum StateView {
    /// No definite answer yet; it goes on by itself.
    Pending,
    /// It took effect.
    Succeeded,
    /// It did not.
    Refused,
    /// Nobody can tell: an operator must find out, and resolve it.
    Unknown,
}

impl From<stripe_request::State> for StateView {
    fn from(state: stripe_request::State) -> Self {
        match state {
            stripe_request::State::Pending => Self::Pending,
            stripe_request::State::Succeeded => Self::Succeeded,
            stripe_request::State::Refused => Self::Refused,
            stripe_request::State::Unknown => Self::Unknown,
        }
    }
}

impl From<StateView> for stripe_request::State {
    fn from(state: StateView) -> Self {
        match state {
            StateView::Pending => Self::Pending,
            StateView::Succeeded => Self::Succeeded,
            StateView::Refused => Self::Refused,
            StateView::Unknown => Self::Unknown,
        }
    }
}

/// A write to Stripe. What was sent is not shown: it holds what people told us of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "StripeRequest", skip_serializing_if_is_none)]
pub(super) struct StripeRequestView {
    /// `sreq_...`; its UUID is the `Idempotency-Key` at Stripe.
    id: Id<StripeRequestId>,
    /// The `Idempotency-Key` at Stripe, which is also the `souk_request` of the object's metadata.
    stripe_idempotency_key: String,
    /// Which money action: `payment_intent.create`, ...
    kind: String,
    /// The id of what it is for: an order, a seller, a payout.
    subject: String,
    /// `platform`, or the connected account in whose name it is sent.
    scope: String,
    /// What is known of it.
    state: StateView,
    /// The object that it made.
    stripe_object_id: Option<String>,
    /// Stripe's code, or why it is unknown.
    error_code: Option<String>,
    /// The same in words.
    error_message: Option<String>,
    /// Stripe's `Request-Id` of the last answer.
    stripe_request_id: Option<String>,
    /// How many times it was sent.
    attempts: i32,
    /// When it was first sent.
    first_sent_at: Option<DateTime<Utc>>,
    /// When it was last sent.
    last_attempt_at: Option<DateTime<Utc>>,
    /// Since when sending it again is of no use: it is looked up at Stripe.
    key_spent_at: Option<DateTime<Utc>>,
    /// The request whose place it took, after that was proved not to have taken effect.
    retry_of: Option<Id<StripeRequestId>>,
    /// When it was written.
    created_at: DateTime<Utc>,
    /// When its outcome was known.
    settled_at: Option<DateTime<Utc>>,
    /// The operator who said what became of it.
    resolved_by: Option<String>,
    /// How they knew.
    resolved_reason: Option<String>,
}

impl From<&stripe_request::Model> for StripeRequestView {
    fn from(row: &stripe_request::Model) -> Self {
        Self {
            id: Id(row.id),
            stripe_idempotency_key: row.id.uuid().to_string(),
            kind: row.kind.clone(),
            subject: row.subject.clone(),
            scope: row.scope.to_string(),
            state: row.state.into(),
            stripe_object_id: row.stripe_object_id.clone(),
            error_code: row.error_code.clone(),
            error_message: row.error_message.clone(),
            stripe_request_id: row.stripe_request_id.clone(),
            attempts: row.attempts,
            first_sent_at: row.first_sent_at,
            last_attempt_at: row.last_attempt_at,
            key_spent_at: row.key_spent_at,
            retry_of: row.retry_of.map(Id),
            created_at: row.created_at,
            settled_at: row.settled_at,
            resolved_by: row.resolved_by.clone(),
            resolved_reason: row.resolved_reason.clone(),
        }
    }
}

/// What an operator found out about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "StripeRequestOutcome", rename_all = "snake_case")]
enum OutcomeView {
    /// It made an object.
    TookEffect,
    /// It did nothing.
    DidNot,
}

/// What became of a write, as an operator says.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct ResolveStripeRequest {
    /// What became of it.
    outcome: OutcomeView,
    /// The object that it made, if it took effect.
    #[oai(validator(pattern = "^[A-Za-z0-9_]{1,255}$"))]
    stripe_object_id: Option<String>,
    /// How that is known, 1 to 500 characters; kept with the request.
    reason: String,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::StripeRequests")]
impl StripeRequestsApi {
    /// List writes to Stripe, newest first.
    #[oai(path = "/stripe-requests", method = "get", operation_id = "listStripeRequests")]
    async fn list(
        &self,
        _caller: OperatorOnly,
        ctx: Data<&Context>,
        limit: Limit,
        cursor: Cursor<StripeRequestId>,
        /// Only those of which this is known.
        state: Query<Option<StateView>>,
    ) -> Result<Json<Page<StripeRequestView>>, Problem> {
        let state = state.0.map(Into::into);
        let rows = outbox::list(&ctx, state, cursor.0, limit.rows_to_fetch()).await?;
        Ok(Json(Page::new(rows, limit, |row| row.id, |row| StripeRequestView::from(&row))))
    }

    /// Say what became of a write whose outcome is unknown.
    ///
    /// Took effect: the object that it made is read again and bound, as if Stripe had answered. Did not: the write
    /// is closed as refused. Either way whoever asked for it gets a definite answer under their key.
    #[oai(
        path = "/stripe-requests/:stripe_request_id/resolve",
        method = "post",
        operation_id = "resolveStripeRequest"
    )]
    async fn resolve(
        &self,
        caller: OperatorOnly,
        ctx: Data<&Context>,
        actions: Data<&Arc<Actions>>,
        stripe_request_id: Path<Id<StripeRequestId>>,
        #[oai(name = "Idempotency-Key")] key: IdempotencyKey,
        body: Body<ResolveStripeRequest>,
    ) -> Result<Done<StripeRequestView>, Problem> {
        let id = stripe_request_id.0.0;
        let asked = Asked::new(caller.key(), Some(key.0), &format!("resolveStripeRequest {id}"), &body.raw);
        let resolution = resolution(caller.key(), body.value)?;
        let view = |row: &stripe_request::Model| reply(200, &StripeRequestView::from(row));
        performed(outbox::resolve(&ctx, &actions, &asked, id, &resolution, view).await?)
    }
}

fn resolution(by: String, body: ResolveStripeRequest) -> Result<Resolution, Problem> {
    let refuse =
        |field, code, detail: &str| Err(Problem::unprocessable(code, detail).with_field(field, code, detail));
    let reason = body.reason.trim().to_owned();
    if !(1..=LONGEST_REASON).contains(&reason.chars().count()) {
        return refuse("reason", "invalid_reason", "A reason has 1 to 500 characters.");
    }
    let outcome = match (body.outcome, body.stripe_object_id) {
        (OutcomeView::TookEffect, Some(object_id)) => Outcome::TookEffect { object_id },
        (OutcomeView::DidNot, None) => Outcome::DidNot,
        (OutcomeView::TookEffect, None) => {
            let detail = "What took effect made an object: name it.";
            return refuse("stripe_object_id", "stripe_object_id_required", detail);
        }
        (OutcomeView::DidNot, Some(_)) => {
            let detail = "What did not take effect made no object.";
            return refuse("stripe_object_id", "stripe_object_id_unexpected", detail);
        }
    };
    Ok(Resolution { outcome, by, reason })
}

impl From<ResolveError> for Problem {
    fn from(error: ResolveError) -> Self {
        let detail = error.to_string();
        let unfit = |code, detail: &str| {
            Self::unprocessable(code, detail).with_field("stripe_object_id", code, detail)
        };
        match error {
            ResolveError::NotFound => Self::not_found(),
            ResolveError::NotUnknown(_) => Self::conflict("stripe_request_not_unknown", detail),
            ResolveError::Busy => {
                Self::conflict("stripe_request_busy", detail).retry_after(BUSY_RETRY_AFTER_S)
            }
            ResolveError::UnknownKind(_) => Self::conflict("stripe_request_kind_unknown", detail),
            ResolveError::OtherKind { .. } => unfit("stripe_object_wrong_kind", &detail),
            ResolveError::Unreadable => unfit("stripe_object_unreadable", &detail),
            ResolveError::NoSuchObject => unfit("stripe_object_not_found", &detail),
            ResolveError::BoundElsewhere => Self::conflict("stripe_object_bound", detail),
            ResolveError::Stripe(failure) => failure.into(),
            ResolveError::Claim(error) => error.into(),
            ResolveError::Outbox(error) => error.into(),
        }
    }
}
