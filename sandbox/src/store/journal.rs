//! The append-only file behind a sandbox that was given a directory.
//!
//! One line per commit: a JSON array of `[table, id, seq, record or null]`. A commit is written before its answer
//! is sent, so what was answered survives the process. The last line may be torn by a crash: it was never
//! answered, and is dropped. At start the file is rewritten with what there is.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde_json::value::RawValue;

use super::Tables;

const FILE: &str = "sandbox.jsonl";

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}, line {line}: {source}")]
    Line { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("{path} is in use by another sandbox")]
    InUse { path: PathBuf },
}

type Change<'a> = (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>, u64, Option<Box<RawValue>>);

pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// Released when the journal is dropped, or the process ends in whatever way.
    _lock: File,
}

impl Journal {
    /// Reads what there is into `tables`, and answers with the journal and the highest sequence number.
    pub(super) fn open(dir: &Path, tables: &mut Tables) -> Result<(Self, u64), JournalError> {
        let path = dir.join(FILE);
        let io = |source| JournalError::Io { path: path.clone(), source };
        fs::create_dir_all(dir).map_err(io)?;

        // 1. One process at a time.
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock")).map_err(io)?;
        lock.try_lock().map_err(|_| JournalError::InUse { path: path.clone() })?;

        // 2. Replay.
        let last_seq = if path.exists() { replay(&path, tables)? } else { 0 };

        // 3. Compact into a new file, and put it in place at once.
        let fresh = dir.join("sandbox.jsonl.new");
        let mut out = BufWriter::new(File::create(&fresh).map_err(io)?);
        for (table, id) in tables.everything() {
            write_line(&mut out, tables, &[(table, id)]).map_err(io)?;
        }
        let file = out.into_inner().map_err(|error| io(error.into_error()))?;
        file.sync_all().map_err(io)?;
        fs::rename(&fresh, &path).map_err(io)?;
        Ok((Self { file, path, _lock: lock }, last_seq))
    }

    /// Writes one commit.
    pub(super) fn append(
        &mut self,
        tables: &Tables,
        touched: &[(&'static str, String)],
    ) -> Result<(), JournalError> {
        let mut line = Vec::with_capacity(1024);
        write_line(&mut line, tables, touched)
            .and_then(|()| self.file.write_all(&line))
            .map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }

    pub(super) fn flush(&mut self) -> Result<(), JournalError> {
        self.file.sync_all().map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }
}

fn replay(path: &Path, tables: &mut Tables) -> Result<u64, JournalError> {
    let io = |source| JournalError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(io)?);
    let (mut last_seq, mut number, mut line) = (0, 0, Vec::new());
    loop {
        line.clear();
        number += 1;
        reader.read_until(b'\n', &mut line).map_err(io)?;
        // A line without its end was torn by a crash; nothing follows it.
        if line.pop() != Some(b'\n') {
            return Ok(last_seq);
        }
        let bad = |source| JournalError::Line { path: path.to_owned(), line: number, source };
        let changes: Vec<Change<'_>> = serde_json::from_slice(&line).map_err(bad)?;
        for (table, id, seq, record) in changes {
            last_seq = last_seq.max(seq);
            tables.load(&table, &id, seq, record.as_deref()).map_err(bad)?;
        }
    }
}

fn write_line(out: &mut impl Write, tables: &Tables, touched: &[(&'static str, String)]) -> io::Result<()> {
    let mut changes: Vec<Change<'_>> = Vec::with_capacity(touched.len());
    let mut written = HashSet::with_capacity(touched.len());
    for (table, id) in touched {
        // What a commit touched twice is written once, as it is now.
        if !written.insert((table, id)) {
            continue;
        }
        let (seq, record) = match tables.dump(table, id) {
            Some((seq, record)) => (seq, Some(record?)),
            None => (0, None),
        };
        changes.push(((*table).into(), id.as_str().into(), seq, record));
    }
    serde_json::to_writer(&mut *out, &changes)?;
    out.write_all(b"\n")
}
