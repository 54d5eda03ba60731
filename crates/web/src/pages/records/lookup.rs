//! What the name servers answer for a record, and the command to ask them.

use std::rc::Rc;

use actix_web::HttpResponse;
use askama::Template;
use starchart_store::records::Record;

use super::list::missing_record;
use super::{find_own, poll_for_s, state};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::{Layout, filters};
use crate::responses;

/// `GET /dns-records/{id}/lookup`: what the name servers answer, and the command to ask them.
#[derive(Debug, Clone, Template)]
#[template(path = "records/lookup.html")]
pub(crate) struct LookupPage {
    pub(crate) layout: Layout,
    pub(crate) record: Record,
    /// Host and port of the name server to ask, when it is not the public DNS.
    pub(crate) server: Option<(String, u16)>,
    /// For how many seconds the page polls for the state; 0 when nothing changed recently.
    pub(crate) poll_for_s: u32,
}

impl LookupPage {
    fn state_meaning(&self) -> String {
        state::meaning(&self.record.state, self.layout.provider)
    }

    /// Returns the `dig` command. Of the characters in names, shells read `*` only.
    fn dig_command(&self) -> String {
        let Self { record, server, .. } = self;
        let name = match record.name.contains('*') {
            true => format!("'{}'", record.name),
            false => record.name.clone(),
        };
        match server {
            Some((host, port)) => {
                format!("dig @{host} -p {port} +short {name} {}", record.rtype)
            }
            None => format!("dig +short {name} {}", record.rtype),
        }
    }
}

/// Shows what the name servers answered for a record, and the command to ask them
/// (`GET /dns-records/{id}/lookup`).
pub(crate) async fn lookup(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let Some(record) = find_own(&context, &user).await? else {
        return missing_record(&context, &user).await;
    };
    let now = context.app.store()?.now().await?;
    let poll_for_s = poll_for_s(std::slice::from_ref(&record), now);
    let server = context.app.config.lookup_server.clone();
    responses::ok(&LookupPage {
        layout: context.layout(),
        record,
        server,
        poll_for_s,
    })
}
