//! Looks a record up as the world does: at each authoritative name server and at public resolvers,
//! with the time for which an answer is remembered.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RData;
use starchart_domain::record::RecordType;

use crate::propagation::{NameServer, Reply};
use crate::query::{EncodedQuery, exchange};

/// The kind of server that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A name server of the zone, which must answer from its own data.
    NameServer,
    /// A resolver, which may remember an old answer.
    Resolver,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupAnswer {
    /// The values, or why there are none.
    pub reply: Reply,
    /// Seconds for which the answer may be remembered: the TTL of the RRset or, if there is none,
    /// of its absence (RFC 2308 section 5).
    pub ttl_s: Option<u32>,
}

impl LookupAnswer {
    fn without_ttl(reply: Reply) -> Self {
        Self { reply, ttl_s: None }
    }
}

/// Asks a server for an RRset, at its addresses in turn until one answers.
pub async fn look_up(
    server: &NameServer,
    asked: Asked,
    name: &str,
    rtype: RecordType,
) -> LookupAnswer {
    let query = match EncodedQuery::new(name, rtype, asked == Asked::Resolver) {
        Ok(query) => query,
        Err(error) => {
            let why = format!("{name} is no valid query name: {error}");
            return LookupAnswer::without_ttl(Reply::Unusable(why));
        }
    };
    let mut last_error = "the name does not resolve".to_owned();
    for address in &server.addresses {
        match exchange(*address, &query).await {
            Ok(answer) => return read(&answer, asked, &query, rtype),
            Err(error) => last_error = error,
        }
    }
    LookupAnswer::without_ttl(Reply::Silent(last_error))
}

fn read(answer: &Message, asked: Asked, query: &EncodedQuery, rtype: RecordType) -> LookupAnswer {
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => {
            let why = format!("the server answered {code}");
            return LookupAnswer::without_ttl(Reply::Unusable(why));
        }
    }
    if asked == Asked::NameServer && !answer.metadata.authoritative {
        let why = "the server is not authoritative for the zone".to_owned();
        return LookupAnswer::without_ttl(Reply::Unusable(why));
    }
    let ttl_of_records = query.records(answer).map(|record| record.ttl).min();
    LookupAnswer {
        reply: Reply::Values(query.values(answer, rtype)),
        ttl_s: ttl_of_records.or_else(|| negative_ttl(answer)),
    }
}

/// Returns for how long the absence is remembered: the lower of the SOA record's TTL and its
/// minimum.
fn negative_ttl(answer: &Message) -> Option<u32> {
    answer
        .authorities
        .iter()
        .find_map(|record| match &record.data {
            RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
            _ => None,
        })
}
