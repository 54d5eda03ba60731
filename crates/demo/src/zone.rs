//! The zone of the demo: the in-memory provider, with its RRsets in a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use starchart_dns::provider::ZoneRrset;
use starchart_dns::provider::memory::Memory;
use starchart_domain::record::RecordType;

use crate::error::Error;

/// The provider's name on the demo's pages.
const NAME: &str = "Demo DNS";

/// An RRset as the file stores it.
#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: u32,
    values: BTreeSet<String>,
}

/// Opens the zone of `root` from `file`; an absent file gives an empty zone. Every change is in the
/// file before it takes effect.
///
/// # Errors
/// The file cannot be read or parsed.
pub fn open_zone(root: &str, file: &Path) -> Result<Memory, Error> {
    let rows = match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice::<Vec<Row>>(&bytes)
            .map_err(|error| Error::Unreadable(format!("{}: {error}", file.display())))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::io(format!("reading {}", file.display()))(error)),
    };
    let path = file.to_owned();
    let zone = Memory::new(root)
        .named(NAME)
        .with_save(move |sets| save(&path, sets).map_err(|error| error.to_string()));
    for row in rows {
        zone.put(ZoneRrset {
            name: row.name,
            rtype: row.rtype,
            ttl: Some(row.ttl),
            values: row.values.into_iter().collect(),
            is_simple: true,
        });
    }
    Ok(zone)
}

/// Writes the RRsets whose type a user can create.
fn save(file: &PathBuf, sets: &[ZoneRrset]) -> std::io::Result<()> {
    let rows: Vec<Row> = sets
        .iter()
        .filter(|set| RecordType::parse(&set.rtype).is_some())
        .filter_map(|set| {
            Some(Row {
                name: set.name.clone(),
                rtype: set.rtype.clone(),
                ttl: set.ttl?,
                values: set.values.iter().cloned().collect(),
            })
        })
        .collect();
    let new = file.with_extension("new");
    std::fs::write(&new, serde_json::to_vec_pretty(&rows)?)?;
    std::fs::rename(&new, file)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use starchart_dns::provider::{Change, Provider as _};
    use starchart_domain::rrset::Rrset;

    use super::*;

    #[tokio::test]
    async fn the_zone_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("zone.json");
        let zone = open_zone("starchart.com", &file).unwrap();
        let www = Rrset::new(
            "www.user1.starchart.com",
            RecordType::A,
            ["192.0.2.1".to_owned()],
        );
        zone.change(&[Change::create(www.clone())]).await.unwrap();
        let before = zone.rrsets();
        drop(zone);
        let again = open_zone("starchart.com", &file).unwrap();
        assert_eq!(again.rrsets(), before);
        assert!(again.read(&www.name).await.unwrap()[0].matches(&www));
    }
}
