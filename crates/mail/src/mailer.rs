//! Delivers mails to a mail server, or into a folder, within the send rate.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::Address;
use lettre::message::Mailbox;
use tokio::time::Instant;

use crate::address;
use crate::config::SmtpConfig;
use crate::error::{ConfigError, SendError};
use crate::message::{Outgoing, RenderedMail, compose};
use crate::render::MailTheme;
use crate::smtp::Smtp;
use crate::text::one_line;

/// The first back-off when the server does not respond; doubles with each failure.
const UNREACHABLE_BACK_OFF: Duration = Duration::from_secs(5);
const UNREACHABLE_BACK_OFF_MAX: Duration = Duration::from_secs(5 * 60);
/// The first back-off when the server denies access; doubles with each failure. Longer, because
/// servers lock accounts after repeated wrong passwords.
const DENIED_BACK_OFF: Duration = Duration::from_secs(60);
const DENIED_BACK_OFF_MAX: Duration = Duration::from_secs(60 * 60);

/// Sends mails no faster than the send rate, and backs off from a server that accepts none.
pub struct Mailer {
    theme: MailTheme,
    from: Mailbox,
    transport: Transport,
    rate: Mutex<SendRate>,
}

/// How mails are delivered.
enum Transport {
    Smtp(Box<Smtp>),
    Folder(PathBuf),
}

/// The send rate and the back-off: how long to wait before the next mail.
struct SendRate {
    /// Time between two mails; zero: no limit.
    interval: Duration,
    /// Mails that may be sent at once.
    burst: u32,
    /// When the mails sent so far average out to the rate.
    debt_free_at: Instant,
    /// Consecutive failures of the server.
    failures: u32,
    /// End of the back-off.
    back_off_until: Option<Instant>,
}

impl Mailer {
    /// Creates a mailer that sends over SMTP, from `sender`.
    ///
    /// # Errors
    /// The sender is not a mail address, or TLS cannot be set up.
    pub fn smtp(theme: MailTheme, sender: &str, config: SmtpConfig) -> Result<Self, ConfigError> {
        let per_minute = config.messages_per_minute.max(1);
        let smtp = Smtp::new(config)?;
        let interval = Duration::from_secs(60) / per_minute;
        Self::new(
            theme,
            sender,
            Transport::Smtp(Box::new(smtp)),
            interval,
            per_minute.div_ceil(3),
        )
    }

    /// Creates a mailer that writes each mail to a file `*.eml` in a folder, for the demo.
    ///
    /// # Errors
    /// The sender is not a mail address, or the folder cannot be created.
    pub fn folder(theme: MailTheme, sender: &str, folder: &Path) -> Result<Self, ConfigError> {
        std::fs::create_dir_all(folder).map_err(ConfigError::Folder)?;
        Self::new(
            theme,
            sender,
            Transport::Folder(folder.to_owned()),
            Duration::ZERO,
            1,
        )
    }

    fn new(
        theme: MailTheme,
        sender: &str,
        transport: Transport,
        interval: Duration,
        burst: u32,
    ) -> Result<Self, ConfigError> {
        let address = address::parse(sender)
            .filter(can_be_written)
            .ok_or_else(|| ConfigError::Sender(sender.to_owned()))?;
        let from = Mailbox::new(Some(one_line(&theme.site.name)), address);
        let rate = SendRate::new(interval, burst);
        Ok(Self {
            theme,
            from,
            transport,
            rate: Mutex::new(rate),
        })
    }

    /// Names and links that every mail shows.
    pub fn theme(&self) -> &MailTheme {
        &self.theme
    }

    /// How long to wait before the next mail, for the send rate or the back-off. `None`: a mail may
    /// be sent now.
    pub fn send_delay(&self) -> Option<Duration> {
        self.rate().send_delay(Instant::now())
    }

    /// How much of the back-off after a failure is left. `None`: the server may be contacted.
    pub fn back_off(&self) -> Option<Duration> {
        nonzero(self.rate().back_off(Instant::now()))
    }

    /// How long until the mails sent so far average out to the send rate. Another process that
    /// sends earlier exceeds the rate. `None`: it may start now.
    pub fn rate_debt(&self) -> Option<Duration> {
        let debt_free_at = self.rate().debt_free_at;
        nonzero(debt_free_at.saturating_duration_since(Instant::now()))
    }

    /// Connects and signs in without sending a mail. A failure starts the back-off.
    ///
    /// # Errors
    /// As [`Mailer::send`] before the first mail.
    pub async fn check(&self) -> Result<(), SendError> {
        let outcome = match &self.transport {
            Transport::Smtp(smtp) => smtp.check().await,
            Transport::Folder(_) => Ok(()),
        };
        self.rate()
            .record_outcome(outcome.as_ref().err(), Instant::now());
        outcome
    }

    /// Sends a mail and returns the server's reply.
    ///
    /// # Errors
    /// Each variant says what to do about the mail; [`Mailer::send_delay`] says when the next
    /// attempt may start.
    pub async fn send(&self, mail: &RenderedMail) -> Result<String, SendError> {
        let outgoing = compose(mail, &self.from)?;
        self.rate().record_attempt(Instant::now());
        let outcome = match &self.transport {
            Transport::Smtp(smtp) => smtp.send(&outgoing).await,
            Transport::Folder(folder) => write_file(folder, mail, &outgoing).await,
        };
        self.rate()
            .record_outcome(outcome.as_ref().err(), Instant::now());
        outcome
    }

    fn rate(&self) -> MutexGuard<'_, SendRate> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether lettre reads the address again from the header From, as it does for each mail. It
/// does not for a quoted local part.
fn can_be_written(address: &Address) -> bool {
    address.to_string().parse::<Mailbox>().is_ok()
}

impl SendRate {
    fn new(interval: Duration, burst: u32) -> Self {
        Self {
            interval,
            burst,
            debt_free_at: Instant::now(),
            failures: 0,
            back_off_until: None,
        }
    }

    fn send_delay(&self, now: Instant) -> Option<Duration> {
        let allowed_debt = self.interval.saturating_mul(self.burst.saturating_sub(1));
        let debt = self.debt_free_at.saturating_duration_since(now);
        nonzero(self.back_off(now).max(debt.saturating_sub(allowed_debt)))
    }

    fn back_off(&self, now: Instant) -> Duration {
        self.back_off_until
            .map(|until| until.saturating_duration_since(now))
            .unwrap_or_default()
    }

    fn record_attempt(&mut self, now: Instant) {
        self.debt_free_at = self.debt_free_at.max(now) + self.interval;
    }

    /// Starts or lengthens the back-off when the server failed; ends it when the server responded.
    fn record_outcome(&mut self, error: Option<&SendError>, now: Instant) {
        let (first, max) = match error {
            Some(SendError::Unreachable(_) | SendError::ConnectionLost { .. }) => {
                (UNREACHABLE_BACK_OFF, UNREACHABLE_BACK_OFF_MAX)
            }
            Some(SendError::Misconfigured(_) | SendError::NotPermitted { .. }) => {
                (DENIED_BACK_OFF, DENIED_BACK_OFF_MAX)
            }
            _ => {
                self.failures = 0;
                self.back_off_until = None;
                return;
            }
        };
        let back_off = first.saturating_mul(1 << self.failures.min(16)).min(max);
        self.back_off_until = Some(now + back_off);
        self.failures += 1;
    }
}

fn nonzero(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

/// Writes the message to a file with the time in its name. The final name appears only when the
/// file is complete, because the demo's inbox reads the folder.
async fn write_file(
    folder: &Path,
    mail: &RenderedMail,
    outgoing: &Outgoing,
) -> Result<String, SendError> {
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let local = mail.message_id.split('@').next().unwrap_or_default();
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

    fn rate() -> SendRate {
        SendRate::new(Duration::from_secs(2), 3)
    }

    #[test]
    fn mails_after_a_burst_wait_for_the_send_rate() {
        let mut rate = rate();
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(rate.send_delay(now), None);
            rate.record_attempt(now);
        }
        assert_eq!(
            rate.send_delay(now).map(|wait| wait.as_secs_f64().round()),
            Some(2.0)
        );
        assert_eq!(rate.send_delay(now + Duration::from_secs(3)), None);
    }

    #[test]
    fn back_off_doubles_until_the_server_responds() {
        let mut rate = rate();
        let now = Instant::now();
        let down = SendError::Unreachable("away".into());
        let waits: Vec<u64> = (0..8)
            .map(|_| {
                rate.record_outcome(Some(&down), now);
                rate.send_delay(now).map_or(0, |wait| wait.as_secs())
            })
            .collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        rate.record_outcome(Some(&SendError::Deferred("full".into())), now);
        assert_eq!(rate.send_delay(now), None, "the server responded");
        rate.record_outcome(Some(&SendError::Misconfigured("535".into())), now);
        assert_eq!(rate.send_delay(now).map(|wait| wait.as_secs()), Some(60));
    }
}
