//! Redis.

use starchart_domain::secret::Secret;

use crate::reader::Reader;
use crate::spec::DefaultValue::Each;
use crate::spec::Required::No;
use crate::spec::{SettingSpec, variable};
use crate::urls;

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[variable(
    "REDIS_URL",
    No,
    Each("redis://redis:6379", "redis://localhost:6379", "memory"),
    "redis:// or rediss://; memory: one process only; none: no wake-ups (for diagnosis)",
)];

/// How processes wake each other (`REDIS_URL`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redis {
    /// Through the Redis at this URL, which may carry a password.
    Url(Secret),
    /// `memory`: each process wakes itself.
    InProcess,
    /// `none`: no wake-ups; the sweep finds all work. For diagnosis.
    Disabled,
}

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<Redis> {
    reader.parsed("REDIS_URL", |text| match text {
        "memory" => Ok(Redis::InProcess),
        "none" => Ok(Redis::Disabled),
        _ => url(text).map(Redis::Url),
    })
}

/// Parses the URL of Redis: user and password, host, port and the number of a database.
fn url(text: &str) -> Result<Secret, String> {
    if !text.starts_with("redis://") && !text.starts_with("rediss://") {
        return Err("must begin with redis:// or rediss://, or be memory or none".to_owned());
    }
    let url = urls::url(text)?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("lacks a host: redis://:password@host:6379".to_owned());
    }
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() && database.parse::<u16>().is_err() {
        return Err(
            "may only end in the number of a database: redis://:password@host:6379/0".to_owned(),
        );
    }
    Ok(Secret::new(text))
}
