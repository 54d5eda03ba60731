//! Everything that an audit compares with the zone, as it was at one moment.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, FromQueryResult};
use starchart_domain::import;
use starchart_domain::plan::OwnedRrset;
use starchart_domain::rrset::Rrset;

use super::registry;
use super::work::desired_of;
use crate::{Error, Store, sql};

/// What rows want, what we put into the zone, and which names are being worked on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// What rows want, by name.
    pub desired: BTreeMap<String, Vec<Rrset>>,
    /// The ownership registry, by name.
    pub owned: BTreeMap<String, Vec<OwnedRrset>>,
    /// Generation of each name that has a row, and whether the zone does not show it as wanted yet.
    pub names: BTreeMap<String, (i64, bool)>,
    /// Names that the zone refused as they are, and why.
    pub refused: BTreeMap<String, String>,
    /// What stands before the root domain in people's domains: labels that they have or had, and
    /// what the original made of the user names of those who came from there, be it a label or not.
    pub labels: BTreeSet<String>,
}

impl Snapshot {
    /// Names that cannot be judged by a zone that was listed after this view and before `later`:
    /// they were changed meanwhile, or they are publish's to work on, dirty or with a send whose
    /// outcome is not known.
    pub fn in_flight(&self, later: &Self) -> BTreeSet<String> {
        let names = [self, later].into_iter().flat_map(|view| {
            view.names
                .keys()
                .chain(view.owned.keys())
                .chain(view.desired.keys())
        });
        let moves = |name: &&String| {
            let key = name.as_str();
            !self.is_same(later, key)
                || later.names.get(key).is_some_and(|(_, dirty)| *dirty)
                // Without a row nobody works on it.
                || later.names.contains_key(key) && later.owned.get(key).is_some_and(|sets| sets.iter().any(OwnedRrset::needs_read))
        };
        names.filter(moves).cloned().collect()
    }

    /// Names of which `later` says the same as this view.
    pub fn unchanged(&self, later: &Self) -> BTreeSet<String> {
        later
            .names
            .keys()
            .filter(|name| self.is_same(later, name))
            .cloned()
            .collect()
    }

    fn is_same(&self, later: &Self, name: &str) -> bool {
        self.names.get(name) == later.names.get(name)
            && self.owned.get(name) == later.owned.get(name)
            && self.desired.get(name) == later.desired.get(name)
    }
}

/// Reads it all in one snapshot.
pub async fn read_snapshot(store: &Store) -> Result<Snapshot, Error> {
    #[derive(FromQueryResult)]
    struct Person {
        label: String,
    }
    #[derive(FromQueryResult)]
    struct Came {
        source: String,
    }
    let snapshot = store.snapshot().await?;
    let names = names_of(&snapshot, None).await?;
    let refused = refusals_of(&snapshot).await?;
    let desired = desired_of(&snapshot, None).await?;
    let entries = registry::list(&snapshot, None).await?;
    let people: Vec<Person> = sql::all(
        &snapshot,
        "SELECT label FROM users WHERE label IS NOT NULL",
        vec![],
    )
    .await?;
    let came = "SELECT source FROM import_rows WHERE kind = 'user'";
    let came: Vec<Came> = sql::all(&snapshot, came, vec![]).await?;
    snapshot.commit().await?;
    let bases = came
        .iter()
        .map(|user| import::base_label(&user.source))
        .filter(|base| !base.is_empty());
    let labels = people
        .into_iter()
        .map(|person| person.label)
        .chain(bases)
        .collect();
    let mut owned: BTreeMap<String, Vec<OwnedRrset>> = BTreeMap::new();
    for entry in entries {
        owned
            .entry(entry.fqdn.clone())
            .or_default()
            .push(entry.into_set());
    }
    Ok(Snapshot {
        desired,
        owned,
        names,
        refused,
        labels,
    })
}

/// Names that the zone refused as they are, and why.
pub async fn list_refusals(store: &Store) -> Result<BTreeMap<String, String>, Error> {
    refusals_of(store.reader()).await
}

async fn refusals_of(on: &impl ConnectionTrait) -> Result<BTreeMap<String, String>, Error> {
    #[derive(FromQueryResult)]
    struct Name {
        fqdn: String,
        refusal: Option<String>,
    }
    let look = "SELECT fqdn, refusal FROM names WHERE is_unpublished = 1 AND refused_generation = generation";
    let names: Vec<Name> = sql::all(on, look, vec![]).await?;
    Ok(names
        .into_iter()
        .map(|name| (name.fqdn, name.refusal.unwrap_or_default()))
        .collect())
}

/// Generation of these names or of all, and whether each is dirty.
pub(super) async fn names_of(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<BTreeMap<String, (i64, bool)>, Error> {
    #[derive(FromQueryResult)]
    struct Name {
        fqdn: String,
        generation: i64,
        applied_generation: i64,
    }
    let (filter, values) = sql::at_names(fqdns);
    let names: Vec<Name> = sql::all(
        on,
        &format!("SELECT fqdn, generation, applied_generation FROM names{filter}"),
        values,
    )
    .await?;
    let way = |name: Name| {
        (
            name.fqdn,
            (name.generation, name.generation > name.applied_generation),
        )
    };
    Ok(names.into_iter().map(way).collect())
}
