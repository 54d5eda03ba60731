//! The cases of the contract: one function each, with its own zone.

use aws_sdk_route53::types::{ChangeStatus, RrType};

use crate::sdk::{AllPages as _, Api, ZONE, create, delete, full_set, refused, set, upsert};

const BATCH: &str = "InvalidChangeBatch";
const INPUT: &str = "InvalidInput";

pub(crate) async fn a_new_zone_has_ns_and_soa(api: &Api) {
    let all = api
        .client
        .list_resource_record_sets()
        .hosted_zone_id(&api.zone_id)
        .all_pages()
        .await;
    let types: Vec<_> = all
        .iter()
        .map(|set| (set.name.as_str(), set.r#type.as_str()))
        .collect();
    assert_eq!(
        types,
        [("starchart.test.", "NS"), ("starchart.test.", "SOA")]
    );
}

pub(crate) async fn every_type_is_kept_as_given(api: &Api) {
    let rows: [(&str, &str, &[&str]); 8] = [
        ("a", "A", &["192.0.2.2", "192.0.2.1"]),
        ("aaaa", "AAAA", &["2001:db8::1"]),
        ("caa", "CAA", &["0 issue \"letsencrypt.org\""]),
        ("cname", "CNAME", &["target.example."]),
        ("mx", "MX", &["10 mail.example.", "20 mail2.example."]),
        ("ns", "NS", &["ns.example."]),
        ("srv", "SRV", &["1 2 443 host.example."]),
        ("txt", "TXT", &["\"one\" \"two\"", "\"<&>\""]),
    ];
    api.send(
        rows.iter()
            .map(|(name, rtype, values)| create(set(name, rtype, values))),
    )
    .await
    .unwrap();
    let all = api
        .client
        .list_resource_record_sets()
        .hosted_zone_id(&api.zone_id)
        .all_pages()
        .await;
    for (name, rtype, values) in rows {
        let wanted = set(name, rtype, values);
        assert!(all.contains(&wanted), "{wanted:?} is not in {all:?}");
    }
}

pub(crate) async fn create_over_an_existing_set(api: &Api) {
    api.send([create(set("www", "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    let about = "[Tried to create resource record set [name='www.starchart.test.', type='A'] but \
                 it already exists]";
    api.refuses([create(set("www", "A", &["192.0.2.2"]))], BATCH, about)
        .await;
    api.refuses([create(set("www", "A", &["192.0.2.1"]))], BATCH, about)
        .await;
}

pub(crate) async fn cname_beside_another_set(api: &Api) {
    api.send([create(set("www", "TXT", &["\"x\""]))])
        .await
        .unwrap();
    let about = "RRSet of type CNAME with DNS name www.starchart.test. is not permitted because a \
                 conflicting RRSet";
    api.refuses([create(set("www", "CNAME", &["x.example."]))], BATCH, about)
        .await;
    api.refuses([upsert(set("www", "CNAME", &["x.example."]))], BATCH, about)
        .await;
    let both = [
        create(set("new", "A", &["192.0.2.1"])),
        create(set("new", "CNAME", &["x.example."])),
    ];
    api.refuses(both, BATCH, "conflicting").await;
}

pub(crate) async fn another_set_beside_a_cname(api: &Api) {
    api.send([create(set("www", "CNAME", &["x.example."]))])
        .await
        .unwrap();
    let about = "RRSet of type A with DNS name www.starchart.test. is not permitted because a \
                 conflicting RRSet";
    api.refuses([create(set("www", "A", &["192.0.2.1"]))], BATCH, about)
        .await;
    let late = [
        create(set("www", "A", &["192.0.2.1"])),
        delete(set("www", "CNAME", &["x.example."])),
    ];
    api.refuses(late, BATCH, about).await;
}

pub(crate) async fn cname_at_the_apex(api: &Api) {
    api.refuses([create(set("@", "CNAME", &["x.example."]))], BATCH, "apex")
        .await;
}

pub(crate) async fn cname_with_two_values(api: &Api) {
    api.refuses(
        [create(set("www", "CNAME", &["x.example.", "y.example."]))],
        BATCH,
        "www",
    )
    .await;
}

pub(crate) async fn duplicate_values(api: &Api) {
    api.refuses(
        [create(set("www", "A", &["192.0.2.1", "192.0.2.1"]))],
        BATCH,
        "Duplicate",
    )
    .await;
    api.refuses(
        [create(set(
            "www",
            "AAAA",
            &["2001:db8::1", "2001:DB8:0::1"],
        ))],
        BATCH,
        "Duplicate",
    )
    .await;
}

pub(crate) async fn bad_values(api: &Api) {
    for (rtype, value, about) in [
        (
            "A",
            "192.0.2",
            "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with \
             '192.0.2'",
        ),
        ("A", "2001:db8::1", "ARRDATAIllegalIPv4Address"),
        ("AAAA", "192.0.2.1", "IPv6"),
        ("MX", "mail.example.", "MX"),
        ("MX", "x mail.example.", "MX"),
        ("MX", "65536 mail.example.", "MX"),
        (
            "TXT",
            "unquoted",
            "Value should be enclosed in quotation marks",
        ),
        ("TXT", "\"open", "quotation marks"),
        ("CNAME", "a..b", "Domain label is empty"),
        ("SRV", "1 2 host.", "SRV"),
        ("CAA", "0 issue letsencrypt.org", "quotation marks"),
    ] {
        api.refuses([create(set("bad", rtype, &[value]))], BATCH, about)
            .await;
    }
}

pub(crate) async fn text_too_long(api: &Api) {
    let fits = format!("\"{}\"", "a".repeat(255));
    let over = format!("\"{}\"", "a".repeat(256));
    api.refuses(
        [create(set("txt", "TXT", &[&over]))],
        BATCH,
        "CharacterStringTooLong",
    )
    .await;
    // 15 strings of 258 characters with their quotation marks and the space, and 130 more: 4,000.
    let longest =
        vec![fits.as_str(); 15].join(" ") + &format!(" \"{}\"", "b".repeat(4000 - 15 * 258 - 2));
    assert_eq!(longest.len(), 4000);
    api.send([create(set("txt", "TXT", &[&longest]))])
        .await
        .unwrap();
    let longer = longest.replace("bb", "bbb");
    api.refuses([create(set("txt2", "TXT", &[&longer]))], BATCH, "too long")
        .await;
}

pub(crate) async fn bad_names(api: &Api) {
    let fits = "a".repeat(63);
    let over = "a".repeat(64);
    api.send([create(set(&fits, "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    let long = [fits.as_str(); 4].join(".");
    for (name, about) in [
        (over.as_str(), "Domain label is too long"),
        ("a..b", "empty"),
        (&long, "too long"),
        ("a b", "unsupported"),
    ] {
        api.refuses([create(set(name, "A", &["192.0.2.1"]))], BATCH, about)
            .await;
    }
    api.refuses(
        [create(set("*", "NS", &["ns.example."]))],
        BATCH,
        "wildcard",
    )
    .await;
}

pub(crate) async fn name_outside_the_zone(api: &Api) {
    let outside = create(full_set("www.example.org.", "A", Some(300), &["192.0.2.1"]));
    api.refuses([outside], BATCH, "is not permitted in zone starchart.test.")
        .await;
}

pub(crate) async fn name_that_only_ends_like_the_zone(api: &Api) {
    for name in ["xstarchart.test.", "starchart.test.example.org."] {
        let outside = create(full_set(name, "A", Some(300), &["192.0.2.1"]));
        api.refuses([outside], BATCH, "is not permitted in zone starchart.test.")
            .await;
    }
}

pub(crate) async fn ttl_missing_or_out_of_range(api: &Api) {
    for ttl in [None, Some(-1), Some(2_147_483_648)] {
        let about = if ttl.is_none() { "TTL" } else { "tTL" };
        let change = create(full_set("www.starchart.test.", "A", ttl, &["192.0.2.1"]));
        api.refuses([change], INPUT, about).await;
    }
    let name = |name: &str| format!("{name}.{ZONE}");
    let edges = [("least", 0), ("most", 2_147_483_647)];
    api.send(
        edges.map(|(label, ttl)| create(full_set(&name(label), "A", Some(ttl), &["192.0.2.1"]))),
    )
    .await
    .unwrap();
    api.refuses([create(set("www", "A", &[]))], INPUT, "ResourceRecords")
        .await;
}

pub(crate) async fn empty_batch(api: &Api) {
    api.refuses([], INPUT, "changes").await;
}

pub(crate) async fn one_set_twice_in_a_batch(api: &Api) {
    let one = set("www", "A", &["192.0.2.1"]);
    let two = set("www", "A", &["192.0.2.2"]);
    let about = "invalid set of changes for a resource record set 'A www.starchart.test.'";
    api.refuses([create(one.clone()), create(two.clone())], BATCH, about)
        .await;
    api.refuses([upsert(one.clone()), upsert(two.clone())], BATCH, about)
        .await;
    api.refuses([create(one.clone()), delete(one.clone())], BATCH, about)
        .await;
    let upper = full_set("WWW.starchart.test", "A", Some(300), &["192.0.2.2"]);
    api.refuses([create(one), create(upper)], BATCH, about)
        .await;
}

pub(crate) async fn too_many_characters(api: &Api) {
    let value = format!("\"{}\"", "a".repeat(198));
    let names: Vec<String> = (0..161).map(|number| format!("t{number}")).collect();
    let changes = |count: usize| {
        names
            .iter()
            .take(count)
            .map(|name| set(name, "TXT", &[&value]))
            .collect::<Vec<_>>()
    };
    api.refuses(changes(161).into_iter().map(create), BATCH, "32000")
        .await;
    api.refuses(changes(81).into_iter().map(upsert), BATCH, "32000")
        .await;
    api.send(changes(160).into_iter().map(create))
        .await
        .unwrap();
    api.send(changes(80).into_iter().map(upsert)).await.unwrap();
}

fn many(count: usize) -> Vec<aws_sdk_route53::types::ResourceRecordSet> {
    (0..count)
        .map(|number| set(&format!("n{number:04}"), "A", &["192.0.2.1"]))
        .collect()
}

pub(crate) async fn too_many_records(api: &Api) {
    let refused = api
        .send(many(1001).into_iter().map(create))
        .await
        .unwrap_err();
    assert_eq!(refused.code, BATCH);
    let refused = api
        .send(many(501).into_iter().map(upsert))
        .await
        .unwrap_err();
    assert_eq!(refused.code, BATCH);
    assert_eq!(api.list().await, Vec::<String>::new());
}

pub(crate) async fn the_largest_batch(api: &Api) {
    api.send(many(1000).into_iter().map(create)).await.unwrap();
    api.send(many(500).into_iter().map(upsert)).await.unwrap();
    assert_eq!(api.list().await.len(), 1000);
}

pub(crate) async fn upsert_replaces(api: &Api) {
    api.send([upsert(set("www", "A", &["192.0.2.1", "192.0.2.2"]))])
        .await
        .unwrap();
    api.send([upsert(full_set(
        "www.starchart.test.",
        "A",
        Some(60),
        &["192.0.2.3"],
    ))])
    .await
    .unwrap();
    assert_eq!(api.list().await, ["www.starchart.test. A 60 192.0.2.3"]);
}

pub(crate) async fn delete_with_stale_values(api: &Api) {
    api.send([create(set("www", "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    api.send([upsert(set("www", "A", &["192.0.2.2"]))])
        .await
        .unwrap();
    let about = "[Tried to delete resource record set [name='www.starchart.test.', type='A'] but \
                 the values provided do not match the current values]";
    api.refuses([delete(set("www", "A", &["192.0.2.1"]))], BATCH, about)
        .await;
    api.refuses(
        [delete(set("www", "A", &["192.0.2.1", "192.0.2.2"]))],
        BATCH,
        about,
    )
    .await;
    api.send([delete(set("www", "A", &["192.0.2.2"]))])
        .await
        .unwrap();
}

pub(crate) async fn delete_absent(api: &Api) {
    api.send([
        create(set("www", "A", &["192.0.2.1"])),
        create(set("x.below", "A", &["192.0.2.1"])),
    ])
    .await
    .unwrap();
    let about = |name: &str, rtype: &str| {
        format!(
            "[Tried to delete resource record set [name='{name}.starchart.test.', \
             type='{rtype}'] but it was not found]"
        )
    };
    api.refuses(
        [delete(set("none", "A", &["192.0.2.1"]))],
        BATCH,
        &about("none", "A"),
    )
    .await;
    api.refuses(
        [delete(set("www", "AAAA", &["2001:db8::1"]))],
        BATCH,
        &about("www", "AAAA"),
    )
    .await;
    api.refuses(
        [delete(set("below", "A", &["192.0.2.1"]))],
        BATCH,
        &about("below", "A"),
    )
    .await;
}

pub(crate) async fn delete_needs_the_ttl_too(api: &Api) {
    api.send([create(set("www", "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    let other = full_set("www.starchart.test.", "A", Some(299), &["192.0.2.1"]);
    api.refuses(
        [delete(other)],
        BATCH,
        "but the values provided do not match the current values",
    )
    .await;
}

pub(crate) async fn delete_ignores_the_order_of_values(api: &Api) {
    api.send([create(set("www", "A", &["192.0.2.1", "192.0.2.2"]))])
        .await
        .unwrap();
    api.send([delete(set("www", "A", &["192.0.2.2", "192.0.2.1"]))])
        .await
        .unwrap();
    assert_eq!(api.list().await, Vec::<String>::new());
}

pub(crate) async fn replace_in_one_batch(api: &Api) {
    api.send([create(set("www", "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    api.send([
        delete(set("www", "A", &["192.0.2.1"])),
        create(set("www", "A", &["192.0.2.2"])),
    ])
    .await
    .unwrap();
    assert_eq!(api.list().await, ["www.starchart.test. A 300 192.0.2.2"]);
}

pub(crate) async fn replace_and_return_to_earlier_values(api: &Api) {
    replace_in_one_batch(api).await;
    api.send([
        delete(set("www", "A", &["192.0.2.2"])),
        create(set("www", "A", &["192.0.2.1"])),
    ])
    .await
    .unwrap();
    assert_eq!(api.list().await, ["www.starchart.test. A 300 192.0.2.1"]);
}

pub(crate) async fn a_becomes_cname_in_one_batch(api: &Api) {
    api.send([create(set("www", "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    api.send([
        delete(set("www", "A", &["192.0.2.1"])),
        create(set("www", "CNAME", &["x.example."])),
    ])
    .await
    .unwrap();
    assert_eq!(
        api.list().await,
        ["www.starchart.test. CNAME 300 x.example."]
    );
}

pub(crate) async fn upper_case_is_the_same_name(api: &Api) {
    api.send([create(full_set(
        "WwW.StarChart.TEST",
        "A",
        Some(300),
        &["192.0.2.1"],
    ))])
    .await
    .unwrap();
    assert_eq!(api.list().await, ["www.starchart.test. A 300 192.0.2.1"]);
    api.refuses(
        [create(set("www", "A", &["192.0.2.2"]))],
        BATCH,
        "already exists",
    )
    .await;
}

pub(crate) async fn wildcards_come_back_escaped(api: &Api) {
    api.send([
        create(set("*", "A", &["192.0.2.1"])),
        create(set("_dmarc.a!b", "TXT", &["\"x\""])),
    ])
    .await
    .unwrap();
    let listed = api.list().await;
    assert!(
        listed.contains(&"\\052.starchart.test. A 300 192.0.2.1".to_owned()),
        "{listed:?}"
    );
    assert!(
        listed.contains(&"_dmarc.a\\041b.starchart.test. TXT 300 \"x\"".to_owned()),
        "{listed:?}"
    );
    api.send([
        delete(set("\\052", "A", &["192.0.2.1"])),
        delete(set("_dmarc.a!b", "TXT", &["\"x\""])),
    ])
    .await
    .unwrap();
    assert_eq!(api.list().await, Vec::<String>::new());
}

pub(crate) async fn escapes_in_texts(api: &Api) {
    let typed = r#""a\"b\\c\303\274""#;
    api.send([create(set("txt", "TXT", &[typed]))])
        .await
        .unwrap();
    assert_eq!(
        api.list().await,
        [format!("txt.starchart.test. TXT 300 {typed}")]
    );
    api.refuses(
        [create(set("t2", "TXT", &["\"ü\""]))],
        BATCH,
        "unsupported characters",
    )
    .await;
    api.refuses([create(set("t2", "TXT", &[r#""\x""#]))], BATCH, "octal")
        .await;
    api.send([delete(set("txt", "TXT", &[r#""\141\042b\134c\303\274""#]))])
        .await
        .unwrap();
}

pub(crate) async fn a_batch_is_all_or_nothing(api: &Api) {
    api.send([create(set("old", "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    let changes = [
        delete(set("old", "A", &["192.0.2.1"])),
        create(set("good", "A", &["192.0.2.1"])),
        create(set("bad1", "A", &["not an address"])),
        delete(set("bad2", "A", &["192.0.2.1"])),
    ];
    let refused = api.send(changes).await.unwrap_err();
    assert!(
        refused.message.contains("not an address") && refused.message.contains("bad2"),
        "one message for each fault"
    );
    assert_eq!(api.list().await, ["old.starchart.test. A 300 192.0.2.1"]);
}

pub(crate) async fn apex_ns_and_soa_stay(api: &Api) {
    let all = api
        .client
        .list_resource_record_sets()
        .hosted_zone_id(&api.zone_id)
        .all_pages()
        .await;
    for apex in all {
        let about = if apex.r#type == RrType::Soa {
            "SOA record"
        } else {
            "NS record"
        };
        api.refuses([delete(apex)], BATCH, about).await;
    }
}

pub(crate) async fn pages_of_at_most_300(api: &Api) {
    api.send(many(700).into_iter().map(create)).await.unwrap();
    let call = api
        .client
        .list_resource_record_sets()
        .hosted_zone_id(&api.zone_id);
    let page = call.clone().max_items(1000).send().await.unwrap();
    assert_eq!(
        (page.resource_record_sets.len(), page.is_truncated),
        (300, true)
    );
    assert_eq!(
        page.next_record_name(),
        Some("n0298.starchart.test."),
        "NS and SOA come first"
    );
    let refused = refused(call.max_items(0).send().await.unwrap_err());
    assert_eq!(refused.code, INPUT);
}

pub(crate) async fn pages_meet(api: &Api) {
    api.send(many(25).into_iter().map(create)).await.unwrap();
    let call = api
        .client
        .list_resource_record_sets()
        .hosted_zone_id(&api.zone_id)
        .max_items(4);
    let mut names: Vec<_> = call
        .all_pages()
        .await
        .into_iter()
        .map(|set| set.name)
        .collect();
    names.retain(|name| name.starts_with('n'));
    let all: Vec<_> = many(25).into_iter().map(|set| set.name).collect();
    assert_eq!(names, all, "each once, and in order");
}

pub(crate) async fn listing_starts_where_asked(api: &Api) {
    let sets = [
        set("b", "A", &["192.0.2.1"]),
        set("b", "TXT", &["\"x\""]),
        set("x.b", "A", &["192.0.2.1"]),
        set("c", "A", &["192.0.2.1"]),
    ];
    api.send(sets.map(create)).await.unwrap();
    let call = api
        .client
        .list_resource_record_sets()
        .hosted_zone_id(&api.zone_id)
        .start_record_name("b.starchart.test.");
    let page = call
        .clone()
        .start_record_type(RrType::Txt)
        .send()
        .await
        .unwrap();
    let names: Vec<_> = page
        .resource_record_sets
        .iter()
        .map(|set| (set.name.as_str(), set.r#type.as_str()))
        .collect();
    let rest = [
        ("b.starchart.test.", "TXT"),
        ("x.b.starchart.test.", "A"),
        ("c.starchart.test.", "A"),
    ];
    assert_eq!(names, rest, "children before siblings");
    assert_eq!(call.send().await.unwrap().resource_record_sets.len(), 4);
}

pub(crate) async fn changes_are_in_sync_at_last(api: &Api) {
    let id = api
        .send([create(set("www", "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    let change = api.client.get_change().id(id).send().await.unwrap();
    assert_eq!(
        change.change_info().unwrap().status(),
        &ChangeStatus::Insync
    );
}

pub(crate) async fn unknown_change(api: &Api) {
    let refused = refused(
        api.client
            .get_change()
            .id("C000000000000X")
            .send()
            .await
            .unwrap_err(),
    );
    assert_eq!(refused.code, "NoSuchChange");
}

pub(crate) async fn unknown_zone(api: &Api) {
    let other = Api {
        zone_id: "Z0NOTTHERE".into(),
        ..api.clone()
    };
    assert_eq!(
        other
            .send([create(set("www", "A", &["192.0.2.1"]))])
            .await
            .unwrap_err()
            .code,
        "NoSuchHostedZone"
    );
    let listed = api
        .client
        .list_resource_record_sets()
        .hosted_zone_id("Z0NOTTHERE")
        .send()
        .await;
    assert_eq!(refused(listed.unwrap_err()).code, "NoSuchHostedZone");
    let zone = api.client.get_hosted_zone().id("Z0NOTTHERE").send().await;
    assert_eq!(refused(zone.unwrap_err()).code, "NoSuchHostedZone");
}

pub(crate) async fn the_zone_names_its_servers(api: &Api) {
    let zone = api
        .client
        .get_hosted_zone()
        .id(format!("/hostedzone/{}", api.zone_id))
        .send()
        .await
        .unwrap();
    assert_eq!(zone.hosted_zone().unwrap().name(), "starchart.test.");
    assert!(!zone.delegation_set().unwrap().name_servers().is_empty());
}
