//! Everything that an audit compares with the zone, as it was at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DerivePartialModel, EntityTrait, ExprTrait, QueryFilter,
    QuerySelect,
};
use starchart_domain::import;
use starchart_domain::plan::OwnedRrset;
use starchart_domain::rrset::Rrset;

use super::registry;
use super::work::list_desired;
use crate::entity::name::{self, Column, is_unpublished};
use crate::entity::{import_row, user};
use crate::{Error, Store};

/// What rows want, what we put into the zone, and which names are being worked on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// What rows want, by name.
    pub desired: BTreeMap<String, Vec<Rrset>>,
    /// The ownership registry, by name.
    pub owned: BTreeMap<String, Vec<OwnedRrset>>,
    /// Generation of each name that has a row, and whether it is unpublished.
    pub names: BTreeMap<String, (i64, bool)>,
    /// Names that the zone refused as they are, and why.
    pub refused: BTreeMap<String, String>,
    /// The labels of users' domains: labels that users have or had, and those that the original
    /// made of the user names of imported users, be they valid labels or not.
    pub labels: BTreeSet<String>,
}

/// A hash of what a snapshot holds for each name. Finds the names that changed until a later
/// snapshot, in a tenth of the memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotHashes(BTreeMap<String, u64>);

impl Snapshot {
    /// Hashes what the snapshot holds for each name.
    pub fn hashes(&self) -> SnapshotHashes {
        let names = self
            .names
            .keys()
            .chain(self.owned.keys())
            .chain(self.desired.keys());
        let hashes = names.map(|name| (name.clone(), self.hash_of(name)));
        SnapshotHashes(hashes.collect())
    }

    /// Lists the names that a zone listed between `earlier` and this snapshot cannot be compared
    /// with: they changed meanwhile, or publish still works on them, as they are unpublished or
    /// have a send whose outcome is unknown.
    pub fn in_flight(&self, earlier: &SnapshotHashes) -> BTreeSet<String> {
        let SnapshotHashes(earlier) = earlier;
        let later = self.hashes().0;
        let gone = earlier.keys().filter(|name| !later.contains_key(*name));
        let changed = later
            .iter()
            .filter(|(name, hash)| earlier.get(*name) != Some(*hash) || self.is_worked_on(name))
            .map(|(name, _)| name);
        gone.chain(changed).cloned().collect()
    }

    /// Lists the names with a row that did not change between `earlier` and this snapshot.
    pub fn unchanged(&self, earlier: &SnapshotHashes) -> BTreeSet<String> {
        self.names
            .keys()
            .filter(|name| earlier.0.get(*name) == Some(&self.hash_of(name)))
            .cloned()
            .collect()
    }

    /// Returns whether publish works on the name. It does not work on a name without a row.
    fn is_worked_on(&self, name: &str) -> bool {
        let Some((_, is_unpublished)) = self.names.get(name) else {
            return false;
        };
        let owned = self.owned.get(name);
        *is_unpublished || owned.is_some_and(|sets| sets.iter().any(OwnedRrset::needs_read))
    }

    fn hash_of(&self, name: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.names.get(name).hash(&mut hasher);
        self.owned.get(name).hash(&mut hasher);
        self.desired.get(name).hash(&mut hasher);
        hasher.finish()
    }
}

/// Reads everything in one transaction that sees one state of the database.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn read_snapshot(store: &Store) -> Result<Snapshot, Error> {
    let snapshot = store.snapshot().await?;
    let names = list_generations(&snapshot, None).await?;
    let refused = list_refusals_on(&snapshot).await?;
    let desired = list_desired(&snapshot, None).await?;
    let entries = registry::list(&snapshot, None).await?;
    let mut labels: BTreeSet<String> = user::Entity::find()
        .select_only()
        .column(user::Column::Label)
        .filter(user::Column::Label.is_not_null())
        .into_tuple::<String>()
        .all(&snapshot)
        .await?
        .into_iter()
        .collect();
    let imported: Vec<String> = import_row::Entity::find()
        .select_only()
        .column(import_row::Column::Source)
        .filter(import_row::Column::Kind.eq(import_row::Kind::User))
        .into_tuple()
        .all(&snapshot)
        .await?;
    snapshot.commit().await?;
    let bases = imported.iter().map(|name| import::base_label(name));
    labels.extend(bases.filter(|base| !base.is_empty()));
    let mut owned: BTreeMap<String, Vec<OwnedRrset>> = BTreeMap::new();
    for entry in entries {
        let fqdn = entry.fqdn.clone();
        owned.entry(fqdn).or_default().push(entry.into_set());
    }
    // Most names have one RRset.
    owned.values_mut().for_each(Vec::shrink_to_fit);
    Ok(Snapshot {
        desired,
        owned,
        names,
        refused,
        labels,
    })
}

/// Lists the names that the zone refused as they are, and why.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn list_refusals(store: &Store) -> Result<BTreeMap<String, String>, Error> {
    list_refusals_on(store.reader()).await
}

async fn list_refusals_on(on: &impl ConnectionTrait) -> Result<BTreeMap<String, String>, Error> {
    #[derive(DerivePartialModel)]
    #[sea_orm(entity = "name::Entity")]
    struct Name {
        fqdn: String,
        refusal: Option<String>,
    }
    let names: Vec<Name> = name::Entity::find()
        .filter(is_unpublished())
        .filter(Expr::col(Column::RefusedGeneration).equals(Column::Generation))
        .into_partial_model()
        .all(on)
        .await?;
    Ok(names
        .into_iter()
        .map(|name| (name.fqdn, name.refusal.unwrap_or_default()))
        .collect())
}

/// The generation of these names, or of all, and whether each is unpublished.
pub(super) async fn list_generations(
    on: &impl ConnectionTrait,
    fqdns: Option<&[String]>,
) -> Result<BTreeMap<String, (i64, bool)>, Error> {
    #[derive(DerivePartialModel)]
    #[sea_orm(entity = "name::Entity")]
    struct Name {
        fqdn: String,
        generation: i64,
        applied_generation: i64,
    }
    let mut names = name::Entity::find();
    if let Some(fqdns) = fqdns {
        names = names.filter(Column::Fqdn.is_in(fqdns));
    }
    let names: Vec<Name> = names.into_partial_model().all(on).await?;
    let state = |name: Name| {
        let is_unpublished = name.generation > name.applied_generation;
        (name.fqdn, (name.generation, is_unpublished))
    };
    Ok(names.into_iter().map(state).collect())
}
