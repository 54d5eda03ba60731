//! One file a job.

pub(crate) mod audit;
pub(crate) mod certificate;
pub(crate) mod expiry;
pub(crate) mod housekeeping;
pub(crate) mod keep;
pub(crate) mod mail;
pub(crate) mod publish;
pub(crate) mod track;
