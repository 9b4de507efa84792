//! Webhooks: every event reaches every endpoint that wants it, at least once.
//!
//! What is still to be delivered is a record like any other, so it survives a restart. Attempts run on wall time.

mod deliver;
mod order;
mod private;
mod sign;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    deliver::{Deliverer, first_attempts, run},
    order::{Mode, Order},
    private::is_private_url,
};
use crate::{clock::wall_ms, store::Record};

/// An event on its way to an endpoint.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    id: String,
    pub(crate) event: String,
    pub(crate) endpoint: String,
    platform: String,
    pub(crate) attempts: u32,
    /// When it is tried next, on the wall.
    next_ms: i64,
}

impl Record for Delivery {
    const NOUN: &'static str = "delivery";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.platform
    }

    fn keys(&self) -> Vec<String> {
        vec![self.event.clone(), self.endpoint.clone()]
    }

    fn due_ms(&self) -> Option<i64> {
        Some(self.next_ms)
    }
}

impl Delivery {
    pub(crate) fn new(event: &str, endpoint: &str, platform: &str) -> Self {
        Self {
            id: format!("{event}>{endpoint}"),
            event: event.to_owned(),
            endpoint: endpoint.to_owned(),
            platform: platform.to_owned(),
            attempts: 0,
            next_ms: wall_ms(),
        }
    }

    /// The same after an attempt that failed: 1 s, 2 s, 4 s ... up to the cap.
    fn postponed(self, cap_ms: i64) -> Self {
        let wait_ms = (1000_i64 << self.attempts.min(16)).min(cap_ms);
        Self { attempts: self.attempts + 1, next_ms: wall_ms() + wait_ms, ..self }
    }
}
