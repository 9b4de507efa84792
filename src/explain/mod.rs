//! What happened to an order, a payout, a seller or a write to Stripe: one timeline of everything that is written down
//! about it, for the engineer who is asked at night.
//!
//! It reads and changes nothing, and asks Stripe nothing: it works when Stripe does not. Times are wall time, also
//! where Stripe's clock runs ahead. Invariant: no secret is in it; of Stripe's payloads only states and codes are
//! taken.

mod collect;
mod describe;
mod store;
mod subject;
mod text;

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::subject::Subject;
use crate::{context::Context, seal::SealError};

/// Why there is no timeline.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Nothing here has this id.
    #[error(
        "nothing here is called `{0}`: name an order_..., payout_..., seller_..., sreq_... (or its UUID), or an id of \
         Stripe's: pi_..., ch_..., tr_..., po_..., acct_..., evt_..., req_..."
    )]
    Unknown(String),
    /// An event can't be opened: another `SOUK_DATA_KEY`.
    #[error("a stored event can't be opened: {0}")]
    Seal(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Database(#[from] sea_orm::DbErr),
}

/// Everything that is known of one thing, oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct Timeline {
    /// What it is about, and where that stands, in one line.
    pub title: String,
    /// What else it is called, and whom it concerns: name and value.
    pub facts: Vec<(&'static str, String)>,
    /// What is held, dead or waiting. Empty when all is done.
    pub attention: Vec<String>,
    /// What happened.
    pub entries: Vec<Entry>,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// When, by the wall.
    pub at: DateTime<Utc>,
    /// What kind of thing.
    pub kind: Kind,
    /// What, in a line.
    pub text: String,
    /// More of it, a line each: the legs of a posting, why something failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The kinds of things that happen, in the order in which those of one moment follow from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A caller asked for something.
    Asked,
    /// A row of ours was written.
    Written,
    /// A write to Stripe was noted, to be sent.
    Sent,
    /// An event of Stripe's came in.
    Event,
    /// Stripe's answer was applied, and with it the caller's.
    Answered,
    /// Something was posted to the books.
    Posted,
    /// The marketplace's backend was told.
    Told,
    /// A job that is not done.
    Job,
}

impl Kind {
    /// One word, of at most eight letters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Written => "written",
            Self::Sent => "sent",
            Self::Event => "event",
            Self::Answered => "answered",
            Self::Posted => "posted",
            Self::Told => "told",
            Self::Job => "job",
        }
    }
}

/// Tells everything that is written down about what has this id: one of ours or one of Stripe's.
pub async fn explain(ctx: &Context, id: &str) -> Result<Timeline, ExplainError> {
    let subject = Subject::find(ctx, id).await?.ok_or_else(|| ExplainError::Unknown(id.to_owned()))?;
    let found = collect::collect(ctx, &subject).await?;
    Ok(describe::timeline(ctx, &subject, &found)?)
}
