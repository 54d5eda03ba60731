#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use askama::Template;
use starchart_domain::certificate::OrderStep;
use starchart_domain::publish::PublishState;

use super::*;

/// Texts that would do something if a page took them for markup.
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

/// Every page, with `text` standing in for each text that comes from outside (it is given a likely one).
fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let mut out = account_pages(text);
    out.extend(record_pages(text));
    out.extend(certificate_pages(text));
    out.extend(admin_pages(text));
    out.extend(error_pages(text));
    out
}

fn guest(text: &dyn Fn(&str) -> String, path: &str) -> Shell {
    Shell {
        app_name: text("My.Custom.Domain"),
        school_name: text("Starfield College"),
        base_domain: None,
        user: None,
        csrf_token: text("token"),
        flash: Vec::new(),
        path: path.to_owned(),
        version: text("0.1.0"),
        support: Some(Support { text: text("service desk"), href: None }),
    }
}

fn signed_in(text: &dyn Fn(&str) -> String, path: &str) -> Shell {
    Shell {
        base_domain: Some(text("user1.starchart.com")),
        user: Some(HeaderUser {
            username: text("user1"),
            display_name: text("Johannes Kepler"),
            is_admin: false,
            impersonation: None,
        }),
        ..guest(text, path)
    }
}

fn account_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let label = LabelPage {
        shell: Shell { base_domain: None, ..signed_in(text, "/label") },
        root_domain: text("starchart.com"),
        wanted: text("johnsmith"),
        reason: LabelReason::Taken,
        choices: ["john-smith", "johnsmith2", "johnsmith3"].map(text).to_vec(),
        fault: Some(text("Somebody was faster: choose another one.")),
        redirect_to: text("/dns-records/new"),
    };
    let refusal =
        RefusalPage { shell: guest(text, "/login/callback"), refusal: SignInRefusal::Signature, request_id: text("01JD8Q2E") };
    let logout = LogoutPage { shell: guest(text, "/logout"), slo_username: Some(text("user1")) };
    vec![
        ("login", LoginPage { shell: guest(text, "/login"), redirect_to: text("/") }.render().unwrap()),
        ("logout", logout.render().unwrap()),
        ("label", label.render().unwrap()),
        ("refusal", refusal.render().unwrap()),
    ]
}

fn row(text: &dyn Fn(&str) -> String, id: i64, name: &str, rtype: &str, value: &str, state: PublishState) -> RecordRow {
    RecordRow {
        id,
        fqdn: text(name),
        rtype: text(rtype),
        value: text(value),
        priority: (rtype == "MX").then_some(10),
        ports: None,
        course: None,
        description: None,
        expires_on: text("2027-05-21"),
        state,
    }
}

fn rows(text: &dyn Fn(&str) -> String) -> Vec<RecordRow> {
    let reason = text("a set that is not ours stands at this name");
    let dkim = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDC5bTrf0vFf3zY8kq0bJ1v7Qm2H8xk9sTzL4uYp";
    let mut rows = vec![
        row(text, 1, "www.user1.starchart.com", "A", "192.168.1.1", PublishState::Answered { by: 4, of: 4 }),
        row(
            text,
            2,
            "www.user1.starchart.com",
            "AAAA",
            "2001:db8:85a3::8a2e:370:7334",
            PublishState::Answered { by: 2, of: 4 },
        ),
        row(text, 3, "blog.user1.starchart.com", "CNAME", "kepler.github.io", PublishState::InSync),
        row(text, 4, "user1.starchart.com", "MX", "mail.user1.starchart.com", PublishState::Sent),
        row(text, 5, "selector1._domainkey.user1.starchart.com", "TXT", dkim, PublishState::Saved),
        row(text, 6, "api.user1.starchart.com", "A", "203.0.113.25", PublishState::Refused { reason }),
    ];
    rows[0].description = Some(text("The server of our project"));
    rows[0].course = Some(text("OSD600"));
    rows[0].ports = Some(text("8080, 8443"));
    rows
}

fn record_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let shell = |path| signed_in(text, path);
    let flash = vec![
        Flash { kind: FlashKind::Done, text: text("DNS Record \"www\" has been successfully renewed") },
        Flash { kind: FlashKind::Note, text: text("192.168.1.1 is reached in the school's network only") },
    ];
    let values = FormValues {
        subdomain: text("www"),
        rtype: "MX".to_owned(),
        value: text("192.168.1.1"),
        priority: text("ten"),
        ports: text("port1, port2"),
        course: text("test course"),
        description: text("test description"),
    };
    let fault = |field, words: &str| FieldFault { field, text: text(words) };
    let faults = vec![
        fault("subdomain", "Record name is invalid or inappropriate (only alphanumerical character, -, and _ allowed)"),
        fault("value", "Record value is invalid: an MX record points to a host name, not to an address"),
        fault("priority", "Priority is a whole number from 0 to 65535; the lowest is tried first"),
        fault("form", "User has reached the maximum number of dns records"),
    ];
    let new = |values, faults, kept| FormPage {
        shell: shell("/dns-records/new"),
        mode: FormMode::Create,
        values,
        faults,
        owner: "owner".into(),
        kept,
    };
    let edit = FormPage { mode: FormMode::Edit { id: 5 }, ..new(values.clone(), Vec::new(), true) };
    let mut all = rows(text);
    let lookup = LookupPage {
        shell: shell("/dns-records/2/lookup"),
        row: all[1].clone(),
        server: Some((text("127.0.0.1"), 5353)),
        follow_s: 90,
    };
    let delete = DeletePage { shell: shell("/dns-records/1/delete"), row: all.remove(0) };
    let list = RecordsPage { shell: Shell { flash, ..shell("/dns-records") }, rows: rows(text), limit: Some(10), follow_s: 0 };
    let empty = RecordsPage { shell: shell("/dns-records"), rows: Vec::new(), limit: None, follow_s: 0 };
    vec![
        ("home", HomePage { shell: shell("/"), record_count: 0, has_certificate: false }.render().unwrap()),
        ("records", list.render().unwrap()),
        ("records-empty", empty.render().unwrap()),
        ("new", new(FormValues::default(), Vec::new(), false).render().unwrap()),
        ("new-faults", new(values, faults, false).render().unwrap()),
        ("edit-kept", edit.render().unwrap()),
        ("delete", delete.render().unwrap()),
        ("lookup", lookup.render().unwrap()),
        ("instructions", InstructionsPage { shell: shell("/dns-records/instructions"), limit: Some(10) }.render().unwrap()),
    ]
}

fn certificate_page(text: &dyn Fn(&str) -> String) -> CertificatePage {
    CertificatePage {
        shell: signed_in(text, "/certificate"),
        active: None,
        order: None,
        off: false,
        refused: None,
        key_withheld: false,
        shape: "0".to_owned(),
        again_s: 0,
    }
}

fn active(text: &dyn Fn(&str) -> String, renewal: Renewal) -> ActiveCertificate {
    ActiveCertificate {
        domain: text("user1.starchart.com"),
        created_on: text("2026-11-21"),
        expires_on: text("2027-02-19"),
        expired: false,
        renewal,
    }
}

fn order(text: &dyn Fn(&str) -> String, step: OrderStep, problem: Option<&str>) -> OrderProgress {
    OrderProgress {
        step,
        dns: Some(PublishState::Answered { by: 2, of: 4 }),
        problem: problem.map(text),
        retry_at: None,
        not_checked: false,
        requested_at: text("2026-11-21 09:30 UTC"),
    }
}

fn certificate_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let page = || certificate_page(text);
    let refusal = PublishState::Refused { reason: text("a set that is not ours stands at this name") };
    let stuck = OrderProgress { dns: Some(refusal), ..order(text, OrderStep::Publishing, None) };
    let waiting = OrderProgress {
        retry_at: Some(text("2026-11-22 10:00 UTC")),
        ..order(text, OrderStep::Ordered, Some("The certificate authority has taken as many requests as it takes this week."))
    };
    let reason = "The certificate authority did not find the TXT record.";
    let pending = |order| CertificatePage { order: Some(order), again_s: 1, ..page() };
    let issued = |renewal| CertificatePage { active: Some(active(text, renewal)), ..page() };
    let renewing = CertificatePage { active: Some(active(text, Renewal::UnderWay)), ..pending(waiting.clone()) };
    let failed = CertificatePage { order: Some(order(text, OrderStep::Failed, Some(reason))), ..page() };
    let renewal_failed = CertificatePage { active: Some(active(text, Renewal::Open)), ..failed.clone() };
    let expired = ActiveCertificate { expired: true, ..active(text, Renewal::Off) };
    let refused = Some(text("You have asked for a certificate 3 times within 24 hours."));
    let delete = CertificateDeletePage { shell: signed_in(text, "/certificate/delete"), active: active(text, Renewal::Open) };
    let help = InformationPage { shell: signed_in(text, "/certificate/information"), daily: 3 };
    vec![
        ("certificate", page().render().unwrap()),
        ("certificate-off", CertificatePage { off: true, active: Some(expired), ..page() }.render().unwrap()),
        ("certificate-refused", CertificatePage { refused, ..page() }.render().unwrap()),
        ("certificate-pending", pending(order(text, OrderStep::Publishing, None)).render().unwrap()),
        ("certificate-waiting", pending(waiting).render().unwrap()),
        ("certificate-stuck", pending(stuck).render().unwrap()),
        ("certificate-renewing", renewing.render().unwrap()),
        ("certificate-failed", failed.render().unwrap()),
        ("certificate-renewal-failed", renewal_failed.render().unwrap()),
        ("certificate-issued", issued(Renewal::From(text("2027-01-20"))).render().unwrap()),
        ("certificate-withheld", CertificatePage { key_withheld: true, ..issued(Renewal::Open) }.render().unwrap()),
        ("certificate-delete", delete.render().unwrap()),
        ("information", help.render().unwrap()),
    ]
}

fn admin_shell(text: &dyn Fn(&str) -> String, path: &str) -> Shell {
    let mut shell = signed_in(text, path);
    let user = HeaderUser { is_admin: true, impersonation: None, ..shell.user.unwrap() };
    shell.user = Some(user);
    shell
}

fn found_people(text: &dyn Fn(&str) -> String) -> PeopleFound {
    let person = |id: i64, own: bool| PersonItem {
        id,
        email: text("user1@school.example"),
        name: text("Johannes Kepler"),
        username: text("user1"),
        domain: Some(text("user1.starchart.com")),
        records: 3,
        certificate: "issued, until 2027-02-19".to_owned(),
        marks: vec!["admin"],
        no_impersonation: own.then_some("That is you."),
        no_deletion: own.then_some("That is you."),
        delete_href: "/admin/delete?username=user1".to_owned(),
    };
    PeopleFound {
        people: vec![person(1, true), person(2, false)],
        total: 42,
        page: 2,
        pages: 3,
        before: Some("/admin?searchText=use".to_owned()),
        after: Some("/admin?searchText=use&page=3".to_owned()),
    }
}

fn admin_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let attention = |kind, title: &str| AttentionItem {
        kind,
        item: text("www.user1.starchart.com"),
        title: title.to_owned(),
        thing: text("www.user1.starchart.com"),
        who: (kind == AttentionKind::Name).then(|| text("user1")),
        reason: text("a set that is not ours stands at this name"),
        when: "since 2026-11-21 09:30 UTC".to_owned(),
    };
    let empty = AdminPage {
        shell: admin_shell(text, "/admin"),
        users: 42,
        certificates: 7,
        records: 96,
        attention: Vec::new(),
        publishing: "Every name is published as wanted.".to_owned(),
        search_text: String::new(),
        fault: None,
        found: None,
    };
    let full = AdminPage {
        attention: vec![
            attention(AttentionKind::Name, "Refused record"),
            attention(AttentionKind::Mail, "Mail not sent"),
            attention(AttentionKind::Note, "Publishing is late"),
        ],
        search_text: text("user"),
        found: Some(found_people(text)),
        ..empty.clone()
    };
    let delete = AdminDeletePage {
        shell: admin_shell(text, "/admin/delete"),
        username: text("user1"),
        name: text("Johannes Kepler"),
        email: text("user1@school.example"),
        consequences: vec![text("3 records leave the zone at once.")],
        search_text: text("user"),
        back: "/admin?searchText=user".to_owned(),
    };
    let line = TrailItem {
        at: "2026-11-21T09:30:00Z".to_owned(),
        actor: Some(text("user3")),
        on_behalf_of: Some(text("user1")),
        action: text("record.create"),
        object: text("www.user1.starchart.com"),
        detail: text("A #7"),
        request_id: text("01JD8Q2E"),
    };
    let trail = TrailLines {
        shell: admin_shell(text, "/admin/trail"),
        lines: vec![TrailItem { actor: None, on_behalf_of: None, ..line.clone() }, line],
        person: text("user1"),
        action: text("record"),
        object: text("www"),
        is_older: true,
        newest: "/admin/trail?person=user1".to_owned(),
        older: Some("/admin/trail?person=user1&before=7".to_owned()),
    };
    let mut helping = signed_in(text, "/");
    let impersonation = Some(HeaderImpersonation { admin: text("user3"), until: "2026-11-21T09:30:00Z".to_owned() });
    helping.user = Some(HeaderUser { impersonation, ..helping.user.unwrap() });
    let home = |shell| HomePage { shell, record_count: 3, has_certificate: true }.render().unwrap();
    vec![
        ("admin", empty.render().unwrap()),
        ("admin-short", AdminPage { fault: Some(text("Type 3 letters or more.")), ..empty }.render().unwrap()),
        ("admin-full", full.render().unwrap()),
        ("admin-delete", delete.render().unwrap()),
        ("admin-trail", trail.render().unwrap()),
        ("home-admin", home(admin_shell(text, "/"))),
        ("home-impersonating", home(helping)),
    ]
}

#[test]
fn the_certificate_page_says_what_people_and_scripts_know() {
    let all = certificate_pages(&|likely| likely.to_owned());
    let page = |name: &str| &all.iter().find(|(known, _)| *known == name).unwrap().1;
    for html in ["certificate", "certificate-failed"].map(page) {
        assert!(html.contains(">Request a Certificate</button>") && !html.contains("http-equiv"));
    }
    assert!(page("certificate").contains("*.user1.starchart.com"));
    assert!(page("certificate-failed").contains(">Request Unsuccessful</h2>"));
    assert!(page("certificate-failed").contains("did not find the TXT record"));
    assert!(page("certificate-renewal-failed").contains("stays usable until 2027-02-19"));
    let pending = page("certificate-pending");
    assert!(pending.contains("We have received your request, and will notify you by email when your certificate is ready."));
    assert!(pending.contains("2 of 4 name servers answer with it.") && !pending.contains("Request a Certificate"));
    assert!(pending.contains("<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>"));
    assert!(page("certificate-waiting").contains("<strong>2026-11-22 10:00 UTC</strong>"));
    let issued = page("certificate-issued");
    for heading in ["Public Certificate", "Private Key", "Intermediate Chain", "Full Chain"] {
        assert!(issued.contains(&format!(">{heading}</h3>")), "{heading}");
        for verb in ["Copy", "Download"] {
            assert!(issued.contains(&format!("{verb}<span class=\"visually-hidden\"> {heading}</span>")), "{verb} {heading}");
        }
    }
    assert!(issued.contains("disabled>Renew</button>") && issued.contains("You may renew it from 2027-01-20 on."));
    assert!(page("certificate-renewal-failed").contains("aria-describedby=\"renew-when\">Renew</button>"));
    for tab in ["General", "Node.js", "AWS", "NGINX"] {
        assert!(issued.contains(&format!(">{tab}</a>")), "{tab}");
    }
    assert!(issued.contains("Are you sure? You can't undo this action afterwards.") && issued.contains("It is not revoked"));
    let withheld = page("certificate-withheld");
    assert!(!withheld.contains("download/privateKey") && withheld.contains("nobody gets a private key but its owner"));
    assert!(page("certificate-off").contains("Whom to ask:") && !page("certificate-off").contains("Request a Certificate"));
}

fn error_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let kinds = [
        ("error-400", ErrorKind::BadRequest),
        ("error-403", ErrorKind::Forbidden),
        ("error-403-form", ErrorKind::FormExpired),
        ("error-403-key", ErrorKind::KeyWithheld),
        ("error-403-download", ErrorKind::ForeignDownload),
        ("error-404", ErrorKind::NotFound),
        ("error-405", ErrorKind::MethodNotAllowed),
        ("error-413", ErrorKind::TooLarge),
        ("error-421", ErrorKind::Misdirected),
        ("error-422", ErrorKind::Unprocessable),
        ("error-429", ErrorKind::TooMany { retry_after: 30 }),
        ("error-500", ErrorKind::Internal),
        ("error-503", ErrorKind::Unavailable { retry_after: 300 }),
    ];
    let page = |kind| ErrorPage {
        shell: signed_in(text, "/x"),
        kind,
        address: text("https://domains.example.edu"),
        request_id: text("01JD8Q2E"),
    };
    kinds.into_iter().map(|(name, kind)| (name, page(kind).render().unwrap())).collect()
}

/// A start tag: its name, and its attributes as a browser reads them.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    /// What follows it up to the next `<`.
    text: String,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads start tags as HTML's tokenizer does, as far as these pages go (no comments, no raw text).
fn tags(html: &str) -> Vec<Tag> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let end = rest.find([' ', '\n', '>', '/']).unwrap();
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '\n', '/']);
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            let end = rest.find([' ', '\n', '>', '=', '/']).unwrap();
            let key = rest[..end].to_ascii_lowercase();
            rest = &rest[end..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix('=') {
                let after = after.strip_prefix('"').unwrap_or_else(|| panic!("attribute {key} of {name} without quotes"));
                let end = after.find('"').unwrap();
                after[..end].clone_into(&mut value);
                rest = &after[end + 1..];
            }
            attributes.push((key, value));
        }
        let text = rest[..rest.find('<').unwrap_or(rest.len())].to_owned();
        out.push(Tag { name, attributes, text });
    }
    out
}

/// The page's markup without its texts.
fn skeleton(html: &str) -> Vec<String> {
    tags(html)
        .into_iter()
        .map(|tag| format!("{} {}", tag.name, tag.attributes.into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(" ")))
        .collect()
}

#[test]
fn hostile_text_never_becomes_markup() {
    let likely = pages(&|likely| likely.to_owned());
    for hostile in HOSTILE {
        for ((name, harmless), (_, attacked)) in likely.iter().zip(pages(&|_| (*hostile).to_owned())) {
            assert_eq!(skeleton(harmless), skeleton(&attacked), "{name} with {hostile}");
        }
    }
}

#[test]
fn the_content_security_policy_has_nothing_to_forbid() {
    for (name, html) in pages(&|likely| likely.to_owned()) {
        for tag in tags(&html) {
            for (key, value) in &tag.attributes {
                assert!(!key.starts_with("on") && key != "style", "{name}: {key} on {}", tag.name);
                if name == "error-421" && key == "href" && value == "https://domains.example.edu" {
                    continue;
                }
                if ["href", "src", "action", "formaction"].contains(&key.as_str()) {
                    assert!(value.starts_with('/') || value.starts_with('#'), "{name}: {key}={value}");
                    assert!(!value.starts_with("//"), "{name}: {key}={value}");
                }
            }
            assert_ne!(tag.name, "style", "{name}");
            if tag.name == "script" {
                assert!(tag.get("src").is_some() && tag.text.is_empty(), "{name}: inline script");
            }
        }
    }
}

#[test]
fn the_scanner_sees_what_it_looks_for() {
    let found = tags("<p onclick=\"x()\">a</p>\n<script>alert(1)</script><img src=\"x\" onerror=\"y\"/>");
    let names: Vec<_> = found.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(names, ["p", "script", "img"]);
    assert_eq!(found[0].get("onclick"), Some("x()"));
    assert_eq!(found[1].text, "alert(1)");
    assert_eq!(found[2].get("onerror"), Some("y"));
}

#[test]
fn every_posting_form_carries_the_token_and_every_field_a_label() {
    for (name, html) in pages(&|likely| likely.to_owned()) {
        let all = tags(&html);
        let posts = |tag: &&Tag| tag.name == "form" && tag.get("method") == Some("post");
        let forms = all.iter().filter(posts).count();
        let tokens =
            all.iter().filter(|tag| tag.get("name") == Some("csrf_token") && tag.get("value") == Some("token")).count();
        assert_eq!(forms, tokens, "{name}");
        let labelled: BTreeSet<_> = all.iter().filter(|tag| tag.name == "label").filter_map(|tag| tag.get("for")).collect();
        let ids: Vec<_> = all.iter().filter_map(|tag| tag.get("id")).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: an id twice");
        for tag in all.iter().filter(|tag| tag.name == "input" || tag.name == "select") {
            if !matches!(tag.get("type"), Some("hidden" | "radio")) {
                assert!(tag.get("id").is_some_and(|id| labelled.contains(id)), "{name}: {:?}", tag.get("name"));
            }
        }
        for key in ["aria-describedby", "aria-labelledby", "popovertarget"] {
            for id in all.iter().filter_map(|tag| tag.get(key)).flat_map(str::split_whitespace) {
                assert!(ids.contains(&id), "{name}: {key} names {id}, which is not there");
            }
        }
    }
}

#[test]
fn pages_have_titles_of_their_own() {
    let mut seen = BTreeSet::new();
    for (name, html) in pages(&|likely| likely.to_owned()) {
        let title = tags(&html).into_iter().find(|tag| tag.name == "title").unwrap().text;
        // The list, the certificate and the like have the same title in every state.
        let states = ["certificate-", "home-", "admin-short", "admin-full"];
        let again = name == "records-empty" || states.iter().any(|state| name.starts_with(state));
        assert!(seen.insert(title.clone()) || again, "{name}: {title}");
    }
}

#[test]
fn the_form_keeps_what_people_and_scripts_know() {
    let all = record_pages(&|likely| likely.to_owned());
    let html = &all.iter().find(|(name, _)| *name == "new-faults").unwrap().1;
    for label in ["Name*", "Type*", "Value*", "Ports", "Course", "Description", "Priority"] {
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
    let value = tags.iter().find(|tag| tag.get("name") == Some("value")).unwrap();
    assert_eq!(value.get("value"), Some("192.168.1.1"), "the input is kept");
    assert_eq!(value.get("aria-invalid"), Some("true"));
    assert!(value.get("aria-describedby").unwrap().contains("value-faults"));
    let course = tags.iter().find(|tag| tag.get("name") == Some("course")).unwrap();
    assert_eq!(course.get("aria-invalid"), None);
    let chosen: Vec<_> = tags.iter().filter(|tag| tag.get("selected").is_some()).map(|tag| tag.get("value")).collect();
    assert_eq!(chosen, [Some("MX")]);
}

#[test]
fn the_list_refreshes_itself_only_while_something_moves() {
    let text = |likely: &str| likely.to_owned();
    let page = |state, follow_s| RecordsPage {
        shell: signed_in(&text, "/dns-records"),
        rows: vec![row(&text, 7, "www.user1.starchart.com", "A", "192.0.2.1", state)],
        limit: Some(1),
        follow_s,
    };
    let moving = page(PublishState::Sent, 90).render().unwrap();
    assert!(moving.contains("data-follow=\"90\" hidden>"));
    assert!(moving.contains("<noscript><meta http-equiv=\"refresh\""));
    assert!(moving.contains("data-settled=\"false\">Sent to Route53<"));
    let stuck = page(PublishState::Sent, 0).render().unwrap();
    assert!(!stuck.contains("refresh") && stuck.contains("<a href=\"/dns-records\">Look again</a>"));
    assert!(stuck.contains("data-follow=\"0\">"), "not hidden");
    let still = page(PublishState::Answered { by: 4, of: 4 }, 90).render().unwrap();
    assert!(!still.contains("refresh") && !still.contains("Look again"));
    assert!(still.contains(">Answered by 4 of 4 name servers<"));
    assert!(still.contains("Total User DNS Records: <strong>1 / 1</strong>"));
}

#[test]
fn a_support_contact_becomes_a_link_only_when_it_is_an_address() {
    let href = |text: &str| Support::parse(text).and_then(|support| support.href);
    assert_eq!(href("help@example.edu").as_deref(), Some("mailto:help@example.edu"));
    assert_eq!(href("https://help.example.edu/").as_deref(), Some("https://help.example.edu/"));
    assert_eq!(href("javascript:alert(1)//@"), None);
    assert_eq!(href("room 204"), None);
    assert_eq!(Support::parse("  "), None);
}

/// Writes every page to a folder of the system's temporary one, to be looked at with the files of `static/` beside them.
#[test]
#[ignore = "writes files for a person to look at"]
fn gallery() {
    let folder = std::env::temp_dir().join("starchart-gallery");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, html) in pages(&|likely| likely.to_owned()) {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}
