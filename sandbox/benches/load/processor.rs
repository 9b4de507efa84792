//! What a server costs the machine's processors.

use std::{fs, time::Duration};

use crate::{Failure, process::Server};

/// How long a server has run on a processor so far: what other programs take of the machine does not count.
pub(crate) fn time(server: &Server) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.child.id()))?;
    // After the name in parentheses, user and system time are the 12th and 13th; Linux counts in 1/100 s.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
}
