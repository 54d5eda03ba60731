//! `domains/`: the domain of the user, in deSEC's shape.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use starchart_domain::time::Timestamp;
use starchart_domain::zone_file;

use super::answer::{ABSENT, absent};
use super::operation::{Answer, Content, Group, Operation, Parameter, Place, Values};
use super::query::check_domain;
use crate::actions;
use crate::actor::User;
use crate::api::request::query;
use crate::context::RequestContext;
use crate::errors::Failure;

/// The domain under which all names of the user are.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Domain {
    /// When the user signed in for the first time.
    created: String,
    /// The domain, without a final dot.
    name: String,
    /// The shortest TTL that is allowed, in seconds.
    minimum_ttl: u32,
    /// When a record was last changed.
    published: Option<String>,
    /// The same, or `created` without records.
    touched: String,
    /// DNSSEC keys: none, the zone belongs to the school. Left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<String>>,
}

pub(crate) static LIST: Operation = Operation {
    group: Group::Rrsets,
    summary: "List the domain",
    description: "You have one domain. With `owns_qname`, the list is empty for a name that is not \
                  at or below it.",
    right: "any",
    parameters: &[Parameter {
        name: "owns_qname",
        place: Place::Query,
        values: Values::Any,
        description: "A name, in full.",
    }],
    request: None,
    answers: &[Answer {
        status: 200,
        description: "The domain, or nothing.",
        content: Content::Json(SchemaGenerator::subschema_for::<Vec<Domain>>),
    }],
};

pub(crate) static SHOW: Operation = Operation {
    group: Group::Rrsets,
    summary: "Show the domain",
    description: "",
    right: "any",
    parameters: &[],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "The domain.",
            content: Content::Json(SchemaGenerator::subschema_for::<Domain>),
        },
        ABSENT,
    ],
};

pub(crate) static ZONE_FILE: Operation = Operation {
    group: Group::Rrsets,
    summary: "Export the records as a zone file",
    description: "With the records that the token may read.",
    right: "records: read",
    parameters: &[],
    request: None,
    answers: &[
        Answer {
            status: 200,
            description: "A zone file (RFC 1035 section 5).",
            content: Content::Text("text/dns"),
        },
        ABSENT,
    ],
};

/// Answers `GET /api/v1/domains/` with a token.
pub(crate) async fn list(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    let query = query(&context)?;
    let is_owned = query.get("owns_qname").is_none_or(|name| {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        user.base.relative(name).is_some()
    });
    let mut domains = Vec::new();
    if is_owned {
        domains.push(load(&context, &user).await?);
    }
    Ok(HttpResponse::Ok().json(domains))
}

/// Answers `GET /api/v1/domains/{domain}/` with a token.
pub(crate) async fn show(context: Rc<RequestContext>, user: User) -> Result<HttpResponse, Failure> {
    absent(
        async {
            check_domain(&context, &user)?;
            let domain = Domain {
                keys: Some(Vec::new()),
                ..load(&context, &user).await?
            };
            Ok(HttpResponse::Ok().json(domain))
        }
        .await,
    )
}

async fn load(context: &RequestContext, user: &User) -> Result<Domain, Failure> {
    let store = context.app.store()?;
    let account = actions::load_account(store, user).await?;
    let records = actions::list_records(store, user).await?;
    let touched = records.iter().map(|record| record.updated_at).max();
    let created = account.user.created_at;
    Ok(Domain {
        created: created.rfc3339(),
        name: user.base.to_string(),
        minimum_ttl: context.app.config.limits.ttl.min.as_seconds(),
        published: touched.map(Timestamp::rfc3339),
        touched: touched.unwrap_or(created).rfc3339(),
        keys: None,
    })
}

/// Answers `GET /api/v1/domains/{domain}/zonefile/` with a token.
pub(crate) async fn zone_file(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    absent(
        async {
            check_domain(&context, &user)?;
            let records = actions::list_records(context.app.store()?, &user).await?;
            let rows: Vec<zone_file::ZoneRecord> = records.iter().map(Into::into).collect();
            let heading = format!("The records of {}", user.base);
            Ok(HttpResponse::Ok()
                // Without parameters, because desec-dns compares it; UTF-8 is the default
                // (RFC 4027).
                .content_type("text/dns")
                .insert_header((CACHE_CONTROL, "no-store"))
                .body(zone_file::write(&user.base, &heading, &rows)))
        }
        .await,
    )
}
