//! How often periodic work runs.

use std::time::Duration;

use starchart_domain::timers::Timers;

use crate::parse;
use crate::reader::Reader;
use crate::spec::DefaultValue::Same;
use crate::spec::Required::No;
use crate::spec::{SettingSpec, variable};

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    variable(
        "EXPIRATION_REPEAT_FREQUENCY_S",
        No,
        Same("86400"),
        "seconds between checks for expired records and certificates",
    ),
    variable(
        "AUDIT_FREQUENCY_S",
        No,
        Same("3600"),
        "seconds between comparisons of the whole zone with the database; one also follows a start",
    ),
    variable(
        "JOB_REMOVAL_FREQUENCY_S",
        No,
        Same("604800"),
        "seconds for which finished work is kept: sent mails, wake-ups in Redis",
    ),
    variable(
        "SWEEP_MS",
        No,
        Same("2000"),
        "milliseconds between sweeps for pending work without a wake-up",
    ),
];

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<Timers> {
    let expiration_every = reader.parsed(
        "EXPIRATION_REPEAT_FREQUENCY_S",
        parse::seconds(1, 31_536_000),
    );
    let audit_every = reader.parsed("AUDIT_FREQUENCY_S", parse::seconds(1, 31_536_000));
    let job_removal_every = reader.parsed("JOB_REMOVAL_FREQUENCY_S", parse::seconds(1, 31_536_000));
    let sweep = reader
        .parsed("SWEEP_MS", parse::number(50, 60_000))
        .map(Duration::from_millis);
    Some(Timers {
        expiration_every: expiration_every?,
        audit_every: audit_every?,
        job_removal_every: job_removal_every?,
        sweep: sweep?,
    })
}
