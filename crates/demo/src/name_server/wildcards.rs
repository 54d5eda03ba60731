//! Which questions the records of a zone answer, by RFC 4592: a wildcard answers neither for a name
//! that exists, whatever its types, nor below such a name. hickory looks for one wherever an RRset
//! of the type is missing, and says that the name does not exist where it finds none.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{LowerName, RecordType, TSigResponseContext};
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::server::{Request, RequestInfo};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{
    AuthLookup, AxfrPolicy, LookupControlFlow, LookupError, LookupOptions, ZoneHandler, ZoneType,
};

pub(super) type Records = InMemoryZoneHandler<TokioRuntimeProvider>;

/// The records of a zone, asked only for what they answer.
pub(super) struct Zone {
    records: Records,
    /// The names that exist, with their types. One without types is above another one.
    names: BTreeMap<LowerName, BTreeSet<RecordType>>,
}

/// What there is for a name and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existence {
    /// Records of the type, or an alias.
    Records,
    /// The name, with other types or none.
    Name,
    Nothing,
}

impl Zone {
    pub(super) fn new(mut records: Records) -> Self {
        let origin = records.origin().clone();
        let mut names: BTreeMap<LowerName, BTreeSet<RecordType>> = BTreeMap::new();
        for key in records.records_get_mut().keys() {
            let types = names.entry(key.name.clone()).or_default();
            types.insert(key.record_type);
            let mut above = key.name.clone();
            while above != origin && !above.is_root() {
                above = above.base_name();
                names.entry(above.clone()).or_default();
            }
        }
        Self { records, names }
    }

    fn find(&self, name: &LowerName, rtype: RecordType) -> Existence {
        let among = |types: &BTreeSet<RecordType>| {
            let is_answered = [rtype, RecordType::CNAME]
                .iter()
                .any(|it| types.contains(it));
            match is_answered || (rtype == RecordType::ANY && !types.is_empty()) {
                true => Existence::Records,
                false => Existence::Name,
            }
        };
        if let Some(types) = self.names.get(name) {
            return among(types);
        }
        // The wildcard directly below the closest name that exists is the only one that answers.
        let mut below = name.clone();
        while !below.is_root() && !self.names.contains_key(&below.base_name()) {
            below = below.base_name();
        }
        let wildcard = self.names.get(&below.into_wildcard());
        wildcard.map_or(Existence::Nothing, among)
    }
}

#[async_trait]
impl ZoneHandler for Zone {
    fn zone_type(&self) -> ZoneType {
        self.records.zone_type()
    }

    fn axfr_policy(&self) -> AxfrPolicy {
        self.records.axfr_policy()
    }

    fn origin(&self) -> &LowerName {
        self.records.origin()
    }

    async fn lookup(
        &self,
        name: &LowerName,
        rtype: RecordType,
        request_info: Option<&RequestInfo<'_>>,
        options: LookupOptions,
    ) -> LookupControlFlow<AuthLookup> {
        let absent = match self.find(name, rtype) {
            Existence::Records => {
                return self
                    .records
                    .lookup(name, rtype, request_info, options)
                    .await;
            }
            Existence::Name => LookupError::NameExists,
            Existence::Nothing => LookupError::from(ResponseCode::NXDomain),
        };
        LookupControlFlow::Continue(Err(absent))
    }

    async fn search(
        &self,
        request: &Request,
        options: LookupOptions,
    ) -> (LookupControlFlow<AuthLookup>, Option<TSigResponseContext>) {
        let info = match request.request_info() {
            Ok(info) => info,
            Err(error) => return (LookupControlFlow::Break(Err(error)), None),
        };
        let (name, rtype) = (info.query.name(), info.query.query_type());
        (self.lookup(name, rtype, Some(&info), options).await, None)
    }

    async fn nsec_records(
        &self,
        name: &LowerName,
        options: LookupOptions,
    ) -> LookupControlFlow<AuthLookup> {
        self.records.nsec_records(name, options).await
    }
}
