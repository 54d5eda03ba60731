//! The zone of the demo: RRsets in memory and in a file, changed by the rules of Route53.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use starchart_dns::zone::{Action, Change, ChangeId, ChangeState, Zone, ZoneError, ZoneRrset};
use starchart_domain::record::RecordType;
use starchart_domain::rrset::{Rrset, RrsetData};
use tokio::sync::watch;

use crate::error::Error;

type Sets = BTreeMap<(String, String), Body>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    ttl: u32,
    values: BTreeSet<String>,
}

/// The zone of the demo. Every change is atomic, and on disk before the call returns.
pub struct DemoZone {
    root: String,
    file: PathBuf,
    sets: Mutex<Sets>,
    changed: watch::Sender<u64>,
}

/// An RRset as the file stores it.
#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    #[serde(flatten)]
    body: Body,
}

impl DemoZone {
    /// Opens the zone of `root` from `file`; an absent file gives an empty zone.
    ///
    /// # Errors
    /// The file cannot be read or parsed.
    pub fn open(root: &str, file: &Path) -> Result<Self, Error> {
        let sets = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice::<Vec<Row>>(&bytes)
                .map_err(|error| Error::Unreadable(format!("{}: {error}", file.display())))?
                .into_iter()
                .map(|row| ((row.name, row.rtype), row.body))
                .collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Sets::new(),
            Err(error) => return Err(Error::io(format!("reading {}", file.display()))(error)),
        };
        Ok(Self {
            root: root.to_owned(),
            file: file.to_owned(),
            sets: Mutex::new(sets),
            changed: watch::channel(0).0,
        })
    }

    /// Returns the domain of the zone.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Returns a channel that reports every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Returns every RRset whose type a user can create.
    pub(crate) fn rrsets(&self) -> Vec<Rrset> {
        let to_rrset = |((name, rtype), body): (&(String, String), &Body)| {
            let body = RrsetData {
                ttl: body.ttl,
                values: body.values.iter().cloned().collect(),
            };
            Some(Rrset {
                name: name.clone(),
                rtype: RecordType::parse(rtype)?,
                body,
            })
        };
        self.lock().iter().filter_map(to_rrset).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Sets> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, sets: &Sets) -> std::io::Result<()> {
        let rows: Vec<Row> = sets
            .iter()
            .map(|((name, rtype), body)| Row {
                name: name.clone(),
                rtype: rtype.clone(),
                body: body.clone(),
            })
            .collect();
        let new = self.file.with_extension("new");
        std::fs::write(&new, serde_json::to_vec_pretty(&rows)?)?;
        std::fs::rename(&new, &self.file)
    }
}

fn apply(sets: &mut Sets, root: &str, change: &Change) -> Result<(), String> {
    let set = &change.set;
    let name = &set.name;
    let rtype = set.rtype.as_str();
    if name != root && !name.ends_with(&format!(".{root}")) {
        return Err(format!(
            "RRSet with DNS name {name}. is not permitted in zone {root}."
        ));
    }
    let key = (name.clone(), rtype.to_owned());
    let body = Body {
        ttl: set.body.ttl,
        values: set.body.values.iter().cloned().collect(),
    };
    match (change.action, sets.get(&key)) {
        (Action::Create, Some(_)) => Err(format!(
            "Tried to create resource record set [name='{name}.', type='{rtype}'] \
             but it already exists"
        )),
        (Action::Create, None) => {
            let conflicts = |other: &String| rtype == "CNAME" || other == "CNAME";
            if sets.keys().any(|(n, other)| n == name && conflicts(other)) {
                return Err(format!(
                    "RRSet of type {rtype} with DNS name {name}. is not permitted because \
                     a conflicting RRSet exists in zone {root}."
                ));
            }
            sets.insert(key, body);
            Ok(())
        }
        (Action::Delete, None) => Err(format!(
            "Tried to delete resource record set [name='{name}.', type='{rtype}'] \
             but it was not found"
        )),
        (Action::Delete, Some(existing)) if *existing != body => Err(format!(
            "Tried to delete resource record set [name='{name}.', type='{rtype}'] \
             but the values provided do not match the current values"
        )),
        (Action::Delete, Some(_)) => {
            sets.remove(&key);
            Ok(())
        }
    }
}

/// The NS and SOA RRsets that every zone has at its apex.
fn apex_rrsets(root: &str) -> impl Iterator<Item = ZoneRrset> {
    let set = |rtype: &str, value: &str| ZoneRrset {
        name: root.to_owned(),
        rtype: rtype.to_owned(),
        ttl: Some(900),
        values: [value.to_owned()].into(),
        is_simple: true,
    };
    [
        set("NS", "localhost."),
        set(
            "SOA",
            "localhost. hostmaster.localhost. 1 7200 900 1209600 86400",
        ),
    ]
    .into_iter()
}

fn zone_set(((name, rtype), body): (&(String, String), &Body)) -> ZoneRrset {
    ZoneRrset {
        name: name.clone(),
        rtype: rtype.clone(),
        ttl: Some(body.ttl),
        values: body.values.iter().cloned().collect(),
        is_simple: true,
    }
}

#[async_trait]
impl Zone for DemoZone {
    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ZoneError> {
        let mut sets = self.lock();
        let mut new = sets.clone();
        for change in changes {
            apply(&mut new, &self.root, change).map_err(|message| ZoneError::Refused {
                messages: vec![message],
            })?;
        }
        self.save(&new)
            .map_err(|error| ZoneError::Unavailable(error.to_string()))?;
        *sets = new;
        drop(sets);
        self.changed.send_modify(|count| *count += 1);
        // Random, so that no ID repeats after a restart.
        Ok(ChangeId(format!("demo-{:016x}", rand::random::<u64>())))
    }

    async fn read(&self, name: &str) -> Result<Vec<ZoneRrset>, ZoneError> {
        Ok(self
            .lock()
            .iter()
            .filter(|((n, _), _)| n == name)
            .map(zone_set)
            .collect())
    }

    async fn list(&self) -> Result<Vec<ZoneRrset>, ZoneError> {
        Ok(apex_rrsets(&self.root)
            .chain(self.lock().iter().map(zone_set))
            .collect())
    }

    async fn change_state(&self, _: &ChangeId) -> Result<ChangeState, ZoneError> {
        Ok(ChangeState::InSync)
    }

    async fn domain(&self) -> Result<String, ZoneError> {
        Ok(self.root.clone())
    }

    async fn name_servers(&self) -> Result<Vec<String>, ZoneError> {
        Ok(vec!["localhost".to_owned()])
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn a(value: &str) -> Rrset {
        Rrset::new("www.user1.starchart.com", RecordType::A, [value.to_owned()])
    }

    #[tokio::test]
    async fn a_batch_is_atomic_and_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("zone.json");
        let zone = DemoZone::open("starchart.com", &file).unwrap();
        zone.change(&[Change::create(a("192.0.2.1"))])
            .await
            .unwrap();
        let refused = zone
            .change(&[
                Change::delete(a("192.0.2.1")),
                Change::delete(a("192.0.2.2")),
            ])
            .await;
        assert!(
            matches!(refused, Err(ZoneError::Refused { .. })),
            "{refused:?}"
        );
        zone.change(&[
            Change::delete(a("192.0.2.1")),
            Change::create(a("192.0.2.3")),
        ])
        .await
        .unwrap();
        drop(zone);
        let again = DemoZone::open("starchart.com", &file).unwrap();
        assert_eq!(again.rrsets(), [a("192.0.2.3")]);
        let cname = Rrset::new(
            "www.user1.starchart.com",
            RecordType::Cname,
            ["example.com.".to_owned()],
        );
        assert!(matches!(
            again.change(&[Change::create(cname)]).await,
            Err(ZoneError::Refused { .. })
        ));
    }
}
