//! One table: records by id, in order of creation, findable by the keys that each record names.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

/// A kind of thing that the sandbox keeps.
pub(crate) trait Record: Clone + Serialize + DeserializeOwned + Send + 'static {
    /// How Stripe calls it in messages: `No such payment_intent`.
    const NOUN: &'static str;

    fn id(&self) -> &str;

    /// The account in whose scope it lives.
    fn owner(&self) -> &str;

    /// What lists look it up by, besides its owner: ids of its parents, mostly.
    fn keys(&self) -> Vec<String> {
        Vec::new()
    }

    /// When something happens to it by itself, in milliseconds.
    fn due_ms(&self) -> Option<i64> {
        None
    }
}

/// A record with its place in the order of creation.
#[derive(Clone)]
pub(crate) struct Row<T> {
    pub(crate) seq: u64,
    pub(crate) record: T,
}

/// Rows are boxed: records are big, and a map that grows moves them all.
pub(crate) struct Table<T> {
    rows: HashMap<Id, Box<Row<T>>>,
    by_key: HashMap<String, BTreeMap<u64, Id>>,
    due: BTreeSet<(i64, u64, Id)>,
}

/// A record's id, once for all the places that lead to it.
type Id = Arc<str>;

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: HashMap::new(), by_key: HashMap::new(), due: BTreeSet::new() }
    }
}

impl<T: Record> Table<T> {
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(id).map(|row| &row.record)
    }

    pub(crate) fn row(&self, id: &str) -> Option<&Row<T>> {
        self.rows.get(id).map(Box::as_ref)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn seq(&self, id: &str) -> Option<u64> {
        self.rows.get(id).map(|row| row.seq)
    }

    /// Puts a record in, keeping its place if it was there, and answers with what it replaces.
    pub(crate) fn put(&mut self, next_seq: u64, record: T) -> Option<Box<Row<T>>> {
        // Most changes leave a record where it is found.
        if let Some(row) = self.rows.get_mut(record.id())
            && row.record.owner() == record.owner()
            && row.record.due_ms() == record.due_ms()
            && row.record.keys() == record.keys()
        {
            let new = Box::new(Row { seq: row.seq, record });
            return Some(std::mem::replace(row, new));
        }
        let seq = self.seq(record.id()).unwrap_or(next_seq);
        let old = self.take(record.id());
        self.insert(Box::new(Row { seq, record }));
        old
    }

    /// Puts a row back exactly as it was.
    pub(crate) fn insert(&mut self, row: Box<Row<T>>) {
        let id = Id::from(row.record.id());
        for key in Self::all_keys(&row.record) {
            self.by_key.entry(key).or_default().insert(row.seq, id.clone());
        }
        if let Some(at) = row.record.due_ms() {
            self.due.insert((at, row.seq, id.clone()));
        }
        self.rows.insert(id, row);
    }

    pub(crate) fn take(&mut self, id: &str) -> Option<Box<Row<T>>> {
        let (id, row) = self.rows.remove_entry(id)?;
        for key in Self::all_keys(&row.record) {
            if let Some(entries) = self.by_key.get_mut(&key) {
                entries.remove(&row.seq);
                if entries.is_empty() {
                    self.by_key.remove(&key);
                }
            }
        }
        if let Some(at) = row.record.due_ms() {
            self.due.remove(&(at, row.seq, id));
        }
        Some(row)
    }

    /// The records under a key, oldest first.
    pub(crate) fn list(&self, key: &str) -> impl DoubleEndedIterator<Item = &T> {
        self.by_key.get(key).into_iter().flat_map(|entries| entries.values()).filter_map(|id| self.get(id))
    }

    /// The records under a key created before `seq`, newest first.
    pub(crate) fn before(&self, key: &str, seq: u64) -> impl Iterator<Item = &T> {
        let entries = self.by_key.get(key).into_iter().flat_map(move |entries| entries.range(..seq).rev());
        entries.filter_map(|(_, id)| self.get(id))
    }

    /// The records under a key created after `seq`, oldest first.
    pub(crate) fn after(&self, key: &str, seq: u64) -> impl Iterator<Item = &T> {
        let entries = self.by_key.get(key).into_iter().flat_map(move |entries| entries.range(seq + 1..));
        entries.filter_map(|(_, id)| self.get(id))
    }

    /// Every record, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row<T>> {
        self.rows.values().map(Box::as_ref)
    }

    /// The first thing that is due, with its time.
    pub(crate) fn first_due(&self) -> Option<(i64, &str)> {
        self.due.first().map(|(at, _, id)| (*at, id.as_ref()))
    }

    /// Everything that is due by `now_ms`, the earliest first.
    pub(crate) fn due_by(&self, now_ms: i64) -> impl Iterator<Item = &T> {
        self.due.iter().take_while(move |(at, _, _)| *at <= now_ms).filter_map(|(_, _, id)| self.get(id))
    }

    fn all_keys(record: &T) -> Vec<String> {
        let mut keys = record.keys();
        keys.push(record.owner().to_owned());
        keys
    }
}
