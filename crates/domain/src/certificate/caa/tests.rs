#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;

const BASE: &str = "user1.starchart.com";

#[test]
fn the_closest_caa_rrset_decides() {
    let le = vec!["letsencrypt.org".to_owned()];
    for (records, forbidden_by) in [
        (vec![], None),
        (vec![(BASE, r#"0 issue "letsencrypt.org""#)], None),
        (vec![(BASE, r#"0 issue "LetsEncrypt.org""#)], None),
        (
            vec![(
                BASE,
                r#"0 issue "letsencrypt.org; validationmethods=dns-01""#,
            )],
            None,
        ),
        (vec![(BASE, r#"0 issue "ca.example""#)], Some(BASE)),
        (vec![(BASE, r#"0 issue ";""#)], Some(BASE)),
        (vec![(BASE, r#"0 issue """#)], Some(BASE)),
        (
            vec![
                (BASE, r#"0 issue "ca.example""#),
                (BASE, r#"0 issue "letsencrypt.org""#),
            ],
            None,
        ),
        // issuewild outranks issue for the wildcard.
        (
            vec![
                (BASE, r#"0 issue "letsencrypt.org""#),
                (BASE, r#"0 issuewild "ca.example""#),
            ],
            Some(BASE),
        ),
        (
            vec![
                (BASE, r#"0 issue "letsencrypt.org""#),
                (BASE, r#"0 issuewild ";""#),
            ],
            Some(BASE),
        ),
        // The certificate has the domain itself too, for which issue counts.
        (
            vec![
                (BASE, r#"0 issue "ca.example""#),
                (BASE, r#"0 issuewild "letsencrypt.org""#),
            ],
            Some(BASE),
        ),
        (vec![(BASE, r#"0 issuewild "letsencrypt.org""#)], None),
        (vec![(BASE, r#"0 issuewild "ca.example""#)], Some(BASE)),
        // No property restricts issuance.
        (vec![(BASE, r#"0 iodef "mailto:x@example.com""#)], None),
        (vec![(BASE, r#"128 newtag "x""#)], Some(BASE)),
        (vec![(BASE, r#"0 newtag "x""#)], None),
        // Names below and beside the domain do not count; names above do.
        (vec![("www.user1.starchart.com", r#"0 issue ";""#)], None),
        (vec![("user2.starchart.com", r#"0 issue ";""#)], None),
        (
            vec![("starchart.com", r#"0 issue ";""#)],
            Some("starchart.com"),
        ),
        (
            vec![
                ("starchart.com", r#"0 issue ";""#),
                (BASE, r#"0 issue "letsencrypt.org""#),
            ],
            None,
        ),
    ] {
        let found = issuance_forbidden(BASE, records.iter().copied(), &le);
        assert_eq!(
            found.map(|found| found.name).as_deref(),
            forbidden_by,
            "{records:?}"
        );
    }
}

#[test]
fn an_authority_may_have_several_domains() {
    let both = ["pki.goog".to_owned(), "google.com".to_owned()];
    let records = [(BASE, r#"0 issue "google.com""#)];
    assert_eq!(issuance_forbidden(BASE, records, &both), None);
}

#[test]
fn parameters_limit_what_a_property_allows() {
    use Permission::{No, OneAccount, OtherMethods, Yes};
    let le = vec!["letsencrypt.org".to_owned()];
    for (values, expected) in [
        (&["letsencrypt.org; validationmethods=dns-01"][..], Yes),
        (&["letsencrypt.org; validationmethods=http-01,dns-01"], Yes),
        (&["letsencrypt.org; ValidationMethods=dns-01"], Yes),
        (
            &["letsencrypt.org; validationmethods=http-01"],
            OtherMethods,
        ),
        (&["letsencrypt.org; validationmethods=DNS-01"], OtherMethods),
        (&["letsencrypt.org; validationmethods="], OtherMethods),
        (
            &["letsencrypt.org; validationmethods=dns-01; validationmethods=http-01"],
            OtherMethods,
        ),
        (
            &["letsencrypt.org; accounturi=https://a.example/1"],
            OneAccount,
        ),
        (
            &["letsencrypt.org; accounturi=https://a.example/1; validationmethods=http-01"],
            OtherMethods,
        ),
        (
            &["letsencrypt.org; accounturi=https://a.example/1; accounturi=https://a.example/1"],
            No,
        ),
        // The best property counts.
        (
            &[
                "letsencrypt.org; accounturi=https://a.example/1",
                "letsencrypt.org",
            ],
            Yes,
        ),
        (
            &[
                "letsencrypt.org; validationmethods=http-01",
                "letsencrypt.org; accounturi=https://a.example/1",
            ],
            OneAccount,
        ),
        // Those of another authority do not count.
        (&["ca.example; accounturi=https://a.example/1"], No),
        // Parameters of the authority's own are not judged; malformed ones allow nothing.
        (&["letsencrypt.org; policy=ev"], Yes),
        (&["letsencrypt.org; policy"], No),
        (&["letsencrypt.org;"], Yes),
    ] {
        let values: Vec<_> = values
            .iter()
            .map(|value| format!("0 issue \"{value}\""))
            .collect();
        let records = values.iter().map(|value| (BASE, value.as_str()));
        let found = issuance_forbidden(BASE, records, &le);
        assert_eq!(
            found.map_or(Yes, |found| found.permission),
            expected,
            "{values:?}"
        );
    }
}

#[test]
fn a_change_is_reported_when_it_makes_things_worse() {
    let le = vec!["letsencrypt.org".to_owned()];
    let yes = &[(BASE, r#"0 issue "letsencrypt.org""#)][..];
    let account = &[(
        BASE,
        r#"0 issue "letsencrypt.org; accounturi=https://a.example/1""#,
    )][..];
    let no = &[(BASE, r#"0 issue "ca.example""#)][..];
    let method = &[(
        BASE,
        r#"0 issue "letsencrypt.org; validationmethods=http-01""#,
    )][..];
    for (before, after, is_new) in [
        (&[][..], &[][..], false),
        (&[], yes, false),
        (&[], account, true),
        (yes, account, true),
        (account, account, false),
        (account, no, true),
        (account, method, true),
        (no, account, false),
        (no, method, false),
        (no, no, false),
        (yes, no, true),
        (no, &[], false),
    ] {
        let found = newly_forbidden(BASE, before, after, &le);
        assert_eq!(found.is_some(), is_new, "{before:?} -> {after:?}");
    }
}

#[test]
fn a_permission_ends_when_the_record_that_gives_it_expires_first() {
    let le = vec!["letsencrypt.org".to_owned()];
    let day = |day: i64| Timestamp::from_millis(day * DAY_MS + 1_000);
    let ours = r#"0 issue "letsencrypt.org""#;
    let other = r#"0 issue "ca.example""#;
    for (records, on) in [
        (vec![], None),
        (vec![(BASE, ours, day(10))], None),
        (
            vec![(BASE, ours, day(10)), (BASE, other, day(20))],
            Some(10),
        ),
        (vec![(BASE, other, day(10)), (BASE, ours, day(20))], None),
        // Both expire on one day, in whatever order.
        (
            vec![(BASE, ours, day(10)), (BASE, other, day(10).plus(60_000))],
            None,
        ),
        (
            vec![
                (BASE, ours, day(10)),
                (BASE, ours, day(15)),
                (BASE, other, day(20)),
            ],
            Some(15),
        ),
        // The records of the closest name hide those above until they expire.
        (
            vec![(BASE, ours, day(10)), ("starchart.com", other, day(20))],
            Some(10),
        ),
        (
            vec![
                ("www.user1.starchart.com", other, day(20)),
                (BASE, ours, day(10)),
            ],
            None,
        ),
    ] {
        let found = forbidden_by_expiry(BASE, &records, &le);
        let found = found.map(|(at, _)| at.as_millis() / DAY_MS);
        assert_eq!(found, on, "{records:?}");
    }
}

#[test]
fn the_text_says_what_is_wrong_and_what_is_not_known() {
    let le = vec!["letsencrypt.org".to_owned()];
    for (parameters, sentence) in [
        (
            "validationmethods=http-01",
            "do not allow letsencrypt.org to issue certificates for *.user1.starchart.com with the \
             validation method dns-01, which this service uses. A CAA record of",
        ),
        (
            "accounturi=https://a.example/1",
            "allow only the account in accounturi to issue certificates for *.user1.starchart.com, \
             and we cannot check whether that is the account of this service. A CAA record of",
        ),
    ] {
        let value = format!(r#"0 issue "letsencrypt.org; {parameters}""#);
        let text = issuance_forbidden(BASE, [(BASE, value.as_str())], &le)
            .unwrap()
            .to_string();
        assert!(text.contains(sentence), "{text}");
    }
}
