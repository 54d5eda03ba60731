//! The download of all records as a zone file.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use starchart_domain::zone_file::{self, ZoneRecord};
use starchart_store::records;

use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

/// Sends the user's records as a zone file (`GET /dns-records/zone-file`).
pub(crate) async fn zone_file(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let store = context.app.store()?;
    let all = records::list(store, user.id).await?;
    let records: Vec<ZoneRecord> = all.iter().map(ZoneRecord::from).collect();
    let heading = format!(
        "The DNS records of {} at {}",
        user.base,
        store.now().await?.to_minute()
    );
    let file = format!("attachment; filename=\"{}.zone\"", user.base);
    Ok(HttpResponse::Ok()
        // RFC 4027
        .content_type("text/dns; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, file))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(zone_file::write(&user.base, &heading, &records)))
}
