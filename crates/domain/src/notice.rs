//! The contents of the mails that users get.

use strum::VariantArray;

/// The event that a mail reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum NoticeKind {
    /// Records will expire soon.
    RecordExpiring,
    /// Records have expired and were deleted.
    RecordExpired,
    /// A certificate was issued.
    CertificateReady,
    /// A certificate could not be issued.
    CertificateFailed,
    /// A certificate will expire soon.
    CertificateExpiring,
    /// A certificate has expired.
    CertificateExpired,
    /// The authority asks to renew certificates earlier than before; for admins.
    RenewalBroughtForward,
    /// A machine no longer fetches the certificate.
    MachineStopped,
}

impl NoticeKind {
    /// Every kind of notice.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the word that the database stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecordExpiring => "record_expiring",
            Self::RecordExpired => "record_expired",
            Self::CertificateReady => "certificate_ready",
            Self::CertificateFailed => "certificate_failed",
            Self::CertificateExpiring => "certificate_expiring",
            Self::CertificateExpired => "certificate_expired",
            Self::RenewalBroughtForward => "renewal_brought_forward",
            Self::MachineStopped => "machine_stopped",
        }
    }

    /// Parses the word that the database stores.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// The content of one mail, without the greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The event that the mail reports.
    pub kind: NoticeKind,
    /// The records or certificates it is about; at least one.
    pub items: Vec<NoticeItem>,
}

/// A record or certificate that a mail is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoticeItem {
    /// The record's fqdn, the certificate's domain (`*.user.example`), or the machine's name.
    pub name: String,
    /// The record's type and input, or how long an issued certificate is valid (`for 64 days`);
    /// `None` for a machine.
    pub what: Option<String>,
    /// When it happens, with the clock that this goes by: `2027-02-28 UTC` for the last day of a
    /// record, `2027-02-19 09:30 UTC` for the end of a certificate.
    pub on: Option<String>,
    /// Why the certificate failed, or the machine's token is no longer accepted, in plain words.
    pub reason: Option<String>,
}
