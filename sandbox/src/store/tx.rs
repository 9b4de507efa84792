//! One transaction: everything that a request does happens, or nothing does.

use serde::{Deserialize, Serialize};

use super::{Record, Stored, Tables, world::Meta};
use crate::{config::Settings, ids};

type Undo = Box<dyn FnOnce(&mut Tables)>;

/// Why something happens; events carry it. Empty when time alone is the cause.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    pub(crate) request_id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// Whether the changes of a transaction stay.
pub(crate) trait Outcome {
    fn keeps_changes(&self) -> bool;
}

/// How many ids of a prefix were drawn.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Counter {
    prefix: String,
    drawn: u64,
}

impl Record for Counter {
    const NOUN: &'static str = "counter";

    fn id(&self) -> &str {
        &self.prefix
    }

    fn owner(&self) -> &str {
        ""
    }
}

pub(crate) struct Tx<'w> {
    pub(crate) tables: &'w mut Tables,
    pub(crate) now_ms: i64,
    pub(crate) cause: Cause,
    next_seq: &'w mut u64,
    undo: Vec<Undo>,
    touched: Vec<(&'static str, String)>,
}

impl<'w> Tx<'w> {
    pub(super) fn begin(tables: &'w mut Tables, next_seq: &'w mut u64, now_ms: i64, cause: Cause) -> Self {
        Self { tables, now_ms, cause, next_seq, undo: Vec::new(), touched: Vec::new() }
    }

    /// Seconds since 1970 on the sandbox's clock.
    pub(crate) fn now(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }

    pub(crate) fn settings(&self) -> Settings {
        self.tables.get::<Meta>(Meta::ID).map(|meta| meta.settings).unwrap_or_default()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.tables.get::<Meta>(Meta::ID).map(|meta| meta.seed).unwrap_or_default()
    }

    /// How often a process was started on this state.
    pub(crate) fn starts(&self) -> u64 {
        self.tables.get::<Meta>(Meta::ID).map(|meta| meta.starts).unwrap_or_default()
    }

    pub(crate) fn get<T: Stored>(&self, id: &str) -> Option<&T> {
        self.tables.get(id)
    }

    pub(crate) fn put<T: Stored>(&mut self, record: T) {
        let id = record.id().to_owned();
        let old = T::table_mut(self.tables).put(*self.next_seq, record);
        *self.next_seq += 1;
        self.touched.push((T::TABLE, id.clone()));
        self.undo.push(Box::new(move |tables| {
            T::table_mut(tables).take(&id);
            if let Some(row) = old {
                T::table_mut(tables).insert(row);
            }
        }));
    }

    pub(crate) fn remove<T: Stored>(&mut self, id: &str) {
        if let Some(row) = T::table_mut(self.tables).take(id) {
            self.touched.push((T::TABLE, id.to_owned()));
            self.undo.push(Box::new(move |tables| T::table_mut(tables).insert(row)));
        }
    }

    /// A new id: `pi_3Nq...`.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        let drawn = self.get::<Counter>(prefix).map_or(0, |counter| counter.drawn) + 1;
        self.put(Counter { prefix: prefix.to_owned(), drawn });
        let text = ids::derive(self.seed(), prefix, drawn, ids::length_of(prefix));
        match prefix {
            "acct" | "cus" | "req" | "whsec" => format!("{prefix}_{text}"),
            // Stripe's newer ids begin with a digit for the age of the account.
            _ => format!("{prefix}_1{text}"),
        }
    }

    /// A secret that belongs to an object.
    pub(crate) fn secret_for(&self, id: &str, length: usize) -> String {
        ids::derive(self.seed(), &format!("secret of {id}"), 0, length)
    }

    pub(super) fn roll_back(self) {
        for undo in self.undo.into_iter().rev() {
            undo(self.tables);
        }
    }

    pub(super) fn commit(self) -> Vec<(&'static str, String)> {
        self.touched
    }
}
