//! The one way out for mails: to a mail server, into a folder, or into memory.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::message::Mailbox;
use tokio::time::Instant;

use crate::error::{ConfigError, SendError};
use crate::letter::{MailTheme, RenderedMail, one_line};
use crate::message::{Outgoing, compose};
use crate::smtp::{Smtp, SmtpConfig};

/// A server that does not answer is left alone for this long, doubled each time.
const UNREACHABLE: Duration = Duration::from_secs(5);
/// And for this long at most.
const UNREACHABLE_MAX: Duration = Duration::from_secs(5 * 60);
/// A server that does not let us in is asked again after this long, doubled each time: wrong
/// passwords lock accounts.
const BROKEN: Duration = Duration::from_secs(60);
/// And after this long at most.
const BROKEN_MAX: Duration = Duration::from_secs(60 * 60);

/// Sends mails, not faster than it may, and leaves a server alone that takes none.
pub struct Mailer {
    theme: MailTheme,
    from: Mailbox,
    way: Way,
    pace: Mutex<Pace>,
}

enum Way {
    Smtp(Box<Smtp>),
    Folder(PathBuf),
    Memory(Mutex<Vec<Vec<u8>>>),
}

/// How long to wait before the next mail.
struct Pace {
    /// Time between two mails; zero: no limit.
    between: Duration,
    /// So many may go at once.
    burst: u32,
    /// When the pace of all mails so far is made up for.
    caught_up_at: Instant,
    /// Failures of the server in a row.
    failures: u32,
    /// Leave the server alone until then.
    alone_until: Option<Instant>,
}

impl Mailer {
    /// To a mail server, from `sender`, so many mails a minute at most.
    ///
    /// # Errors
    /// The sender is no address, or TLS cannot be set up.
    pub fn smtp(theme: MailTheme, sender: &str, config: SmtpConfig) -> Result<Self, ConfigError> {
        let per_minute = config.messages_per_minute.max(1);
        let smtp = Smtp::new(config)?;
        let between = Duration::from_secs(60) / per_minute;
        Self::new(
            theme,
            sender,
            Way::Smtp(Box::new(smtp)),
            between,
            per_minute.div_ceil(3),
        )
    }

    /// Into a folder, a file `*.eml` each: for a demo.
    ///
    /// # Errors
    /// The sender is no address, or the folder cannot be made.
    pub fn folder(theme: MailTheme, sender: &str, folder: &Path) -> Result<Self, ConfigError> {
        std::fs::create_dir_all(folder).map_err(ConfigError::Folder)?;
        Self::new(
            theme,
            sender,
            Way::Folder(folder.to_owned()),
            Duration::ZERO,
            1,
        )
    }

    /// Into memory: for tests, which read them by [`Mailer::sent`].
    ///
    /// # Errors
    /// The sender is no address.
    pub fn memory(theme: MailTheme, sender: &str) -> Result<Self, ConfigError> {
        Self::new(
            theme,
            sender,
            Way::Memory(Mutex::default()),
            Duration::ZERO,
            1,
        )
    }

    fn new(
        theme: MailTheme,
        sender: &str,
        way: Way,
        between: Duration,
        burst: u32,
    ) -> Result<Self, ConfigError> {
        let address = sender
            .parse()
            .map_err(|_| ConfigError::Sender(sender.to_owned()))?;
        let from = Mailbox::new(Some(one_line(&theme.app_name)), address);
        let pace = Pace {
            between,
            burst,
            caught_up_at: Instant::now(),
            failures: 0,
            alone_until: None,
        };
        Ok(Self {
            theme,
            from,
            way,
            pace: Mutex::new(pace),
        })
    }

    /// What stands in every mail.
    pub fn theme(&self) -> &MailTheme {
        &self.theme
    }

    /// How long to wait before the next mail: for the pace, or because the server is left alone.
    /// `None`: it may go now.
    pub fn send_delay(&self) -> Option<Duration> {
        self.pace().wait(Instant::now())
    }

    /// How long the server is still left alone. `None`: it may be spoken to.
    pub fn backoff(&self) -> Option<Duration> {
        some(self.pace().alone(Instant::now()))
    }

    /// How long until the pace of all mails so far is made up for: whoever else sends before that
    /// goes faster than the pace. `None`: it is.
    pub fn rate_debt(&self) -> Option<Duration> {
        some(
            self.pace()
                .caught_up_at
                .saturating_duration_since(Instant::now()),
        )
    }

    /// Sends it; gives back what the server said.
    ///
    /// # Errors
    /// Each says what to do about the mail; [`Mailer::send_delay`] says when the next may go.
    pub async fn send(&self, letter: &RenderedMail) -> Result<String, SendError> {
        let outgoing = compose(letter, &self.from)?;
        self.pace().take(Instant::now());
        let outcome = match &self.way {
            Way::Smtp(smtp) => smtp.send(&outgoing).await,
            Way::Folder(folder) => keep(folder, letter, &outgoing).await,
            Way::Memory(sent) => {
                sent.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(outgoing.bytes);
                Ok("kept in memory".to_owned())
            }
        };
        self.pace().learn(outcome.as_ref().err(), Instant::now());
        outcome
    }

    /// The messages that went into memory, oldest first.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        match &self.way {
            Way::Memory(sent) => sent.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            _ => Vec::new(),
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace {
    fn wait(&self, now: Instant) -> Option<Duration> {
        let ahead = self.between.saturating_mul(self.burst.saturating_sub(1));
        let pace = self
            .caught_up_at
            .saturating_duration_since(now)
            .saturating_sub(ahead);
        some(self.alone(now).max(pace))
    }

    fn alone(&self, now: Instant) -> Duration {
        self.alone_until
            .map(|until| until.saturating_duration_since(now))
            .unwrap_or_default()
    }

    fn take(&mut self, now: Instant) {
        self.caught_up_at = self.caught_up_at.max(now) + self.between;
    }

    fn learn(&mut self, fault: Option<&SendError>, now: Instant) {
        let (first, most) = match fault {
            Some(SendError::Unreachable(_) | SendError::ConnectionLost { .. }) => {
                (UNREACHABLE, UNREACHABLE_MAX)
            }
            Some(SendError::Misconfigured(_) | SendError::NotPermitted { .. }) => {
                (BROKEN, BROKEN_MAX)
            }
            // It talked to us.
            _ => {
                (self.failures, self.alone_until) = (0, None);
                return;
            }
        };
        self.alone_until = Some(now + first.saturating_mul(1 << self.failures.min(16)).min(most));
        self.failures += 1;
    }
}

fn some(wait: Duration) -> Option<Duration> {
    (!wait.is_zero()).then_some(wait)
}

/// A file with the moment in its name, whole from the first moment that it is seen.
async fn keep(
    folder: &Path,
    letter: &RenderedMail,
    outgoing: &Outgoing,
) -> Result<String, SendError> {
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let local = letter.message_id.split('@').next().unwrap_or_default();
    let safe: String = local
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .collect();
    let file = folder.join(format!("{millis:013}-{safe}.eml"));
    let part = file.with_extension("part");
    let write = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&part, &outgoing.bytes).await?;
        tokio::fs::rename(&part, &file).await
    };
    write
        .await
        .map_err(|error| SendError::Unreachable(format!("{}: {error}", folder.display())))?;
    Ok(format!("written to {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace {
            between: Duration::from_secs(2),
            burst: 3,
            caught_up_at: Instant::now(),
            failures: 0,
            alone_until: None,
        }
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let (mut pace, now) = (pace(), Instant::now());
        for _ in 0..3 {
            assert_eq!(pace.wait(now), None);
            pace.take(now);
        }
        assert_eq!(
            pace.wait(now).map(|wait| wait.as_secs_f64().round()),
            Some(2.0)
        );
        assert_eq!(pace.wait(now + Duration::from_secs(3)), None);
    }

    #[test]
    fn a_server_that_takes_nothing_is_left_alone_longer_each_time() {
        let (mut pace, now) = (pace(), Instant::now());
        let down = SendError::Unreachable("away".into());
        let waits: Vec<u64> = (0..8)
            .map(|_| {
                pace.learn(Some(&down), now);
                pace.wait(now).map_or(0, |wait| wait.as_secs())
            })
            .collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        pace.learn(Some(&SendError::Deferred("full".into())), now);
        assert_eq!(pace.wait(now), None, "it talked to us");
        pace.learn(Some(&SendError::Misconfigured("535".into())), now);
        assert_eq!(pace.wait(now).map(|wait| wait.as_secs()), Some(60));
    }
}
