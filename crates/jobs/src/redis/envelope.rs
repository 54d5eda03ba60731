//! The format of messages: `{"v":1,"job":"publish"}`.
//!
//! Two releases run side by side during an update. An unknown message is logged and dropped,
//! because the sweep finds the rows without it (I4). Unknown fields are ignored; `id` is reserved
//! for the row that a job is about.

use serde::{Deserialize, Serialize};

use crate::WakeUp;

/// The current version. Raise it only for changes that older releases would misread.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Envelope<'a> {
    v: u32,
    job: &'a str,
}

/// Why a message is dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("not a message of Starchart: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("unknown version {0}")]
    Version(u32),
    #[error("unknown job")]
    UnknownJob,
}

pub(crate) fn write(job: WakeUp) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Envelope {
        v: VERSION,
        job: job.as_str(),
    })
}

pub(crate) fn read(message: &[u8]) -> Result<WakeUp, EnvelopeError> {
    let Envelope { v, job } = serde_json::from_slice(message)?;
    if v != VERSION {
        return Err(EnvelopeError::Version(v));
    }
    WakeUp::ALL
        .iter()
        .copied()
        .find(|candidate| candidate.as_str() == job)
        .ok_or(EnvelopeError::UnknownJob)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every message that was ever released. Add lines, never change one.
    const GOLDEN: &str = include_str!("../../golden/envelopes-v1.jsonl");

    #[test]
    fn every_released_message_can_be_read() {
        let jobs: Vec<WakeUp> = GOLDEN
            .lines()
            .map(|line| read(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}")))
            .collect();
        for &job in WakeUp::ALL {
            assert!(
                jobs.contains(&job),
                "add {} to the golden file",
                job.as_str()
            );
        }
    }

    #[test]
    fn every_job_is_written_as_in_the_golden_file() {
        for &job in WakeUp::ALL {
            let message = String::from_utf8(write(job).unwrap_or_default()).unwrap_or_default();
            assert!(GOLDEN.lines().any(|line| line == message), "{message}");
        }
    }

    #[test]
    fn unknown_messages_are_distinguished() {
        assert!(matches!(
            read(br#"{"v":2,"job":"publish"}"#),
            Err(EnvelopeError::Version(2))
        ));
        assert!(matches!(
            read(br#"{"v":1,"job":"dance"}"#),
            Err(EnvelopeError::UnknownJob)
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
                matches!(read(garbage), Err(EnvelopeError::Shape(_))),
                "{garbage:?}"
            );
        }
        assert_eq!(
            read(br#"{"v":1,"job":"publish","id":7,"later":{}}"#).ok(),
            Some(WakeUp::Publish)
        );
    }
}
