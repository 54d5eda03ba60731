//! The handlers of the background jobs, one file for each job.

pub(crate) mod audit;
pub(crate) mod certificate;
pub(crate) mod expiry;
pub(crate) mod housekeeping;
pub(crate) mod mail;
pub(crate) mod publish;
pub(crate) mod track;
