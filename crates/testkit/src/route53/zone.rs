//! The RRsets of a zone, in the order in which they are listed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::name::DnsName;
use super::value::{Data, TYPES};

/// An RRset as tests read it and put it into the zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Set {
    /// The fqdn: lower case, without escapes and without a trailing dot: `*.example.com`.
    pub name: String,
    /// The record type: `A`, `CNAME` and so on.
    pub rtype: String,
    /// The time to live in seconds; 0 for an alias, which has none.
    pub ttl: u32,
    /// The values in canonical form: names with a trailing dot, texts in quotation marks.
    pub values: BTreeSet<String>,
    /// The SetIdentifier, which distinguishes weighted RRsets of one name and type.
    pub identifier: Option<String>,
    /// The weight of a weighted set.
    pub weight: Option<u32>,
    /// The target of an alias set.
    pub alias: Option<String>,
}

impl Set {
    /// Creates an RRset that is neither weighted nor an alias.
    pub fn new<V: Into<String>>(
        name: &str,
        rtype: &str,
        ttl: u32,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self {
            name: name.into(),
            rtype: rtype.into(),
            ttl,
            values,
            ..Self::default()
        }
    }

    /// Creates an alias, as Route53's console does for a load balancer.
    pub fn alias(name: &str, rtype: &str, target: &str) -> Self {
        Self {
            name: name.into(),
            rtype: rtype.into(),
            alias: Some(target.into()),
            ..Self::default()
        }
    }

    /// Makes this one of several weighted RRsets.
    #[must_use]
    pub fn weighted(mut self, identifier: &str, weight: u32) -> Self {
        self.identifier = Some(identifier.into());
        self.weight = Some(weight);
        self
    }
}

/// The content of an RRset.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// `values` are as in the request, `data` is parsed from them.
    Records {
        ttl: u32,
        values: Vec<String>,
        data: BTreeSet<Data>,
    },
    Alias {
        target: DnsName,
        zone_id: String,
        evaluate: bool,
    },
}

/// Compares parsed values, in any order.
impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Records { ttl, data, .. },
                Self::Records {
                    ttl: other_ttl,
                    data: other_data,
                    ..
                },
            ) => ttl == other_ttl && data == other_data,
            (
                Self::Alias {
                    target,
                    zone_id,
                    evaluate,
                },
                Self::Alias {
                    target: t,
                    zone_id: z,
                    evaluate: e,
                },
            ) => (target, zone_id, evaluate) == (t, z, e),
            _ => false,
        }
    }
}

/// An RRset in the zone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RrSet {
    pub(crate) name: DnsName,
    pub(crate) rtype: String,
    pub(crate) identifier: Option<String>,
    pub(crate) weight: Option<u32>,
    pub(crate) body: Body,
}

/// The unique key of an RRset, in the order of ListResourceRecordSets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) rtype: String,
    pub(crate) identifier: String,
}

impl RrSet {
    pub(crate) fn key(&self) -> Key {
        let identifier = self.identifier.clone().unwrap_or_default();
        Key {
            name: self.name.sort_key(),
            rtype: self.rtype.clone(),
            identifier,
        }
    }

    /// Parses an RRset of a test, without the zone's rules.
    pub(crate) fn from_set(set: &Set) -> Result<Self, String> {
        if !TYPES.contains(&set.rtype.as_str()) {
            return Err(format!("no such record type: {}", set.rtype));
        }
        let name = DnsName::parse(&set.name).map_err(|fault| format!("{fault}: {}", set.name))?;
        let body = match &set.alias {
            Some(target) => Body::Alias {
                target: DnsName::parse(target).map_err(|fault| format!("{fault}: {target}"))?,
                zone_id: "Z00000000000000ALIAS".into(),
                evaluate: false,
            },
            None => Body::Records {
                ttl: set.ttl,
                values: set.values.iter().cloned().collect(),
                data: set
                    .values
                    .iter()
                    .map(|value| Data::parse(&set.rtype, value))
                    .collect::<Result<_, _>>()?,
            },
        };
        Ok(Self {
            name,
            rtype: set.rtype.clone(),
            identifier: set.identifier.clone(),
            weight: set.weight,
            body,
        })
    }

    /// Returns the RRset in the form for tests.
    pub(crate) fn to_set(&self) -> Set {
        let (ttl, values, alias) = match &self.body {
            Body::Records { ttl, data, .. } => {
                (*ttl, data.iter().map(Data::to_string).collect(), None)
            }
            Body::Alias { target, .. } => (0, BTreeSet::new(), Some(target.plain())),
        };
        Set {
            name: self.name.plain(),
            rtype: self.rtype.clone(),
            ttl,
            values,
            identifier: self.identifier.clone(),
            weight: self.weight,
            alias,
        }
    }
}

/// All RRsets of a zone at one moment. Cheap to clone: the next change copies the map.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: DnsName,
    pub(crate) sets: Arc<BTreeMap<Key, Arc<RrSet>>>,
}

impl Zone {
    /// Creates a zone with NS and SOA at its apex, as Route53 does.
    pub(crate) fn new(name: DnsName, name_servers: &[String]) -> Result<Self, String> {
        let first = name_servers.first().ok_or("a zone needs a name server")?;
        let soa = format!("{first} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
        let apex = name.plain();
        let mut zone = Self {
            name,
            sets: Arc::default(),
        };
        zone.put(RrSet::from_set(&Set::new(
            &apex,
            "NS",
            172_800,
            name_servers.iter().cloned(),
        ))?);
        zone.put(RrSet::from_set(&Set::new(&apex, "SOA", 900, [soa]))?);
        Ok(zone)
    }

    pub(crate) fn put(&mut self, set: RrSet) {
        self.sets_mut().insert(set.key(), Arc::new(set));
    }

    pub(crate) fn sets_mut(&mut self) -> &mut BTreeMap<Key, Arc<RrSet>> {
        Arc::make_mut(&mut self.sets)
    }

    /// Returns the RRsets of exactly this name.
    pub(crate) fn at(&self, name: &DnsName) -> impl Iterator<Item = &Arc<RrSet>> {
        let name = name.sort_key();
        let start = Key {
            name: name.clone(),
            rtype: String::new(),
            identifier: String::new(),
        };
        self.sets
            .range(start..)
            .take_while(move |(key, _)| key.name == name)
            .map(|(_, set)| set)
    }

    /// Returns whether the name has an RRset or is above one (an empty non-terminal, RFC 4592).
    pub(crate) fn has_or_is_above(&self, name: &DnsName) -> bool {
        let name = name.sort_key();
        let start = Key {
            name: name.clone(),
            rtype: String::new(),
            identifier: String::new(),
        };
        self.sets
            .range(start..)
            .next()
            .is_some_and(|(key, _)| key.name.starts_with(&name))
    }
}
