//! Every page with sample data.

mod admin;
mod certificates;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use starchart_domain::certificate::caa::{IssuanceForbidden, Permission};
use starchart_domain::fault::{Fault, Field, NameFault, ValueFault};
use starchart_domain::names::{Label, RootDomain};
use starchart_domain::paste::PastedRecord;
use starchart_domain::publish::PublishState;
use starchart_domain::record::{RecordForm, RecordId, RecordType};
use starchart_domain::site::Site;
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::{Ttl, TtlFault, TtlLimits};
use starchart_domain::user::{Groups, Subject, UserId};
use starchart_store::lookups::{Answer, Lookup, ServerAnswer, ServerKind};
use starchart_store::records::{HistoryAction, HistoryEntry, HistoryId, Record, RecordVersion};
use starchart_store::sessions::Session;
use starchart_store::users::User;

use crate::actions::{ActionError, Conflict, Denial, PlannedChange, SeenRecord};
use crate::errors::Failure;
use crate::list_query::ListQuery;
use crate::pages::api_docs::ApiDocsPage;
use crate::pages::home::HomePage;
use crate::pages::records::{
    DeletePage, DiffRow, FieldChange, FormMode, FormPage, HistoryLine, HistoryPage,
    InstructionsPage, LookupPage, PastePage, PastedRow, PresentRrset, Preview, RecordsPage,
    ZoneFilePage,
};
use crate::pages::sign_in::SignInRefusedPage;
use crate::pages::sign_in::label::LabelPage;
use crate::pages::sign_in::login::LoginPage;
use crate::pages::sign_in::logout::LogoutPage;
use crate::pages::{ErrorPage, Flash, FlashKind, Layout, SupportContact};
use crate::sign_in_refusal::SignInRefusal;
use crate::typed::TypedField;

/// The time of the samples: 2026-11-21 09:30 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_253_400_000);
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Returns the time of the day at which the samples were made, some days later.
pub(super) const fn in_days(days: i64) -> Timestamp {
    NOW.plus(days * DAY_MS)
}

/// Renders every page. `text` replaces each text that comes from outside; its argument is a sample.
pub(super) fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let mut out = account_pages(text);
    out.extend(record_pages(text));
    out.extend(certificates::pages(text));
    out.extend(tokens::pages(text));
    out.extend(admin::pages(text));
    out.extend(error_pages(text));
    out
}

fn guest(text: &dyn Fn(&str) -> String, path: &str) -> Layout {
    Layout {
        site: Site {
            name: text("My.Custom.Domain"),
            school: text("Starfield College"),
            support: None,
        },
        base_domain: None,
        session: None,
        csrf_token: text("token"),
        flash: Vec::new(),
        path: path.to_owned(),
        list: ListQuery::default(),
        version: text("0.1.0"),
        provider: "Route53",
        support: Some(SupportContact {
            text: text("service desk"),
            href: None,
        }),
    }
}

pub(super) fn signed_in(text: &dyn Fn(&str) -> String, path: &str) -> Layout {
    Layout {
        base_domain: Some(text("user1.starchart.com")),
        session: Some(session(text)),
        ..guest(text, path)
    }
}

pub(super) fn user(text: &dyn Fn(&str) -> String) -> User {
    User {
        id: UserId(1),
        subject: Subject::parse("user1").unwrap(),
        username: text("user1"),
        display_name: text("Johannes Kepler"),
        email: text("user1@school.example"),
        groups: Groups::default(),
        label: Some(Label::parse("user1").unwrap()),
        created_at: NOW,
    }
}

fn session(text: &dyn Fn(&str) -> String) -> Session {
    Session {
        id: 1,
        user: user(text),
        impersonation: None,
        impersonated_before: None,
        created_at: NOW,
        expires_at: in_days(1),
        name_id: None,
        session_index: None,
    }
}

fn account_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let label = LabelPage {
        layout: Layout {
            base_domain: None,
            ..signed_in(text, "/label")
        },
        root_domain: RootDomain::parse("starchart.com").unwrap(),
        default_label: text("johnsmith"),
        invalid: None,
        choices: ["john-smith", "johnsmith2", "johnsmith3"]
            .map(|label| Label::parse(label).unwrap())
            .to_vec(),
        fault: Some(text(
            "This domain was taken a moment ago. Choose another one.",
        )),
        redirect_to: text("/dns-records/new"),
    };
    let refusal = SignInRefusedPage {
        layout: guest(text, "/login/callback"),
        refusal: SignInRefusal::Signature,
        typed: typed(text),
        can_repeat: true,
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

pub(super) fn record(
    text: &dyn Fn(&str) -> String,
    id: i64,
    name: &str,
    rtype: RecordType,
    input: &str,
    state: PublishState,
) -> Record {
    Record {
        id: RecordId(id),
        name: text(name),
        rtype,
        input: text(input),
        presentation: match rtype {
            RecordType::Mx => format!("10 {input}."),
            _ => input.to_owned(),
        },
        ttl: Ttl::DEFAULT,
        ports: None,
        course: None,
        description: None,
        created_at: NOW,
        updated_at: NOW,
        expires_at: in_days(181),
        notified_at: None,
        state,
    }
}

fn records(text: &dyn Fn(&str) -> String) -> Vec<Record> {
    let reason = text("an RRset that is not ours exists at this name");
    let dkim = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDC5bTrf0vFf3zY8kq0bJ1v\
                7Qm2H8xk9sTzL4uYp";
    let mut records = vec![
        record(
            text,
            1,
            "www.user1.starchart.com",
            RecordType::A,
            "192.168.1.1",
            PublishState::Answered { by: 4, of: 4 },
        ),
        record(
            text,
            2,
            "www.user1.starchart.com",
            RecordType::Aaaa,
            "2001:db8:85a3::8a2e:370:7334",
            PublishState::Answered { by: 2, of: 4 },
        ),
        record(
            text,
            3,
            "blog.user1.starchart.com",
            RecordType::Cname,
            "kepler.github.io",
            PublishState::InSync,
        ),
        record(
            text,
            4,
            "user1.starchart.com",
            RecordType::Mx,
            "mail.user1.starchart.com",
            PublishState::Sent,
        ),
        record(
            text,
            5,
            "selector1._domainkey.user1.starchart.com",
            RecordType::Txt,
            dkim,
            PublishState::Saved,
        ),
        record(
            text,
            6,
            "api.user1.starchart.com",
            RecordType::A,
            "203.0.113.25",
            PublishState::Refused { reason },
        ),
    ];
    records[0].description = Some(text("The server of our project"));
    records[0].course = Some(text("OSD600"));
    records[0].ports = Some(text("8080, 8443"));
    // Its owner was notified too late.
    records[5].expires_at = in_days(-2);
    records[5].notified_at = Some(in_days(-3));
    records
}

fn history(text: &dyn Fn(&str) -> String) -> HistoryPage {
    let version = |rtype, description| RecordVersion {
        name: text("www.user1.example.com"),
        rtype,
        input: text("192.0.2.1"),
        presentation: text("192.0.2.1"),
        ttl: Ttl::DEFAULT,
        ports: None,
        course: None,
        description,
        expires_at: in_days(100),
    };
    let entry = |id, action, before, after| HistoryEntry {
        id: HistoryId(id),
        record_id: RecordId(7),
        action,
        at: NOW,
        admin: Some(text("user3")),
        token: Some(text("certbot (sc_Ab3dE6gH)")),
        before,
        after,
        now: None,
    };
    let old = version(RecordType::A, None);
    let new = version(RecordType::Txt, Some(text("The server of our project")));
    let entries = [
        entry(3, HistoryAction::Delete, Some(new.clone()), None),
        entry(2, HistoryAction::Edit, Some(old.clone()), Some(new)),
        entry(1, HistoryAction::Create, None, Some(old)),
    ];
    HistoryPage {
        layout: signed_in(text, "/dns-records/history"),
        lines: entries
            .into_iter()
            .map(|entry| HistoryLine::new(entry, NOW))
            .collect(),
        of: Some(text("www.user1.example.com")),
        is_older: true,
        older_href: Some("/dns-records/history?record=7&upTo=1".to_owned()),
    }
}

/// What is read from a text with something doubtful in every field.
fn pasted(text: &dyn Fn(&str) -> String, path: &str) -> PastePage {
    let base = RootDomain::parse("starchart.com")
        .unwrap()
        .base(&Label::parse("user1").unwrap());
    let pasted = "www.user1 CNAME blog\n10 mail.example.org.\nhello there";
    let mut read = starchart_domain::paste::read(pasted, &base);
    for line in &mut read.unread {
        line.source = text(&line.source);
    }
    let row = |(at, mut record): (usize, PastedRecord)| {
        record.source = text(&record.source);
        record.form.name = text(&record.form.name);
        record.form.input = text(&record.form.input);
        record.form.course = text("CS 101");
        for option in record
            .doubts
            .iter_mut()
            .flat_map(|doubt| &mut doubt.options)
        {
            *option = text(option);
        }
        PastedRow {
            number: at + 1,
            record,
            is_taken: at == 0,
            faults: vec![
                (Field::Name, Fault::Name(NameFault::Empty)),
                (Field::Type, Fault::UnknownType),
                (Field::Value, Fault::Duplicate),
                (Field::Form, Fault::Gone),
                (Field::Ttl, Fault::Ttl(TtlFault::Unreadable)),
            ],
            ttl_note: Some(text("With this change all records get the TTL 1 hour.")),
        }
    };
    PastePage {
        layout: signed_in(text, path),
        text: text(pasted),
        rows: read.records.into_iter().enumerate().map(row).collect(),
        unread: read.unread,
        ttls: TtlLimits::default(),
        problem: Some(text("Nothing was saved")),
        to_confirm: Some(issuance_forbidden(text)),
        limit_exceeded: Some(Fault::QuotaReached { limit: 10 }),
    }
}

/// A zone file that differs from the records in every way.
fn compared(text: &dyn Fn(&str) -> String, path: &str) -> ZoneFilePage {
    ZoneFilePage {
        layout: signed_in(text, path),
        text: text("www IN A 192.0.2.1"),
        is_compared: true,
        rows: vec![DiffRow {
            number: 1,
            change: PlannedChange::Delete(SeenRecord {
                id: RecordId(7),
                fingerprint: text("0123456789abcdef"),
            }),
            before: Some(text("www.user1.starchart.com A 192.0.2.1")),
            // Another line than the one before, whatever the sample is.
            after: Some(text("www.user1.starchart.com A 192.0.2.2") + " changed"),
            ttl_note: Some(text("With this change all records get the TTL 1 hour.")),
            notes: vec![FieldChange {
                label: "Course",
                before: String::new(),
                after: text("CS 101"),
            }],
            doubts: Vec::new(),
            is_taken: true,
            faults: vec![Fault::Duplicate],
            needs_deletion: true,
        }],
        faulty: vec![(
            3,
            text("www IN A 192.0.2.256"),
            vec![text("The value is invalid")],
        )],
        problem: Some(text("Nothing was changed")),
        to_confirm: Some(issuance_forbidden(text)),
        limit_exceeded: Some(Fault::QuotaReached { limit: 3 }),
    }
}

fn record_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let layout = |path| signed_in(text, path);
    let flash = vec![
        Flash {
            kind: FlashKind::Done,
            text: text("DNS Record \"www\" has been successfully deleted"),
            undo: Some(7),
        },
        Flash {
            kind: FlashKind::Note,
            text: text("192.168.1.1 can be reached in the school's network only"),
            undo: None,
        },
    ];
    let form = RecordForm {
        name: text("www"),
        rtype: "MX".to_owned(),
        input: text("192.168.1.1"),
        parts: BTreeMap::from([("priority", text("ten"))]),
        ttl: text("soon"),
        ports: text("port1, port2"),
        course: text("test course"),
        description: text("test description"),
    };
    let faults = vec![
        (
            Field::Name,
            Fault::Name(NameFault::OtherDomain {
                base: text("user1.starchart.com"),
            }),
        ),
        (Field::Value, Fault::Value(ValueFault::PointsToItself)),
        (
            Field::Part("priority"),
            Fault::Part("Priority is a whole number from 0 to 65535"),
        ),
        (
            Field::Form,
            Fault::ChangedMeanwhile {
                now: text("Value 203.0.113.25"),
            },
        ),
        (Field::Ttl, Fault::Ttl(TtlFault::Unreadable)),
        (
            Field::Value,
            Fault::TargetNotWhole {
                typed: text("www.user1"),
                options: vec![text("www.user1.starchart.com")],
            },
        ),
    ];
    let new = |form, faults, is_kept| FormPage {
        layout: layout("/dns-records/new"),
        mode: FormMode::Create,
        form,
        faults,
        ttls: TtlLimits::default(),
        rrset: None,
        owner: "owner".into(),
        to_confirm: None,
        conflicting: records(text),
        replaced: Vec::new(),
        is_kept,
        limit_reached: Some(Fault::QuotaReached { limit: 10 }),
        answered: Some(text("www.user1")),
        preview: Preview {
            published: Some((
                text("www.user1.starchart.com. 300 IN A 192.0.2.1"),
                text("dig +short www.user1.starchart.com A"),
            )),
            remarks: vec![text("This address is kept for examples")],
        },
        is_check: false,
    };
    let edit = FormPage {
        mode: FormMode::Edit {
            id: 5,
            fingerprint: Some("0123456789abcdef".to_owned()),
        },
        rrset: Some(PresentRrset {
            ttl: Ttl::DEFAULT,
            records: 3,
        }),
        ..new(form.clone(), Vec::new(), true)
    };
    let mut all = records(text);
    let lookup = LookupPage {
        layout: layout("/dns-records/2/lookup"),
        record: all[1].clone(),
        server: Some((text("127.0.0.1"), 5353)),
        poll_for_s: 90,
        world: Some(Lookup {
            asked_at: Some(NOW),
            answers: [
                (
                    ServerKind::NameServer,
                    Answer::Values(vec![text("192.0.2.9")]),
                ),
                (ServerKind::Resolver, Answer::Failed(text("timed out"))),
            ]
            .map(|(kind, answer)| ServerAnswer {
                server: text("ns1.example.com"),
                kind,
                answer,
                ttl_s: Some(300),
            })
            .to_vec(),
            is_pending: true,
        }),
        replaced_ttl: Some(Ttl::DEFAULT),
    };
    let delete = DeletePage {
        layout: layout("/dns-records/1/delete"),
        records: vec![all.remove(0)],
        is_selection: false,
        to_confirm: Some(issuance_forbidden(text)),
    };
    let delete_selected = DeletePage {
        layout: layout("/dns-records/selected"),
        records: records(text),
        is_selection: true,
        to_confirm: Some(issuance_forbidden(text)),
    };
    let list = |records: Vec<Record>, total, search: &str| RecordsPage {
        layout: layout("/dns-records"),
        records,
        query: ListQuery {
            search: search.to_owned(),
            rtype: Some(RecordType::A),
            ..ListQuery::default()
        },
        total,
        types: vec![RecordType::A, RecordType::Mx],
        selected: BTreeSet::from([RecordId(1)]),
        problem: Some(text("Nothing was changed")),
        limit: Some(10),
        poll_for_s: 0,
        now: NOW,
    };
    let empty = RecordsPage {
        problem: None,
        ..list(Vec::new(), 0, "")
    };
    let filtered = list(Vec::new(), 6, &text("nothing like it"));
    let list = RecordsPage {
        layout: Layout {
            flash,
            ..layout("/dns-records")
        },
        ..list(records(text), 6, &text("www"))
    };
    vec![
        (
            "home",
            HomePage {
                groups_not_sent: true,
                layout: layout("/"),
                record_count: 0,
                has_certificate: false,
            }
            .render()
            .unwrap(),
        ),
        (
            "zone-file",
            compared(text, "/dns-records/zone-file/compare")
                .render()
                .unwrap(),
        ),
        (
            "paste",
            pasted(text, "/dns-records/paste").render().unwrap(),
        ),
        ("records", list.render().unwrap()),
        ("history", history(text).render().unwrap()),
        ("records-empty", empty.render().unwrap()),
        ("records-filtered", filtered.render().unwrap()),
        (
            "new",
            new(RecordForm::default(), Vec::new(), false)
                .render()
                .unwrap(),
        ),
        ("new-faults", new(form, faults, false).render().unwrap()),
        ("edit-kept", edit.render().unwrap()),
        ("delete", delete.render().unwrap()),
        ("delete-selected", delete_selected.render().unwrap()),
        ("lookup", lookup.render().unwrap()),
        (
            "api docs",
            ApiDocsPage {
                layout: layout("/api/docs"),
                origin: "https://domains.example.edu".to_owned(),
                requests_per_minute: 300,
                groups: crate::routes::api_docs::grouped(),
            }
            .render()
            .unwrap(),
        ),
        (
            "instructions",
            InstructionsPage {
                layout: layout("/dns-records/instructions"),
                limit: Some(10),
                default_ttl: Ttl::DEFAULT,
            }
            .render()
            .unwrap(),
        ),
    ]
}

fn error_pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let changed = Fault::ChangedMeanwhile {
        now: text("Value 203.0.113.25"),
    };
    let failures = [
        ("error-400", Failure::BadRequest("x")),
        (
            "error-403",
            Failure::Action(ActionError::Denied(Denial::NoLongerAdmin)),
        ),
        ("error-403-form", Failure::CsrfRejected("x")),
        ("error-403-session", Failure::SessionEnded),
        ("error-403-key", Failure::KeyWithheld),
        ("error-403-download", Failure::CrossSiteDownload),
        ("error-404", Failure::NotFound),
        ("error-405", Failure::MethodNotAllowed(Vec::new())),
        (
            "error-409",
            Failure::Action(ActionError::Conflict(Conflict::OrderPending)),
        ),
        ("error-413", Failure::TooLarge),
        ("error-415", Failure::UnsupportedMediaType("x")),
        ("error-421", Failure::Misdirected),
        ("error-422", Failure::Unprocessable("x")),
        (
            "error-422-faults",
            Failure::Action(ActionError::Invalid(vec![(Field::Form, changed)])),
        ),
        ("error-429", Failure::TooMany { retry_after: 30 }),
        ("error-500", Failure::Internal("x")),
        ("error-503", Failure::Unavailable { retry_after: 300 }),
    ];
    let page = |failure: &Failure| {
        ErrorPage {
            layout: signed_in(text, "/x"),
            failure,
            typed: typed(text),
            app_url: text("https://domains.example.edu"),
            request_id: text("01JD8Q2E"),
        }
        .render()
        .unwrap()
    };
    failures
        .iter()
        .map(|(name, failure)| (*name, page(failure)))
        .collect()
}

/// What a refused form held.
fn typed(text: &dyn Fn(&str) -> String) -> Vec<TypedField> {
    let fields = [("Name", "www"), ("Value", "192.168.1.1")];
    fields
        .map(|(label, sample)| TypedField {
            label,
            text: text(sample),
        })
        .to_vec()
}

fn issuance_forbidden(text: &dyn Fn(&str) -> String) -> IssuanceForbidden {
    IssuanceForbidden {
        domain: "user1.starchart.com".to_owned(),
        name: "user1.starchart.com".to_owned(),
        values: vec![text("0 issue")],
        authority: vec!["letsencrypt.org".to_owned()],
        missing: "issue",
        permission: Permission::No,
    }
}
