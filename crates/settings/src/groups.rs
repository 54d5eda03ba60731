//! The settings in groups. The file of a group has the specification of its settings, its type, and
//! the function that reads and checks it.

pub(crate) mod api;
pub(crate) mod app;
pub(crate) mod certificates;
pub(crate) mod database;
pub(crate) mod limits;
pub(crate) mod mail;
pub(crate) mod names;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod sign_in;
pub(crate) mod timers;
pub(crate) mod zone;

use crate::spec::{SettingSpec, SpecList};

/// Every setting, in the order of `config/env.example`.
pub(crate) const SPECS: SpecList = SpecList(&[
    app::SPECS,
    zone::SPECS,
    database::SPECS,
    redis::SPECS,
    sign_in::SPECS,
    mail::SPECS,
    certificates::SPECS,
    names::SPECS,
    limits::SPECS,
    api::SPECS,
    timers::SPECS,
    process::SPECS,
]);

/// Returns every setting, grouped as in `config/env.example`.
pub fn setting_specs() -> impl Iterator<Item = &'static SettingSpec> {
    SPECS.iter()
}
