//! Small words: counts with their noun, and an error with its causes.

use std::fmt::Display;

/// `1 set`, `2 sets`: a count and what is counted. `one` and `many` may go on as far as the words
/// differ.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let words = if count == N::from(1) { one } else { many };
    format!("{count} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_all_others_are_many() {
        assert_eq!(counted(1_u64, "set", "sets"), "1 set");
        assert_eq!(counted(0_usize, "set", "sets"), "0 sets");
        assert_eq!(
            counted(21_i64, "name is refused", "names are refused"),
            "21 names are refused"
        );
    }
}
