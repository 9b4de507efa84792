//! What tests order of the deliveries: that some get lost, come twice, come late, or are forged.

use std::time::Duration;

use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    Normal,
    /// It never arrives; only the list of events knows it.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It arrives after those that were sent later.
    Reorder,
    /// It arrives late.
    Delay,
    /// It arrives with a signature that does not fit.
    WrongSecret,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) mode: Mode,
    /// For how many deliveries; until the next order, if left out.
    pub(crate) count: Option<u32>,
    #[serde(default = "default_delay_ms")]
    delay_ms: u64,
}

fn default_delay_ms() -> u64 {
    500
}

impl Default for Order {
    fn default() -> Self {
        Self { mode: Mode::Normal, count: None, delay_ms: default_delay_ms() }
    }
}

impl Order {
    /// What happens to the next delivery.
    pub(super) fn next(&mut self) -> Mode {
        match &mut self.count {
            None => self.mode,
            Some(0) => Mode::Normal,
            Some(left) => {
                *left -= 1;
                self.mode
            }
        }
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}
