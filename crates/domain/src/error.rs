//! How errors are printed, in logs and on the command line.

use std::error::Error;

/// Formats an error and its causes as one line, outermost first: `a: b: c`.
///
/// A cause whose text is already part of the line is left out, because many errors repeat their
/// source in their own message.
pub fn error_chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(text.trim()) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

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
    fn causes_follow_the_error_without_repeats() {
        let refused = || Some(Box::new(Layer("connection refused", None)));
        let repeating = Layer("no answer: connection refused", refused());
        assert_eq!(
            error_chain(&Layer("DATABASE_URL", Some(Box::new(repeating)))),
            "DATABASE_URL: no answer: connection refused"
        );
        assert_eq!(
            error_chain(&Layer("the database does not answer", refused())),
            "the database does not answer: connection refused"
        );
        assert_eq!(error_chain(&Layer("alone", None)), "alone");
    }
}
