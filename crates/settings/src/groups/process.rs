//! How a process starts and stops.

use std::time::Duration;

use crate::parse;
use crate::reader::Reader;
use crate::spec::DefaultValue::{Same, Unset};
use crate::spec::Required::No;
use crate::spec::{SettingSpec, variable};

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    variable(
        "DRAIN_S",
        No,
        Same("5"),
        "seconds during which connections are still accepted after SIGTERM, at most 30",
    ),
    // The reader itself reads this one.
    variable(
        "SECRETS_OVERRIDE",
        No,
        Same("0"),
        "1: secrets are read from ./dev-secrets instead of /run/secrets",
    ),
    variable(
        "DANGER_DATABASE_WIPE_REINITIALIZE",
        No,
        Unset,
        "1 wipes the database once, at the next start; remove it afterwards, a start without it \
         re-arms it",
    ),
    variable(
        "DANGER_CONFIRM",
        No,
        Unset,
        "ROOT_DOMAIN:number of users, to confirm a wipe in production",
    ),
];

/// How a process starts and stops.
#[derive(Debug, Clone)]
pub struct Process {
    /// `DRAIN_S`: how long new connections are still accepted after SIGTERM. At most 30 s.
    pub drain: Duration,
    /// `DANGER_DATABASE_WIPE_REINITIALIZE`: wipe the database once, at the start.
    pub wipe: bool,
    /// `DANGER_CONFIRM`: confirms a wipe in production with the text `ROOT_DOMAIN:number of users`.
    pub danger_confirm: Option<String>,
}

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<Process> {
    let drain = reader.parsed("DRAIN_S", parse::seconds(0, 30));
    let wipe = wipe(reader);
    let danger_confirm = reader.parsed("DANGER_CONFIRM", parse::text);
    Some(Process {
        drain: drain?,
        wipe,
        danger_confirm,
    })
}

/// Reads the wipe flag, which only `1` sets: `true` and `yes` are refused.
fn wipe(reader: &mut Reader) -> bool {
    let wish = reader.parsed("DANGER_DATABASE_WIPE_REINITIALIZE", |text| match text {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err("only 1 sets it; write 1, 0 or nothing".to_owned()),
    });
    wish.unwrap_or(false)
}
