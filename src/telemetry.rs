//! Structured logs: JSON lines for machines, readable ones for a person at a terminal.

use std::{
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

/// What is logged unless `SOUK_LOG` or `RUST_LOG` says otherwise. sqlx's statements are noise at `info`.
const DEFAULT_FILTER: &str = "info,sqlx=warn,sea_orm_migration=warn";

tokio::task_local! {
    static REQUEST_ID: String;
}

/// Runs what serves the request of this id.
pub async fn serving<F: Future>(request_id: String, serve: F) -> F::Output {
    REQUEST_ID.scope(request_id, serve).await
}

/// The id of the request that this task serves; none outside of one.
#[must_use]
pub fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Readable at a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    fn is_json(self, terminal: bool) -> bool {
        match self {
            Self::Auto => !terminal,
            Self::Json => true,
            Self::Text => false,
        }
    }
}

/// Starts logging to standard error; an error if something else in the process did so before.
pub fn init(format: LogFormat) -> Result<(), TryInitError> {
    let terminal = io::stderr().is_terminal();
    let filter = filter(|name| std::env::var(name).ok());
    let subscriber = tracing_subscriber::registry().with(filter);
    if format.is_json(terminal) {
        subscriber.with(json_lines(io::stderr)).try_init()?;
    } else {
        subscriber.with(fmt::layer().with_ansi(terminal).with_writer(io::stderr)).try_init()?;
    }
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// One JSON object a line, with the fields of all spans around it: request_id, order, seller, ...
pub(crate) fn json_lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(writer)
}

/// A panic is a log line like any other, with the fields of the request in which it happened.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, reason = panic.payload_as_str(), "panic");
}

/// `SOUK_LOG` before `RUST_LOG` before the default; what can't be parsed is as if it were not set.
fn filter(variable: impl Fn(&str) -> Option<String>) -> EnvFilter {
    ["SOUK_LOG", "RUST_LOG"]
        .into_iter()
        .filter_map(variable)
        .filter(|directives| !directives.trim().is_empty())
        .find_map(|directives| EnvFilter::try_new(directives).ok())
        .unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::DefaultGuard;

    use super::*;

    /// What this thread logs, while it lives.
    pub(crate) struct Captured {
        bytes: Arc<Mutex<Vec<u8>>>,
        _guard: DefaultGuard,
    }

    impl Captured {
        pub(crate) fn start() -> Self {
            let bytes = Arc::new(Mutex::new(Vec::new()));
            let sink = Arc::clone(&bytes);
            let lines = json_lines(move || Sink(Arc::clone(&sink)));
            let _guard = tracing_subscriber::registry().with(lines).set_default();
            Self { bytes, _guard }
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
        }
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_carries_the_fields_of_every_span_around_it() {
        let captured = Captured::start();
        let _request = tracing::info_span!("http.request", request_id = "req_1").entered();
        let _send = tracing::info_span!("stripe.send", stripe_request_id = "sreq_1").entered();
        tracing::info!(attempt = 2, "sent");
        let line: serde_json::Value = serde_json::from_str(&captured.text()).unwrap();
        assert_eq!((&line["message"], &line["attempt"]), (&"sent".into(), &2.into()));
        assert_eq!(line["spans"][0]["request_id"], "req_1");
        assert_eq!(line["spans"][1]["stripe_request_id"], "sreq_1");
    }

    #[test]
    fn without_a_terminal_lines_are_json_unless_text_was_asked_for() {
        assert!(LogFormat::Auto.is_json(false) && !LogFormat::Auto.is_json(true));
        assert!(LogFormat::Json.is_json(true) && !LogFormat::Text.is_json(false));
    }

    #[test]
    fn souks_own_variable_goes_first_and_nonsense_falls_back() {
        let with = |souk: Option<&str>, rust: Option<&str>| {
            filter(|name| (if name == "SOUK_LOG" { souk } else { rust }).map(str::to_owned)).to_string()
        };
        assert_eq!(with(Some("debug"), Some("trace")), "debug");
        assert_eq!(with(None, Some("trace")), "trace");
        let default = EnvFilter::new(DEFAULT_FILTER).to_string();
        assert_eq!(with(Some(" "), Some("a=b=c")), default);
        assert_eq!(with(None, None), default);
    }
}
