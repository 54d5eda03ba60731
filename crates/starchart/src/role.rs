//! What a process does: `run`, `serve` or `work`.

/// The parts of the program that a process runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `run`: pages and background jobs.
    All,
    /// `serve`: web pages without background jobs.
    Web,
    /// `work`: background jobs only; the port answers health checks.
    Worker,
}

impl Role {
    /// Returns the command that starts this role.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "run",
            Self::Web => "serve",
            Self::Worker => "work",
        }
    }
}
