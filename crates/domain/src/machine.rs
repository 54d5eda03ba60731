//! Machines that fetch a certificate.

use std::fmt;

use crate::certificate::Validity;
use crate::input::clean_line;

/// The longest name of a machine, in characters.
const NAME_MAX: usize = 64;
/// How many machines of one user are remembered.
pub const MACHINES_MAX: u32 = 100;
/// A machine that has not fetched for a quarter of its certificate's life has stopped.
pub const SILENT_SHARE: i64 = 4;

/// What a machine calls itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineName(String);

impl MachineName {
    /// Reads the name that a machine sends: one line, cut to 64 characters. A machine without one
    /// is called `unnamed`.
    pub fn new(text: &str) -> Self {
        let line = clean_line(text).replace(char::is_control, " ");
        let name: String = line.chars().take(NAME_MAX).collect();
        match name.trim_end() {
            "" => Self("unnamed".to_owned()),
            name => Self(name.to_owned()),
        }
    }

    /// Returns the name as the table stores it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns for how many milliseconds a machine may be silent until it counts as stopped: a quarter
/// of the life of its user's certificate.
pub fn silence_allowed_ms(validity: Validity) -> i64 {
    validity.life_ms() / SILENT_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_name_is_one_short_line() {
        let long = "x".repeat(200);
        for (text, name) in [
            ("web1.user1.example.edu", "web1.user1.example.edu"),
            ("  web1\t", "web1"),
            ("", "unnamed"),
            (" \u{200b} ", "unnamed"),
            ("B\u{fc}ro", "B\u{fc}ro"),
            (&long, &long[..64]),
        ] {
            assert_eq!(MachineName::new(text).as_str(), name, "{text:?}");
        }
        assert!(
            !MachineName::new("a\nb\r\nc")
                .as_str()
                .contains(['\r', '\n'])
        );
    }

    #[test]
    fn a_machine_has_stopped_after_a_quarter_of_the_life() {
        const DAY_MS: i64 = 86_400_000;
        for (days, silent_days) in [(90, 22.5), (64, 16.0), (6, 1.5)] {
            let from = Timestamp::from_millis(7);
            let allowed = silence_allowed_ms(Validity::new(from, from.plus(days * DAY_MS)));
            assert_eq!(allowed as f64, silent_days * DAY_MS as f64, "{days} days");
        }
    }
}
