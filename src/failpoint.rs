//! Points at which tests kill the process: one before and one after each commit and each call of Stripe.
//!
//! A point's name says what runs, where, and on which side of it: `payment_intent.create/tx1/before`,
//! `post_sale/books/after`, `GET /v1/charges/:id/call/before`. The only way to commit ([`crate::db::commit`]) and the
//! only way to Stripe (the gateway) make their points themselves, so that none can be forgotten.
//!
//! - `SOUK_FAILPOINT=<name>[:<n>]`: the process kills itself by SIGKILL when it comes to this point for the n-th time.
//! - `SOUK_FAILPOINT_LOG=<file>`: the name of each point that it comes to is appended to this file.
//!
//! In debug builds only: in a release build there are no points, and the settings have no effect.

use std::fmt::Display;

/// Awaits `work`, with a point on either side of it.
pub async fn around<T>(what: impl Display, place: &str, work: impl Future<Output = T>) -> T {
    #[cfg(debug_assertions)]
    debug::reach(&what, place, "before");
    let outcome = work.await;
    after(what, place);
    outcome
}

/// A point after something of which nobody knows beforehand whether it will happen.
pub fn after(what: impl Display, place: &str) {
    #[cfg(debug_assertions)]
    debug::reach(&what, place, "after");
    #[cfg(not(debug_assertions))]
    let _ = (what, place);
}

#[cfg(debug_assertions)]
mod debug {
    use std::{
        env,
        fmt::Display,
        fs::File,
        io::Write,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };

    use rustix::process::{Signal, getpid, kill_process};

    /// The settings, and how often the deadly point was reached.
    struct Points {
        deadly: Option<(String, u64)>,
        reached: AtomicU64,
        log: Option<File>,
    }

    static POINTS: LazyLock<Points> = LazyLock::new(|| Points {
        deadly: env::var("SOUK_FAILPOINT").ok().map(deadly),
        reached: AtomicU64::new(0),
        log: env::var_os("SOUK_FAILPOINT_LOG")
            .and_then(|path| File::options().append(true).create(true).open(path).ok()),
    });

    /// The name, and at which time it is deadly: the first, if that isn't said.
    fn deadly(setting: String) -> (String, u64) {
        match setting.rsplit_once(':').map(|(name, nth)| (name, nth.parse())) {
            Some((name, Ok(nth))) => (name.to_owned(), nth),
            _ => (setting, 1),
        }
    }

    pub(super) fn reach(what: &dyn Display, place: &str, side: &str) {
        let Points { deadly, reached, log } = &*POINTS;
        if deadly.is_none() && log.is_none() {
            return;
        }
        let name = format!("{what}/{place}/{side}");
        if let Some(mut log) = log.as_ref() {
            // One write, so that the lines of two threads don't mix.
            let _ = log.write_all(format!("{name}\n").as_bytes());
        }
        if let Some((deadly, nth)) = deadly
            && *deadly == name
            && reached.fetch_add(1, Ordering::Relaxed) + 1 == *nth
        {
            // The real thing: no destructor runs, no connection is closed well, and this thread does nothing more.
            while kill_process(getpid(), Signal::KILL).is_ok() {}
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_number_stands_behind_the_last_colon() {
            let read = |setting: &str| deadly(setting.to_owned());
            assert_eq!(read("post_sale/books/before:3"), ("post_sale/books/before".to_owned(), 3));
            assert_eq!(
                read("GET /v1/charges/:id/call/after"),
                ("GET /v1/charges/:id/call/after".to_owned(), 1)
            );
            assert_eq!(read("GET /v1/charges/:id/call/after:2").1, 2);
        }
    }
}
