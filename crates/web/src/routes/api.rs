//! The routes of the API.

use actix_web::http::Method;

use super::{Handler, Route, RouteRateLimit, get, unsafe_route};
use crate::api::channel::Channel;
use crate::api::rest::operation::Operation;
use crate::api::{acme_dns, dyndns, httpreq, powerdns, rest};

/// The first route that matches a path serves it: fixed paths come before parameters.
pub(super) static ROUTES: &[Route] = routes! {
    GET "/api/v1/auth/tokens/" Token rest::tokens::list,
        channel(Channel::Rest), describe(&rest::tokens::LIST);
    GET "/api/v1/auth/tokens/{id}/" Token rest::tokens::show,
        channel(Channel::Rest), describe(&rest::tokens::SHOW);
    DELETE "/api/v1/auth/tokens/{id}/" Token rest::tokens::end,
        channel(Channel::Rest), describe(&rest::tokens::END);

    GET "/api/openapi.json" Public rest::openapi::show, channel(Channel::Rest);
    GET "/api/v1/domains/" Token rest::domains::list,
        channel(Channel::Rest), describe(&rest::domains::LIST);
    GET "/api/v1/domains/{domain}/" Token rest::domains::show,
        channel(Channel::Rest), describe(&rest::domains::SHOW);
    GET "/api/v1/domains/{domain}/zonefile/" Token rest::domains::zone_file,
        channel(Channel::Rest), describe(&rest::domains::ZONE_FILE);
    GET "/api/v1/domains/{domain}/rrsets/" Token rest::rrsets::list,
        channel(Channel::Rest), describe(&rest::rrsets::LIST);
    POST "/api/v1/domains/{domain}/rrsets/" Token rest::rrsets::create,
        channel(Channel::Rest), describe(&rest::rrsets::CREATE),
        text_of_records();
    PATCH "/api/v1/domains/{domain}/rrsets/" Token rest::rrsets::update,
        channel(Channel::Rest), describe(&rest::rrsets::UPDATE),
        text_of_records();
    PUT "/api/v1/domains/{domain}/rrsets/" Token rest::rrsets::replace,
        channel(Channel::Rest), describe(&rest::rrsets::REPLACE),
        text_of_records();
    GET "/api/v1/domains/{domain}/rrsets/{subname}/{type}/" Token rest::rrsets::show,
        channel(Channel::Rest), describe(&rest::rrsets::SHOW);
    PATCH "/api/v1/domains/{domain}/rrsets/{subname}/{type}/" Token rest::rrsets::update_one,
        channel(Channel::Rest), describe(&rest::rrsets::UPDATE_ONE),
        text_of_records();
    PUT "/api/v1/domains/{domain}/rrsets/{subname}/{type}/" Token rest::rrsets::replace_one,
        channel(Channel::Rest), describe(&rest::rrsets::REPLACE_ONE),
        text_of_records();
    DELETE "/api/v1/domains/{domain}/rrsets/{subname}/{type}/" Token rest::rrsets::delete,
        channel(Channel::Rest), describe(&rest::rrsets::DELETE);
    GET "/api/v1/records/" Token rest::records::list,
        channel(Channel::Rest), describe(&rest::records::LIST);
    POST "/api/v1/records/" Token rest::records::create,
        channel(Channel::Rest), describe(&rest::records::CREATE);
    GET "/api/v1/records/{id}/" Token rest::records::show,
        channel(Channel::Rest), describe(&rest::records::SHOW);
    PATCH "/api/v1/records/{id}/" Token rest::records::update,
        channel(Channel::Rest), describe(&rest::records::UPDATE);
    DELETE "/api/v1/records/{id}/" Token rest::records::delete,
        channel(Channel::Rest), describe(&rest::records::DELETE);
    POST "/api/v1/records/{id}/renew/" Token rest::records::renew,
        channel(Channel::Rest), describe(&rest::records::RENEW);
    GET "/api/v1/history/" Token rest::history::list,
        channel(Channel::Rest), describe(&rest::history::LIST);
    GET "/api/v1/certificate/" Token rest::certificate::show,
        channel(Channel::Rest), describe(&rest::certificate::SHOW);
    POST "/api/v1/certificate/" Token rest::certificate::request,
        channel(Channel::Rest), describe(&rest::certificate::REQUEST);
    // Only handing out a key counts as a write.
    GET "/api/v1/certificate/{part}/" Token rest::certificate::part,
        channel(Channel::Rest), describe(&rest::certificate::PART);
    GET "/api/v1/certificate/{part}" Token rest::certificate::part, channel(Channel::Rest);
    GET "/api/v1/account/" Token rest::account::show,
        channel(Channel::Rest), describe(&rest::account::SHOW);

    // dns-lexicon sends a body with every request.
    GET "/api" Token powerdns::versions,
        channel(Channel::PowerDns), ignored_body();
    GET "/api/v1/servers" Token powerdns::servers,
        channel(Channel::PowerDns), ignored_body();
    GET "/api/v1/servers/{server}" Token powerdns::server,
        channel(Channel::PowerDns), ignored_body();
    GET "/api/v1/servers/{server}/zones" Token powerdns::zones,
        channel(Channel::PowerDns), ignored_body();
    GET "/api/v1/servers/{server}/zones/{zone}" Token powerdns::zone,
        channel(Channel::PowerDns), ignored_body();
    PATCH "/api/v1/servers/{server}/zones/{zone}" Token powerdns::change_zone,
        channel(Channel::PowerDns), text_of_records();
    PUT "/api/v1/servers/{server}/zones/{zone}/notify" Token powerdns::notify,
        channel(Channel::PowerDns), limit(RouteRateLimit::None);

    POST "/httpreq/present" Token httpreq::present, channel(Channel::Httpreq);
    POST "/httpreq/present/" Token httpreq::present, channel(Channel::Httpreq);
    POST "/httpreq/cleanup" Token httpreq::cleanup, channel(Channel::Httpreq);
    POST "/httpreq/cleanup/" Token httpreq::cleanup, channel(Channel::Httpreq);

    GET "/acme-dns/health" Public acme_dns::health, channel(Channel::AcmeDns);
    POST "/acme-dns/register" Token acme_dns::register, channel(Channel::AcmeDns);
    POST "/acme-dns/update" Token acme_dns::update, channel(Channel::AcmeDns);
    POST "/acme-dns/update/" Token acme_dns::update, channel(Channel::AcmeDns);

    // They count as writes only when they change something. Routers follow no redirect to the path
    // without the slash.
    GET "/nic/update" Token dyndns::update_dyndns2, channel(Channel::DynDns);
    GET "/nic/update/" Token dyndns::update_dyndns2, channel(Channel::DynDns);
    GET "/nic/address" Public dyndns::show_address, channel(Channel::DynDns);
    GET "/dyndns/update" Token dyndns::update_desec, channel(Channel::DynDns);
    GET "/dyndns/update/" Token dyndns::update_desec, channel(Channel::DynDns);
};

/// A route of the REST API with its description.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DescribedRoute {
    pub(crate) method: &'static Method,
    pub(crate) path: &'static str,
    pub(crate) operation: &'static Operation,
}

/// Returns the routes of the REST API, in the order of the table.
pub(crate) fn described() -> impl Iterator<Item = DescribedRoute> {
    let infos = ROUTES.iter().map(|route| &route.info);
    infos.filter_map(|info| {
        Some(DescribedRoute {
            method: &info.method,
            path: info.path,
            operation: info.operation?,
        })
    })
}
