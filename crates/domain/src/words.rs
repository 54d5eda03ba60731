//! Small words: counts with their noun, and an error with its causes.

use std::error::Error;
use std::fmt::Display;

/// `1 set`, `2 sets`: a count and what is counted. `one` and `many` may go on as far as the words
/// differ.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let words = if count == N::from(1) { one } else { many };
    format!("{count} {words}")
}

/// An error and its causes as one sentence, from the outermost inwards. A cause that was told
/// already, because the error around it repeats it, is not told again.
pub fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(words.trim()) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

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

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn a_cause_is_told_once() {
        let refused = || Some(Box::new(Layer("connection refused", None)));
        let around = Layer("no answer: connection refused", refused());
        assert_eq!(
            told(&Layer("DATABASE_URL", Some(Box::new(around)))),
            "DATABASE_URL: no answer: connection refused"
        );
        assert_eq!(
            told(&Layer("the database does not answer", refused())),
            "the database does not answer: connection refused"
        );
        assert_eq!(told(&Layer("alone", None)), "alone");
    }
}
