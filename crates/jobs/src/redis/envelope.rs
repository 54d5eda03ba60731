//! What a message says: `{"v":1,"job":"publish"}`.
//!
//! Programs of two releases run side by side during an update. Whoever reads a message that it does
//! not know drops it with a line in the log: the rows say what is owed all the same. Fields that
//! are not known (`id` is kept for the row that a job is about) are passed over.

use serde::{Deserialize, Serialize};

use crate::Job;

/// The only version so far. Another one is for changes that older programs must not misread.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Envelope<'a> {
    v: u32,
    job: &'a str,
}

/// Why a message is dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("it is no message of ours: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("its version {0} is not known")]
    Version(u32),
    #[error("its job is not known")]
    Job,
}

pub(crate) fn write(job: Job) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Envelope {
        v: VERSION,
        job: job.as_str(),
    })
}

pub(crate) fn read(message: &[u8]) -> Result<Job, Unread> {
    let Envelope { v, job } = serde_json::from_slice(message)?;
    if v != VERSION {
        return Err(Unread::Version(v));
    }
    Job::ALL
        .into_iter()
        .find(|known| known.as_str() == job)
        .ok_or(Unread::Job)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As version 1 was first released. Lines are added, never changed.
    const GOLDEN: &str = include_str!("../../golden/envelopes-v1.jsonl");

    #[test]
    fn what_was_ever_written_can_be_read() {
        let jobs: Vec<Job> = GOLDEN
            .lines()
            .map(|line| read(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}")))
            .collect();
        for job in Job::ALL {
            assert!(
                jobs.contains(&job),
                "add {} to the golden file",
                job.as_str()
            );
        }
    }

    #[test]
    fn what_is_written_is_in_the_golden_file() {
        for job in Job::ALL {
            let message = String::from_utf8(write(job).unwrap_or_default()).unwrap_or_default();
            assert!(GOLDEN.lines().any(|line| line == message), "{message}");
        }
    }

    #[test]
    fn unknown_messages_are_told_apart() {
        assert!(matches!(
            read(br#"{"v":2,"job":"publish"}"#),
            Err(Unread::Version(2))
        ));
        assert!(matches!(
            read(br#"{"v":1,"job":"dance"}"#),
            Err(Unread::Job)
        ));
        for garbage in [
            &b""[..],
            b"null",
            b"[]",
            b"\xff\xfe",
            b"{\"v\":1}",
            b"{\"v\":\"1\",\"job\":\"publish\"}",
        ] {
            assert!(
                matches!(read(garbage), Err(Unread::Shape(_))),
                "{garbage:?}"
            );
        }
        assert_eq!(
            read(br#"{"v":1,"job":"publish","id":7,"later":{}}"#).ok(),
            Some(Job::Publish)
        );
    }
}
