//! The two clocks: wall time, and the sandbox's own, which is wall time plus an offset.
//!
//! Objects, settlement and key pruning live on the sandbox's clock. Webhook signatures and retries live on wall
//! time, because those who verify and receive them do.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};

/// A shared handle; every clone sees the same offset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Milliseconds since 1970 on the sandbox's clock.
    pub(crate) fn now_ms(&self) -> i64 {
        wall_ms() + self.offset_ms()
    }

    pub(crate) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::SeqCst)
    }

    pub(crate) fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::SeqCst);
    }

    /// The `Date` header: the sandbox's time as HTTP writes it.
    pub(crate) fn http_date(&self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.now_ms())
            .unwrap_or_default()
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string()
    }
}

/// Milliseconds since 1970 on the wall.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
pub(crate) fn wall_ms() -> i64 {
    Utc::now().timestamp_millis()
}
