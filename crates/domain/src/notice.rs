//! What people are told by mail.

/// The kinds of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// Records end soon.
    RecordExpiring,
    /// Records have ended and are gone.
    RecordExpired,
    /// A certificate was issued.
    CertificateReady,
    /// A certificate could not be had.
    CertificateFailed,
    /// A certificate ends soon.
    CertificateExpiring,
    /// A certificate has ended.
    CertificateExpired,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::RecordExpiring,
        Self::RecordExpired,
        Self::CertificateReady,
        Self::CertificateFailed,
        Self::CertificateExpiring,
        Self::CertificateExpired,
    ];

    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecordExpiring => "record_expiring",
            Self::RecordExpired => "record_expired",
            Self::CertificateReady => "certificate_ready",
            Self::CertificateFailed => "certificate_failed",
            Self::CertificateExpiring => "certificate_expiring",
            Self::CertificateExpired => "certificate_expired",
        }
    }

    /// The kind of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One mail's content: what happened, to which things. The greeting comes from the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// To what; at least one.
    pub items: Vec<NoticeItem>,
}

/// One thing that a mail is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoticeItem {
    /// The full name of a record, or the domain of a certificate (`*.user.example`).
    pub name: String,
    /// The record's type and value as typed; nothing for a certificate.
    pub what: Option<String>,
    /// The date it ends or ended: `YYYY-MM-DD`, UTC.
    pub on: Option<String>,
    /// Why it failed, in plain words.
    pub reason: Option<String>,
}
