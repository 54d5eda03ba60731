//! The error of starting a part of the demo.

/// Why a part of the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written, or a port cannot be opened.
    #[error("{what}: {source}")]
    Io {
        /// The operation that failed.
        what: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file of an earlier start cannot be parsed.
    #[error("{0}; start with --fresh to remove the data of earlier starts")]
    Unreadable(String),
    /// A key cannot be generated at the first start.
    #[error("a key of the demo: {0}")]
    Key(String),
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
