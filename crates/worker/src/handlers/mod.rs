//! One file a job.

pub(crate) mod housekeeping;
pub(crate) mod publish;
pub(crate) mod track;
