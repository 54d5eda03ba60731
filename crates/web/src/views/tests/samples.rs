//! Every page with sample data.

mod admin;
mod certificates;

use std::collections::BTreeMap;

use askama::Template;
use starchart_domain::publish::PublishState;

use super::super::*;

/// Renders every page. `text` replaces each text that comes from outside; its argument is a sample.
pub(super) fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let mut out = account_pages(text);
    out.extend(record_pages(text));
    out.extend(certificates::pages(text));
    out.extend(admin::pages(text));
    out.extend(error_pages(text));
    out
}

fn guest(text: &dyn Fn(&str) -> String, path: &str) -> Layout {
    Layout {
        app_name: text("My.Custom.Domain"),
        school_name: text("Starfield College"),
        base_domain: None,
        user: None,
        csrf_token: text("token"),
        flash: Vec::new(),
        path: path.to_owned(),
        version: text("0.1.0"),
        support: Some(SupportContact {
            text: text("service desk"),
            href: None,
        }),
    }
}

pub(super) fn signed_in(text: &dyn Fn(&str) -> String, path: &str) -> Layout {
    Layout {
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
        layout: Layout {
            base_domain: None,
            ..signed_in(text, "/label")
        },
        root_domain: text("starchart.com"),
        default_label: text("johnsmith"),
        reason: LabelReason::Taken,
        choices: ["john-smith", "johnsmith2", "johnsmith3"]
            .map(text)
            .to_vec(),
        fault: Some(text(
            "This domain was taken a moment ago. Choose another one.",
        )),
        redirect_to: text("/dns-records/new"),
    };
    let refusal = SignInRefusedPage {
        layout: guest(text, "/login/callback"),
        refusal: SignInRefusal::Signature,
        request_id: text("01JD8Q2E"),
    };
    let logout = LogoutPage {
        layout: guest(text, "/logout"),
        slo_username: Some(text("user1")),
    };
    vec![
        (
            "login",
            LoginPage {
                layout: guest(text, "/login"),
                redirect_to: text("/"),
            }
            .render()
            .unwrap(),
        ),
        ("logout", logout.render().unwrap()),
        ("label", label.render().unwrap()),
        ("refusal", refusal.render().unwrap()),
    ]
}

pub(super) fn row(
    text: &dyn Fn(&str) -> String,
    id: i64,
    name: &str,
    rtype: &str,
    value: &str,
    state: PublishState,
) -> RecordRow {
    RecordRow {
        id,
        fqdn: text(name),
        rtype: text(rtype),
        value: text(value),
        parts: match rtype {
            "MX" => vec![("Priority", text("10"))],
            _ => Vec::new(),
        },
        ports: None,
        course: None,
        description: None,
        expires_on: text("2027-05-21"),
        state,
        provider: "Route53",
    }
}

fn rows(text: &dyn Fn(&str) -> String) -> Vec<RecordRow> {
    let reason = text("an RRset that is not ours exists at this name");
    let dkim = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDC5bTrf0vFf3zY8kq0bJ1v\
                7Qm2H8xk9sTzL4uYp";
    let mut rows = vec![
        row(
            text,
            1,
            "www.user1.starchart.com",
            "A",
            "192.168.1.1",
            PublishState::Answered { by: 4, of: 4 },
        ),
        row(
            text,
            2,
            "www.user1.starchart.com",
            "AAAA",
            "2001:db8:85a3::8a2e:370:7334",
            PublishState::Answered { by: 2, of: 4 },
        ),
        row(
            text,
            3,
            "blog.user1.starchart.com",
            "CNAME",
            "kepler.github.io",
            PublishState::InSync,
        ),
        row(
            text,
            4,
            "user1.starchart.com",
            "MX",
            "mail.user1.starchart.com",
            PublishState::Sent,
        ),
        row(
            text,
            5,
            "selector1._domainkey.user1.starchart.com",
            "TXT",
            dkim,
            PublishState::Saved,
        ),
        row(
            text,
            6,
            "api.user1.starchart.com",
            "A",
            "203.0.113.25",
            PublishState::Refused { reason },
        ),
    ];
    rows[0].description = Some(text("The server of our project"));
    rows[0].course = Some(text("OSD600"));
    rows[0].ports = Some(text("8080, 8443"));
    rows
}

fn record_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let layout = |path| signed_in(text, path);
    let flash = vec![
        Flash {
            kind: FlashKind::Done,
            text: text("DNS Record \"www\" has been successfully renewed"),
        },
        Flash {
            kind: FlashKind::Note,
            text: text("192.168.1.1 can be reached in the school's network only"),
        },
    ];
    let values = FormValues {
        subdomain: text("www"),
        rtype: "MX".to_owned(),
        value: text("192.168.1.1"),
        parts: BTreeMap::from([("priority", text("ten"))]),
        ports: text("port1, port2"),
        course: text("test course"),
        description: text("test description"),
    };
    let fault = |field, words: &str| FieldFault {
        field,
        text: text(words),
    };
    let faults = vec![
        fault(
            "subdomain",
            "Record name is invalid or inappropriate (only alphanumerical character, -, and _ \
             allowed)",
        ),
        fault(
            "value",
            "Record value is invalid: an MX record points to a host name, not to an address",
        ),
        fault(
            "priority",
            "Priority is a whole number from 0 to 65535; the lowest is tried first",
        ),
        fault("form", "User has reached the maximum number of dns records"),
    ];
    let new = |values, faults, kept| FormPage {
        layout: layout("/dns-records/new"),
        mode: FormMode::Create,
        values,
        faults,
        owner: "owner".into(),
        to_confirm: None,
        kept,
    };
    let edit = FormPage {
        mode: FormMode::Edit {
            id: 5,
            fingerprint: Some("0123456789abcdef".to_owned()),
        },
        ..new(values.clone(), Vec::new(), true)
    };
    let mut all = rows(text);
    let lookup = LookupPage {
        layout: layout("/dns-records/2/lookup"),
        row: all[1].clone(),
        server: Some((text("127.0.0.1"), 5353)),
        poll_for_s: 90,
    };
    let delete = DeletePage {
        layout: layout("/dns-records/1/delete"),
        row: all.remove(0),
        to_confirm: Some((
            text("The CAA records do not allow it."),
            "0123456789abcdef".to_owned(),
        )),
    };
    let list = RecordsPage {
        layout: Layout {
            flash,
            ..layout("/dns-records")
        },
        rows: rows(text),
        limit: Some(10),
        poll_for_s: 0,
    };
    let empty = RecordsPage {
        layout: layout("/dns-records"),
        rows: Vec::new(),
        limit: None,
        poll_for_s: 0,
    };
    vec![
        (
            "home",
            HomePage {
                layout: layout("/"),
                record_count: 0,
                has_certificate: false,
            }
            .render()
            .unwrap(),
        ),
        ("records", list.render().unwrap()),
        ("records-empty", empty.render().unwrap()),
        (
            "new",
            new(FormValues::default(), Vec::new(), false)
                .render()
                .unwrap(),
        ),
        ("new-faults", new(values, faults, false).render().unwrap()),
        ("edit-kept", edit.render().unwrap()),
        ("delete", delete.render().unwrap()),
        ("lookup", lookup.render().unwrap()),
        (
            "instructions",
            InstructionsPage {
                layout: layout("/dns-records/instructions"),
                limit: Some(10),
                provider: "Route53",
            }
            .render()
            .unwrap(),
        ),
    ]
}

fn error_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let kinds = [
        ("error-400", ErrorKind::BadRequest),
        ("error-403", ErrorKind::Forbidden),
        ("error-403-form", ErrorKind::FormExpired),
        ("error-403-key", ErrorKind::KeyWithheld),
        ("error-403-download", ErrorKind::CrossSiteDownload),
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
        layout: signed_in(text, "/x"),
        kind,
        app_url: text("https://domains.example.edu"),
        request_id: text("01JD8Q2E"),
    };
    kinds
        .into_iter()
        .map(|(name, kind)| (name, page(kind).render().unwrap()))
        .collect()
}
