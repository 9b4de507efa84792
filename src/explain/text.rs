//! A timeline as plain text, for a terminal of 100 columns.

use std::fmt;

use chrono::{Duration, NaiveDate};

use super::{Timeline, describe::span};

const WIDTH: usize = 100;
/// Where the text of an entry begins: after its time, the time since the one before, and its kind.
const INDENT: usize = 34;
/// Times between entries that are shorter say nothing.
const NOTEWORTHY: Duration = Duration::milliseconds(1);

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        for (name, value) in &self.facts {
            wrapped(f, &format!("  {name:<10}"), value)?;
        }
        writeln!(f)?;
        if self.attention.is_empty() {
            writeln!(f, "Nothing is held, dead or waiting.")?;
        }
        for note in &self.attention {
            wrapped(f, "! ", note)?;
        }
        let (mut day, mut before) = (NaiveDate::MIN, None);
        for entry in &self.entries {
            if entry.at.date_naive() != day {
                day = entry.at.date_naive();
                writeln!(f, "\n{day} (UTC)")?;
            }
            let gap = before.map(|before| entry.at - before).filter(|gap| *gap >= NOTEWORTHY);
            let gap = gap.map_or_else(String::new, |gap| format!("+{}", span(gap)));
            let (time, word) = (entry.at.format("%H:%M:%S%.3f"), entry.kind.word());
            wrapped(f, &format!("{time} {gap:>9}   {word:<9}"), &entry.text)?;
            for detail in &entry.details {
                wrapped(f, &" ".repeat(INDENT + 2), detail)?;
            }
            before = Some(entry.at);
        }
        Ok(())
    }
}

/// Writes a text after its head, and goes on below its own beginning where the line ends.
fn wrapped(f: &mut fmt::Formatter<'_>, head: &str, text: &str) -> fmt::Result {
    let indent = head.chars().count();
    write!(f, "{head}")?;
    let mut column = indent;
    for (number, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        if number > 0 && column + 1 + width > WIDTH {
            write!(f, "\n{:indent$}", "")?;
            column = indent;
        } else if number > 0 {
            write!(f, " ")?;
            column += 1;
        }
        write!(f, "{word}")?;
        column += width;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::explain::{Entry, Kind};

    #[test]
    fn a_timeline_reads_well_and_fits_a_terminal() {
        let at = |ms| DateTime::from_timestamp_millis(ms).unwrap();
        let timeline = Timeline {
            title: "order_1: paid, 10.00 USD".to_owned(),
            facts: vec![("buyer", "buyer_1".to_owned())],
            attention: vec!["HELD payout.create of payout_1: key_expired".to_owned()],
            entries: vec![
                Entry {
                    at: at(0),
                    kind: Kind::Asked,
                    text: "by buyer:buyer_1".to_owned(),
                    details: Vec::new(),
                },
                Entry {
                    at: at(1_500),
                    kind: Kind::Answered,
                    text: "x ".repeat(40).trim().to_owned(),
                    details: vec!["sent once".to_owned()],
                },
                Entry {
                    at: at(86_400_000),
                    kind: Kind::Told,
                    text: "order.paid".to_owned(),
                    details: Vec::new(),
                },
            ],
        };
        let text = timeline.to_string();
        assert_eq!(
            text,
            "order_1: paid, 10.00 USD\n\
             \x20 buyer     buyer_1\n\
             \n\
             ! HELD payout.create of payout_1: key_expired\n\
             \n\
             1970-01-01 (UTC)\n\
             00:00:00.000             asked    by buyer:buyer_1\n\
             00:00:01.500    +1.5 s   answered x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x\n\
             \x20                                 x x x x x x x\n\
             \x20                                   sent once\n\
             \n\
             1970-01-02 (UTC)\n\
             00:00:00.000     +23 h   told     order.paid\n"
        );
    }
}
