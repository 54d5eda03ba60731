//! Sessions that were read a moment ago, so that the requests of one page do not each ask the
//! database for the same row.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::Session;

/// How long a session is taken from memory: a sign-out, a suspension or a deletion by another
/// process is noticed after this time at the latest.
const LIFETIME: Duration = Duration::from_millis(500);
/// The maximum number of sessions in memory.
const SESSIONS_MAX: u64 = 10_000;

/// The sessions of the last half second, by the SHA-256 of their tokens. All are forgotten when
/// this process writes, so that it sees at once what it has changed.
pub(crate) struct RecentSessions {
    sessions: Cache<[u8; 32], CachedSession>,
    /// Counts the writes of this process.
    writes: AtomicU64,
}

#[derive(Clone)]
struct CachedSession {
    session: Session,
    read_at: Instant,
    /// The number of writes before the session was read.
    writes: u64,
}

impl Default for RecentSessions {
    fn default() -> Self {
        let sessions = Cache::builder()
            .max_capacity(SESSIONS_MAX)
            .time_to_live(LIFETIME)
            .build();
        Self {
            sessions,
            writes: AtomicU64::new(0),
        }
    }
}

impl RecentSessions {
    /// Forgets all sessions; to be called after every write.
    pub(crate) fn forget(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns the number of writes so far, which [`RecentSessions::keep`] takes: a session that is
    /// read during a write may be outdated at once.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// Returns the session if it was read in the last half second and nothing was written since.
    pub(crate) fn get(&self, token_hash: &[u8; 32]) -> Option<Session> {
        let cached = self.sessions.get(token_hash)?;
        // The cache counts from when the session was kept, which a slow database delays.
        let is_recent = cached.read_at.elapsed() < LIFETIME;
        (is_recent && cached.writes == self.writes()).then_some(cached.session)
    }

    /// Keeps a session whose reading began at this time and after so many writes.
    pub(crate) fn keep(
        &self,
        token_hash: [u8; 32],
        session: Session,
        read_at: Instant,
        writes: u64,
    ) {
        let cached = CachedSession {
            session,
            read_at,
            writes,
        };
        self.sessions.insert(token_hash, cached);
    }
}
