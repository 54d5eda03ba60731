//! All settings: the groups together, and the rules between them.

use starchart_domain::api::ApiSettings;
use starchart_domain::limits::Limits;
use starchart_domain::timers::Timers;
use starchart_domain::words::NameLists;

use crate::environment::Environment;
use crate::groups::app::{self, App};
use crate::groups::certificates::{self, Certificates};
use crate::groups::database::{self, Database};
use crate::groups::mail::{self, Mail};
use crate::groups::process::{self, Process};
use crate::groups::redis::{self, Redis};
use crate::groups::sign_in::{self, SignIn};
use crate::groups::zone::{self, Zone};
use crate::groups::{SPECS, api, limits, names, timers};
use crate::reader::Reader;
use crate::{Loaded, Problem, Problems, Sources};

/// All settings of an operator. Each field of a group names its variable and unit;
/// [`crate::setting_specs`] has the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `STARCHART_ENV`: selects the strictness of the rules.
    pub environment: Environment,
    /// The public URL, ports and names of the site.
    pub app: App,
    /// The zone, its DNS provider and its name servers.
    pub zone: Zone,
    /// The database and its migrations.
    pub database: Database,
    /// `REDIS_URL`: how processes wake each other and share rate limits.
    pub redis: Redis,
    /// Sessions, and sign-in through the identity provider.
    pub sign_in: SignIn,
    /// The mail server and the sender.
    pub mail: Mail,
    /// Certificates from Let's Encrypt.
    pub certificates: Certificates,
    /// `WORD_LISTS_PATH`: which words and labels names may not have.
    pub names: NameLists,
    /// Limits for each user and IP address.
    pub limits: Limits,
    /// The API for programs of users.
    pub api: ApiSettings,
    /// Intervals of periodic work.
    pub timers: Timers,
    /// How a process starts and stops.
    pub process: Process,
}

impl Settings {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// Every fault, not only the first one.
    pub fn read(sources: &Sources) -> Result<Loaded, Problems> {
        let mut reader = Reader::new(sources, SPECS);
        let settings = groups(&mut reader);
        let problems = std::mem::take(&mut reader.problems);
        let notices = std::mem::take(&mut reader.notices);
        match settings {
            Some(settings) if problems.is_empty() => Ok(Loaded {
                settings,
                notices,
                origins: reader.into_origins(),
            }),
            None if problems.is_empty() => Err(Problem {
                name: "settings".to_owned(),
                advice: "could not be read; this is a bug, please report it".to_owned(),
            }
            .into()),
            _ => Err(Problems { problems, notices }),
        }
    }
}

/// Reads every group before using any, so that a fault in one does not hide those in others.
fn groups(reader: &mut Reader) -> Option<Settings> {
    let app = app::read(reader);
    let zone = zone::read(reader);
    if let (Some(app), Some(zone)) = (&app, &zone) {
        app::refuse_app_under_root_domain(reader, &app.url, &zone.root_domain);
    }
    let database = database::read(reader);
    let redis = redis::read(reader);
    let sign_in = sign_in::read(reader);
    let mail = mail::read(reader);
    let certificates = certificates::read(reader);
    let names = names::read(reader);
    let limits = limits::read(reader);
    let api = api::read(reader);
    let timers = timers::read(reader);
    let process = process::read(reader);
    Some(Settings {
        environment: reader.environment,
        app: app?,
        zone: zone?,
        database: database?,
        redis: redis?,
        sign_in: sign_in?,
        mail: mail?,
        certificates: certificates?,
        names: names?,
        limits: limits?,
        api: api?,
        timers: timers?,
        process: process?,
    })
}
