//! Counts with their noun, for messages.

use std::fmt::Display;

/// Formats a count with its noun: `1 set`, `2 sets`. `one` and `many` may hold more words than the
/// noun where the rest of the sentence changes too (`name is refused`, `names are refused`).
pub fn pluralize<N: Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let words = if count == N::from(1) { one } else { many };
    format!("{count} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(pluralize(1_u64, "set", "sets"), "1 set");
        assert_eq!(pluralize(0_usize, "set", "sets"), "0 sets");
        assert_eq!(
            pluralize(21_i64, "name is refused", "names are refused"),
            "21 names are refused"
        );
    }
}
