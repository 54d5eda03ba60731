//! Tests of the conversion from Route53's types, and of its pages.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
use aws_sdk_route53::types::builders::ResourceRecordSetBuilder;
use aws_sdk_route53::types::{
    AliasTarget, CidrRoutingConfig, GeoLocation, GeoProximityLocation, ResourceRecordSetFailover,
    ResourceRecordSetRegion,
};

use super::*;

fn builder() -> ResourceRecordSetBuilder {
    let record = ResourceRecord::builder().value("192.0.2.1").build();
    ResourceRecordSet::builder()
        .name("www.user1.starchart.com.")
        .r#type(RrType::A)
        .ttl(300)
        .resource_records(record.unwrap())
}

fn alias_target() -> AliasTarget {
    let target = AliasTarget::builder()
        .hosted_zone_id("Z1")
        .dns_name("lb.example.com.")
        .evaluate_target_health(false);
    target.build().unwrap()
}

fn cidr() -> CidrRoutingConfig {
    let config = CidrRoutingConfig::builder()
        .collection_id("one")
        .location_name("*");
    config.build().unwrap()
}

/// An RRset with any other routing policy than the simple one is never ours.
#[test]
fn every_routing_policy_is_recognized() {
    let simple = zone_rrset(&builder().build().unwrap());
    assert!(simple.is_simple);
    assert_eq!(simple.name, "www.user1.starchart.com");
    assert_eq!(simple.body().unwrap().ttl, 300);
    type With = fn(ResourceRecordSetBuilder) -> ResourceRecordSetBuilder;
    let policies: [(&str, With); 11] = [
        ("alias", |set| set.alias_target(alias_target())),
        ("set identifier", |set| set.set_identifier("one")),
        ("weight", |set| set.weight(1)),
        ("latency", |set| {
            set.region(ResourceRecordSetRegion::UsEast1)
        }),
        ("geolocation", |set| {
            set.geo_location(GeoLocation::builder().build())
        }),
        ("geoproximity", |set| {
            set.geo_proximity_location(GeoProximityLocation::builder().build())
        }),
        ("IP addresses", |set| set.cidr_routing_config(cidr())),
        ("failover", |set| {
            set.failover(ResourceRecordSetFailover::Primary)
        }),
        ("multivalue", |set| set.multi_value_answer(false)),
        ("health check", |set| set.health_check_id("one")),
        ("traffic policy", |set| {
            set.traffic_policy_instance_id("one")
        }),
    ];
    for (policy, with) in policies {
        let set = zone_rrset(&with(builder()).build().unwrap());
        assert!(!set.is_simple && set.body().is_none(), "{policy}");
    }
}

#[test]
fn the_next_page_begins_where_this_one_says() {
    let page = |is_truncated| {
        ListResourceRecordSetsOutput::builder()
            .set_resource_record_sets(Some(Vec::new()))
            .is_truncated(is_truncated)
            .max_items(300)
    };
    let next = |page: ListResourceRecordSetsOutput| next_page(&page);
    assert_eq!(next(page(false).build().unwrap()), Ok(None));
    let nameless = next(page(true).build().unwrap());
    assert!(
        matches!(nameless, Err(ProviderError::NoAnswer(_))),
        "{nameless:?}"
    );
    let start = PageStart {
        name: Some("www.".to_owned()),
        rtype: Some(RrType::Txt),
        identifier: Some("one".to_owned()),
    };
    let full = page(true)
        .next_record_name("www.")
        .next_record_type(RrType::Txt)
        .next_record_identifier("one");
    assert_eq!(next(full.build().unwrap()), Ok(Some(start)));
}

fn route53(requests_per_second: u32) -> Route53 {
    let secret = || Secret::new("hunter2");
    Route53::new(&Route53Config {
        hosted_zone_id: "Z1".to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: secret(),
        secret_access_key: secret(),
        session_token: Some(secret()),
        endpoint_url: None,
        requests_per_second,
    })
}

#[test]
fn debug_output_names_the_zone_and_no_key() {
    let text = format!("{:?}", route53(4));
    assert_eq!(text, "Route53 { zone_id: \"Z1\", .. }");
}

#[tokio::test(start_paused = true)]
async fn changes_wait_for_the_rate_limit() {
    let zone = route53(2);
    let wait = || tokio::time::timeout(Duration::from_secs(1), zone.wait_for_change());
    for expected in [true, true, false, true] {
        assert_eq!(wait().await.is_ok(), expected);
    }
}
