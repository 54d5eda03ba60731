#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod samples;
mod tags;

use std::collections::BTreeSet;

use askama::Template;
use samples::{NOW, pages, record, signed_in};
use starchart_domain::publish::PublishState;
use starchart_domain::record::{RecordType, form_parts};
use tags::{Tag, skeleton, tags};

use crate::list_query::ListQuery;
use crate::pages::SupportContact;
use crate::pages::records::RecordsPage;

/// Texts that would have an effect if a page did not escape them.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\" autofocus onfocus=\"alert(1)",
    "</title><script src=//evil.example></script>",
    "</textarea></select></option><svg onload=alert(1)>",
    "javascript:alert(1)",
    "--><style>*{display:none}</style><!--",
    "&lt;script&gt;&#60;b&#62;",
    "{{ 7 * 7 }}{% raw %}",
    "\u{202e}\u{0}\r\n<b>x</b>",
    "`onclick=alert(1)`",
];

#[test]
fn the_certificate_page_has_the_words_of_the_original() {
    let all = pages(&|sample| sample.to_owned());
    let page = |name: &str| &all.iter().find(|(known, _)| *known == name).unwrap().1;
    for html in ["certificate", "certificate-failed"].map(page) {
        assert!(html.contains(">Request a Certificate</button>") && !html.contains("http-equiv"));
    }
    assert!(page("certificate").contains("*.user1.starchart.com"));
    assert!(page("certificate-failed").contains(">Request Unsuccessful</h2>"));
    assert!(page("certificate-failed").contains("did not find the TXT record"));
    assert!(page("certificate-renewal-failed").contains("stays usable until 2027-02-19 09:30 UTC"));
    let pending = page("certificate-pending");
    assert!(pending.contains(
        "We have received your request, and will notify you by email when your certificate is \
         ready."
    ));
    assert!(
        pending.contains("2 of 4 name servers answer with it.")
            && !pending.contains("Request a Certificate")
    );
    assert!(
        pending.contains(
            "<noscript><meta http-equiv=\"refresh\" content=\"3; url=?reload\"></noscript>"
        )
    );
    assert!(page("certificate-waiting").contains("<strong>2026-11-22 09:30 UTC</strong>"));
    let issued = page("certificate-issued");
    for heading in [
        "Public Certificate",
        "Private Key",
        "Intermediate Chain",
        "Full Chain",
    ] {
        assert!(issued.contains(&format!(">{heading}</h3>")), "{heading}");
        for verb in ["Copy", "Download"] {
            assert!(
                issued.contains(&format!(
                    "{verb}<span class=\"visually-hidden\"> {heading}</span>"
                )),
                "{verb} {heading}"
            );
        }
    }
    assert!(
        issued.contains("disabled>Renew</button>")
            && issued.contains("You can renew it from 2027-01-20 09:30 UTC.")
    );
    assert!(
        page("certificate-renewal-failed")
            .contains("aria-describedby=\"renew-when\">Renew</button>")
    );
    for tab in ["General", "Node.js", "AWS", "NGINX"] {
        assert!(issued.contains(&format!(">{tab}</a>")), "{tab}");
    }
    assert!(
        issued.contains("Are you sure? You can't undo this action afterwards.")
            && issued.contains("It is not revoked")
    );
    let withheld = page("certificate-withheld");
    assert!(
        !withheld.contains("download/privateKey")
            && withheld.contains("Only the owner can get the private key")
    );
    assert!(
        page("certificate-off").contains("Contact:")
            && !page("certificate-off").contains("Request a Certificate")
    );
}

#[test]
fn hostile_text_never_becomes_markup() {
    for hostile in HOSTILE {
        // A field whose text has line breaks is another element.
        let lines = if hostile.contains('\n') { "\n" } else { "" };
        let samples = pages(&|sample| format!("{sample}{lines}"));
        for ((name, harmless), (_, attacked)) in
            samples.iter().zip(pages(&|_| (*hostile).to_owned()))
        {
            assert_eq!(
                skeleton(harmless),
                skeleton(&attacked),
                "{name} with {hostile}"
            );
        }
    }
}

#[test]
fn pages_comply_with_the_content_security_policy() {
    for (name, html) in pages(&|sample| sample.to_owned()) {
        for tag in tags(&html) {
            for (key, value) in &tag.attributes {
                assert!(
                    !key.starts_with("on") && key != "style",
                    "{name}: {key} on {}",
                    tag.name
                );
                if name == "error-421" && key == "href" && value == "https://domains.example.edu" {
                    continue;
                }
                if ["href", "src", "action", "formaction"].contains(&key.as_str()) {
                    assert!(
                        value.starts_with('/') || value.starts_with('#'),
                        "{name}: {key}={value}"
                    );
                    assert!(!value.starts_with("//"), "{name}: {key}={value}");
                }
            }
            assert_ne!(tag.name, "style", "{name}");
            if tag.name == "script" {
                assert!(
                    tag.get("src").is_some() && tag.text.is_empty(),
                    "{name}: inline script"
                );
            }
        }
    }
}

#[test]
fn the_tag_scanner_finds_handlers_and_inline_scripts() {
    let found =
        tags("<p onclick=\"x()\">a</p>\n<script>alert(1)</script><img src=\"x\" onerror=\"y\"/>");
    let names: Vec<_> = found.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(names, ["p", "script", "img"]);
    assert_eq!(found[0].get("onclick"), Some("x()"));
    assert_eq!(found[1].text, "alert(1)");
    assert_eq!(found[2].get("onerror"), Some("y"));
}

#[test]
fn every_post_form_has_a_csrf_token_and_every_field_a_label() {
    for (name, html) in pages(&|sample| sample.to_owned()) {
        let all = tags(&html);
        let posts = |tag: &&Tag| tag.name == "form" && tag.get("method") == Some("post");
        let forms = all.iter().filter(posts).count();
        let tokens = all
            .iter()
            .filter(|tag| {
                tag.get("name") == Some("csrf_token") && tag.get("value") == Some("token")
            })
            .count();
        assert_eq!(forms, tokens, "{name}");
        let labelled: BTreeSet<_> = all
            .iter()
            .filter(|tag| tag.name == "label")
            .filter_map(|tag| tag.get("for"))
            .collect();
        let ids: Vec<_> = all.iter().filter_map(|tag| tag.get("id")).collect();
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "{name}: duplicate id"
        );
        for tag in all
            .iter()
            .filter(|tag| tag.name == "input" || tag.name == "select")
        {
            if !matches!(tag.get("type"), Some("hidden" | "radio")) {
                assert!(
                    tag.get("id").is_some_and(|id| labelled.contains(id)),
                    "{name}: {:?}",
                    tag.get("name")
                );
            }
        }
        for key in ["aria-describedby", "aria-labelledby", "popovertarget"] {
            for id in all
                .iter()
                .filter_map(|tag| tag.get(key))
                .flat_map(str::split_whitespace)
            {
                assert!(
                    ids.contains(&id),
                    "{name}: {key} refers to the missing id {id}"
                );
            }
        }
    }
}

#[test]
fn every_page_has_its_own_title() {
    let mut seen = BTreeSet::new();
    for (name, html) in pages(&|sample| sample.to_owned()) {
        let title = tags(&html)
            .into_iter()
            .find(|tag| tag.name == "title")
            .unwrap()
            .text;
        // States of one page share its title.
        let states = [
            "certificate-",
            "home-",
            "tokens-",
            "admin-short",
            "admin-full",
            "error-422-faults",
        ];
        let is_state =
            name.starts_with("records-") || states.iter().any(|state| name.starts_with(state));
        assert!(seen.insert(title.clone()) || is_state, "{name}: {title}");
    }
}

#[test]
fn the_record_form_has_the_words_of_the_original() {
    let all = pages(&|sample| sample.to_owned());
    let html = &all
        .iter()
        .find(|(name, _)| *name == "new-faults")
        .unwrap()
        .1;
    for label in [
        "Name*",
        "Type*",
        "Value*",
        "Ports",
        "Course",
        "Description",
        "Priority",
    ] {
        assert!(html.contains(&format!(">{label}</label>")), "{label}");
    }
    for option in [
        "A Record (IPv4 Address)",
        "AAAA Record (IPv6 Address)",
        "CNAME Record (Domain Name)",
        "MX Record (Mail Server)",
        "TXT Record (Text Value)",
    ] {
        assert!(html.contains(&format!(">{option}</option>")), "{option}");
    }
    let tags = tags(html);
    let value = tags
        .iter()
        .find(|tag| tag.get("name") == Some("value"))
        .unwrap();
    assert_eq!(value.get("value"), Some("192.168.1.1"), "the input is kept");
    assert_eq!(value.get("aria-invalid"), Some("true"));
    assert!(
        value
            .get("aria-describedby")
            .unwrap()
            .contains("value-faults")
    );
    let course = tags
        .iter()
        .find(|tag| tag.get("name") == Some("course"))
        .unwrap();
    assert_eq!(course.get("aria-invalid"), None);
    let chosen: Vec<_> = tags
        .iter()
        .filter(|tag| tag.get("selected").is_some())
        .map(|tag| tag.get("value"))
        .collect();
    let lists = form_parts().into_iter().map(|field| field.part);
    let defaults = lists
        .filter(|part| !part.choices.is_empty())
        .map(|part| part.default);
    let expected: Vec<_> = std::iter::once(Some("MX")).chain(defaults).collect();
    assert_eq!(chosen, expected);
}

#[test]
fn the_list_polls_only_while_a_state_is_unsettled() {
    let text = |sample: &str| sample.to_owned();
    let page = |state, poll_for_s| RecordsPage {
        layout: signed_in(&text, "/dns-records"),
        records: vec![record(
            &text,
            7,
            "www.user1.starchart.com",
            RecordType::A,
            "192.0.2.1",
            state,
        )],
        query: ListQuery::default(),
        total: 1,
        types: vec![RecordType::A],
        selected: BTreeSet::new(),
        problem: None,
        limit: Some(1),
        poll_for_s,
        now: NOW,
    };
    let polling = page(PublishState::Sent, 90).render().unwrap();
    assert!(polling.contains("data-poll-for-s=\"90\" hidden>"));
    assert!(
        !polling.contains("http-equiv"),
        "ticks and a search would be lost"
    );
    assert!(polling.contains("<a href=\"/dns-records\">Show the newest state</a>"));
    assert!(polling.contains("data-settled=\"false\">Sent to Route53<"));
    let stopped = page(PublishState::Sent, 0).render().unwrap();
    assert!(stopped.contains("<a href=\"/dns-records\">Refresh</a>"));
    assert!(stopped.contains("data-poll-for-s=\"0\">"), "not hidden");
    let settled = page(PublishState::Answered { by: 4, of: 4 }, 90)
        .render()
        .unwrap();
    assert!(!settled.contains("newest state") && !settled.contains("refresh-note"));
    assert!(settled.contains(">Answered by 4 of 4 name servers<"));
    assert!(settled.contains("Total User DNS Records: <strong>1 / 1</strong>"));
}

/// Returns the texts of a page, without its tags and their attributes.
fn texts(html: &str) -> String {
    let pieces = html.split('<').map(|piece| match piece.split_once('>') {
        Some((_, text)) => text,
        None => piece,
    });
    pieces.collect::<Vec<_>>().join(" ")
}

/// Returns dates and times of the day in a text, each with whether it names its clock.
fn dates(text: &str) -> Vec<(String, bool)> {
    let is_shape = |word: &str, shape: &str| {
        word.len() == shape.len()
            && word.bytes().zip(shape.bytes()).all(|(c, like)| match like {
                b'0' => c.is_ascii_digit(),
                like => c == like,
            })
    };
    let is_date = |word: &str| is_shape(word, "0000-00-00");
    let is_time = |word: &str| is_shape(word, "00:00") || is_shape(word, "00:00:00");
    let is_mark = |c: char| matches!(c, '(' | ')' | '.' | ',' | ';' | ':');
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(is_mark))
        .collect();
    let after = |at: usize| words.get(at + 1).copied().unwrap_or_default();
    let found = words.iter().enumerate().filter_map(|(at, word)| {
        let named = match (is_date(word), is_time(word)) {
            (false, false) => return None,
            (true, _) if is_time(after(at)) => after(at + 1) == "UTC",
            _ => after(at) == "UTC",
        };
        Some(((*word).to_owned(), named))
    });
    found.collect()
}

#[test]
fn every_date_and_time_names_its_clock() {
    let mut with_dates = BTreeSet::new();
    for (name, html) in pages(&|sample| sample.to_owned()) {
        for (date, named) in dates(&texts(&html)) {
            assert!(named, "{name}: {date} without a clock");
            with_dates.insert(name);
        }
    }
    // The pages that show any; the sample of an impersonation is a start page.
    for name in [
        "records",
        "certificate-issued",
        "certificate-waiting",
        "certificate-renewal-failed",
        "certificate-caa-expires",
        "certificate-delete",
        "certificate-revoke",
        "admin-full",
        "admin-trail",
        "home-impersonating",
        "tokens",
        "tokens-created",
    ] {
        assert!(with_dates.contains(name), "{name}: {with_dates:?}");
    }
    let named = |text: &str| dates(text).iter().all(|(_, named)| *named);
    assert!(named(
        "until 2026-11-21 09:30 UTC, or 09:30:00 UTC (2026-11-21 UTC)."
    ));
    for text in [
        "2026-11-21.",
        "at 09:30",
        "2026-11-21 09:30 CET",
        "(2026-11-21)",
    ] {
        assert!(!named(text), "{text}");
    }
}

/// A date without its clock is for machines only: in the attribute `datetime`.
#[test]
fn templates_write_times_with_the_filters_that_name_the_clock() {
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/pages"
    ))];
    let mut checked = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "html") {
                continue;
            }
            let template = std::fs::read_to_string(&path).unwrap();
            for bare in [
                "|rfc3339",
                "|day_attribute",
                "rfc3339()",
                "date()",
                "as_millis()",
            ] {
                let pieces = template.split(bare).collect::<Vec<_>>();
                for before in &pieces[..pieces.len() - 1] {
                    let attribute = before.rsplit("=\"").next().unwrap();
                    let name = before[..before.len() - attribute.len()].trim_end_matches("=\"");
                    assert!(
                        name.ends_with(" datetime") && attribute.starts_with("{{"),
                        "{}: {bare}",
                        path.display()
                    );
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 4, "{checked}");
}

#[test]
fn a_support_contact_becomes_a_link_only_when_it_is_an_address() {
    let href = |text: &str| SupportContact::parse(text).and_then(|support| support.href);
    assert_eq!(
        href("help@example.edu").as_deref(),
        Some("mailto:help@example.edu")
    );
    assert_eq!(
        href("https://help.example.edu/").as_deref(),
        Some("https://help.example.edu/")
    );
    assert_eq!(href("javascript:alert(1)//@"), None);
    assert_eq!(href("room 204"), None);
    assert_eq!(SupportContact::parse("  "), None);
}

/// Writes every page to a temporary folder, to look at them with the files of `static/`.
#[test]
#[ignore = "writes files to look at"]
fn write_all_pages() {
    let folder = std::env::temp_dir().join("starchart-gallery");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, html) in pages(&|sample| sample.to_owned()) {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}
