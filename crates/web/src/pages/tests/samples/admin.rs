//! Samples of the admin pages.

use askama::Template;
use starchart_domain::names::RootDomain;
use starchart_domain::user::UserId;
use starchart_domain::words::{ListKind, Source};
use starchart_store::admin::{
    CertificateStatus, ListedWord, NameInUse, Totals, TrailFilter, TrailLine, UserPage, UserRow,
};
use starchart_store::sessions::Impersonation;
use starchart_store::users::User;

use super::{NOW, in_days, signed_in, user};
use crate::actions::WordRefusal;
use crate::pages::Layout;
use crate::pages::admin::{
    DashboardPage, DeletePage, HealthItem, HealthItemKind, SearchResults, TrailPage, TriedName,
    WordList, WordRow, WordsPage,
};
use crate::pages::home::HomePage;

fn admin_layout(text: &dyn Fn(&str) -> String, path: &str) -> Layout {
    let mut layout = signed_in(text, path);
    if let Some(session) = &mut layout.session {
        session.user.groups.admin = true;
    }
    layout
}

fn search_results(text: &dyn Fn(&str) -> String) -> SearchResults {
    let row = |id: i64, is_admin: bool| {
        let mut user = User {
            id: UserId(id),
            ..user(text)
        };
        user.groups.admin = is_admin;
        UserRow {
            user,
            suspended: false,
            records: 3,
            certificate: CertificateStatus::Issued { until: in_days(90) },
        }
    };
    SearchResults {
        found: UserPage {
            rows: vec![row(1, true), row(2, false)],
            total: 42,
        },
        page: 2,
        pages: 3,
        previous: Some("/admin?searchText=use".to_owned()),
        next: Some("/admin?searchText=use&page=3".to_owned()),
    }
}

fn words(text: &dyn Fn(&str) -> String) -> WordsPage {
    let list = |(number, kind): (i64, ListKind)| WordList {
        kind,
        source: Source::File,
        others: vec![text("another"), text("word")],
        rows: vec![WordRow {
            word: ListedWord {
                id: number,
                kind,
                entry: text("darn"),
                added_by: text("user3"),
                added_at: NOW,
            },
            records: 3,
            holder: Some(text("user1")),
        }],
        input: text("Darn"),
        refusal: Some(WordRefusal::InUse {
            entry: text("darn"),
            records: 3,
            users: 1,
        }),
    };
    WordsPage {
        layout: admin_layout(text, "/admin/words"),
        root_domain: RootDomain::parse("starchart.com").unwrap(),
        tried: TriedName {
            input: text("my-darn"),
            is_refused: true,
            sentences: vec![text("Refused: the word “darn” is listed."), text("Why.")],
        },
        lists: (1..).zip(ListKind::ALL.iter().copied()).map(list).collect(),
        in_use: vec![NameInUse {
            fqdn: text("my-darn.user1.starchart.com"),
            username: text("user1"),
            records: 3,
            word: text("darn"),
        }],
        in_use_total: "3 records have a name".to_owned(),
        names_total: 51,
        word: text("darn"),
    }
}

pub(super) fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let item = |kind, title: &str| HealthItem {
        kind,
        retry_id: text("www.user1.starchart.com"),
        title: title.to_owned(),
        object: text("www.user1.starchart.com"),
        username: (kind == HealthItemKind::Name).then(|| text("user1")),
        reason: text("an RRset that is not ours exists at this name"),
        when: "since 2026-11-21 09:30 UTC".to_owned(),
    };
    let empty = DashboardPage {
        layout: admin_layout(text, "/admin"),
        admin: UserId(1),
        root_domain: RootDomain::parse("starchart.com").unwrap(),
        totals: Totals {
            users: 42,
            certificates: 7,
            records: 96,
        },
        health_items: Vec::new(),
        publishing: "Every name is published.".to_owned(),
        search_text: String::new(),
        fault: None,
        found: None,
    };
    let full = DashboardPage {
        health_items: vec![
            item(HealthItemKind::Name, "Refused record"),
            item(HealthItemKind::Mail, "Mail not sent"),
            item(HealthItemKind::Note, "Publishing is late"),
        ],
        search_text: text("user"),
        found: Some(search_results(text)),
        ..empty.clone()
    };
    let delete = DeletePage {
        layout: admin_layout(text, "/admin/delete"),
        user: user(text),
        consequences: vec![text("3 records leave the zone at once.")],
        search_text: text("user"),
        back_href: "/admin?searchText=user".to_owned(),
    };
    let line = TrailLine {
        id: 7,
        at: NOW,
        actor: Some(text("user3")),
        on_behalf_of: Some(text("user1")),
        action: text("record.create"),
        object: text("www.user1.starchart.com"),
        detail: text("A #7"),
        request_id: text("01JD8Q2E"),
    };
    let trail = TrailPage {
        layout: admin_layout(text, "/admin/trail"),
        lines: vec![
            TrailLine {
                actor: None,
                on_behalf_of: None,
                ..line.clone()
            },
            line,
        ],
        filter: TrailFilter {
            user: text("user1"),
            action: text("record"),
            object: text("www"),
        },
        is_older: true,
        newest_href: "/admin/trail?user=user1".to_owned(),
        older_href: Some("/admin/trail?user=user1&before=7".to_owned()),
    };
    let mut impersonating = signed_in(text, "/");
    if let Some(session) = &mut impersonating.session {
        let admin = User {
            username: text("user3"),
            ..user(text)
        };
        session.impersonation = Some(Impersonation { admin, until: NOW });
    }
    let home = |layout| {
        HomePage {
            groups_not_sent: false,
            layout,
            record_count: 3,
            has_certificate: true,
        }
        .render()
        .unwrap()
    };
    vec![
        ("admin", empty.render().unwrap()),
        (
            "admin-short",
            DashboardPage {
                fault: Some(text("Type 3 letters or more.")),
                ..empty
            }
            .render()
            .unwrap(),
        ),
        ("admin-full", full.render().unwrap()),
        ("admin-delete", delete.render().unwrap()),
        ("admin-trail", trail.render().unwrap()),
        ("admin-words", words(text).render().unwrap()),
        ("home-admin", home(admin_layout(text, "/"))),
        ("home-impersonating", home(impersonating)),
    ]
}
