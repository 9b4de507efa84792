//! Everything that the sandbox knows, behind one lock; requests run one after the other.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Cause, JournalError, Outcome, Record, Table, Tables, Tx, journal::Journal};
use crate::{clock::Clock, config::Settings};

/// What the sandbox knows about itself.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) seed: u64,
    /// How often a process was started on this state; request ids are drawn per start.
    pub(crate) starts: u64,
    pub(crate) offset_ms: i64,
    pub(crate) settings: Settings,
}

impl Meta {
    pub(crate) const ID: &'static str = "meta";
}

impl Record for Meta {
    const NOUN: &'static str = "meta";

    fn id(&self) -> &str {
        Self::ID
    }

    fn owner(&self) -> &str {
        ""
    }
}

pub(crate) struct World {
    pub(crate) tables: Tables,
    pub(crate) clock: Clock,
    next_seq: u64,
    journal: Option<Journal>,
}

impl World {
    /// Opens the state in `dir`, or begins a new one in memory.
    pub(crate) fn open(
        dir: Option<&Path>,
        clock: Clock,
        settings: Settings,
        seed: Option<u64>,
    ) -> Result<Self, JournalError> {
        let mut tables = Tables::default();
        let (journal, last_seq) = match dir {
            Some(dir) => Journal::open(dir, &mut tables).map(|(journal, seq)| (Some(journal), seq))?,
            None => (None, 0),
        };
        let mut world = Self { tables, clock, next_seq: last_seq + 1, journal };
        let meta = match world.tables.get::<Meta>(Meta::ID) {
            Some(known) => Meta { starts: known.starts + 1, ..known.clone() },
            None => Meta { seed: seed.unwrap_or_else(rand::random), starts: 1, offset_ms: 0, settings },
        };
        world.clock.set_offset_ms(meta.offset_ms);
        world.quietly(|tx| tx.put(meta));
        Ok(world)
    }

    /// Runs `work` as one transaction at the sandbox's present time.
    pub(crate) fn transact<R, E: Outcome>(
        &mut self,
        cause: Cause,
        work: impl FnOnce(&mut Tx<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let now_ms = self.clock.now_ms();
        self.transact_at(now_ms, cause, work)
    }

    /// The same at a given time: what was due earlier happens then.
    pub(crate) fn transact_at<R, E: Outcome>(
        &mut self,
        now_ms: i64,
        cause: Cause,
        work: impl FnOnce(&mut Tx<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut tx = Tx::begin(&mut self.tables, &mut self.next_seq, now_ms, cause);
        let result = work(&mut tx);
        match &result {
            Err(error) if !error.keeps_changes() => tx.roll_back(),
            _ => {
                let touched = tx.commit();
                self.write(&touched);
            }
        }
        result
    }

    /// Runs work that cannot fail.
    pub(crate) fn quietly<R>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> R) -> R {
        let now_ms = self.clock.now_ms();
        self.quietly_at(now_ms, work)
    }

    pub(crate) fn quietly_at<R>(&mut self, now_ms: i64, work: impl FnOnce(&mut Tx<'_>) -> R) -> R {
        let mut tx = Tx::begin(&mut self.tables, &mut self.next_seq, now_ms, Cause::default());
        let result = work(&mut tx);
        let touched = tx.commit();
        self.write(&touched);
        result
    }

    /// Forgets everything but the seed, the settings and how often it was started; the clock is the wall's again.
    pub(crate) fn reset(&mut self) {
        let meta = self.tables.get::<Meta>(Meta::ID).cloned();
        let gone = self.tables.everything();
        self.tables = Tables::default();
        self.clock.set_offset_ms(0);
        self.write(&gone);
        if let Some(meta) = meta {
            self.quietly(|tx| tx.put(Meta { offset_ms: 0, starts: meta.starts + 1, ..meta }));
        }
    }

    /// Writes everything down, and lets go of the directory.
    pub(crate) fn close(&mut self) {
        if let Some(mut journal) = self.journal.take()
            && let Err(error) = journal.flush()
        {
            tracing::error!(%error, "the journal could not be flushed");
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        self.tables.get::<Meta>(Meta::ID).map(|meta| meta.settings).unwrap_or_default()
    }

    /// A table that only its own module needs to see whole.
    pub(crate) fn table<T: super::Stored>(&self) -> &Table<T> {
        T::table(&self.tables)
    }

    fn write(&mut self, touched: &[(&'static str, String)]) {
        if touched.is_empty() {
            return;
        }
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.append(&self.tables, touched)
        {
            tracing::error!(%error, "a change could not be written: it will be gone after a restart");
        }
    }
}
