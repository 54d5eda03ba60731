//! Samples of the admin pages.

use askama::Template;

use super::super::super::*;
use super::signed_in;

fn admin_layout(text: &dyn Fn(&str) -> String, path: &str) -> Layout {
    let mut layout = signed_in(text, path);
    let user = HeaderUser {
        is_admin: true,
        impersonation: None,
        ..layout.user.unwrap()
    };
    layout.user = Some(user);
    layout
}

fn search_results(text: &dyn Fn(&str) -> String) -> UserSearchResults {
    let user = |id: i64, is_own: bool| FoundUser {
        id,
        email: text("user1@school.example"),
        name: text("Johannes Kepler"),
        username: text("user1"),
        domain: Some(text("user1.starchart.com")),
        records: 3,
        certificate: "issued, until 2027-02-19".to_owned(),
        marks: vec!["admin"],
        no_impersonation: is_own.then(|| "This is your own account.".to_owned()),
        no_deletion: is_own.then(|| "This is your own account.".to_owned()),
        delete_href: "/admin/delete?username=user1".to_owned(),
    };
    UserSearchResults {
        users: vec![user(1, true), user(2, false)],
        total: 42,
        page: 2,
        pages: 3,
        previous: Some("/admin?searchText=use".to_owned()),
        next: Some("/admin?searchText=use&page=3".to_owned()),
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
    let empty = AdminPage {
        layout: admin_layout(text, "/admin"),
        users: 42,
        certificates: 7,
        records: 96,
        health_items: Vec::new(),
        publishing: "Every name is published.".to_owned(),
        search_text: String::new(),
        fault: None,
        found: None,
    };
    let full = AdminPage {
        health_items: vec![
            item(HealthItemKind::Name, "Refused record"),
            item(HealthItemKind::Mail, "Mail not sent"),
            item(HealthItemKind::Note, "Publishing is late"),
        ],
        search_text: text("user"),
        found: Some(search_results(text)),
        ..empty.clone()
    };
    let delete = AdminDeletePage {
        layout: admin_layout(text, "/admin/delete"),
        username: text("user1"),
        name: text("Johannes Kepler"),
        email: text("user1@school.example"),
        consequences: vec![text("3 records leave the zone at once.")],
        search_text: text("user"),
        back_href: "/admin?searchText=user".to_owned(),
    };
    let row = TrailRow {
        at: "2026-11-21T09:30:00Z".to_owned(),
        actor: Some(text("user3")),
        on_behalf_of: Some(text("user1")),
        action: text("record.create"),
        object: text("www.user1.starchart.com"),
        detail: text("A #7"),
        request_id: text("01JD8Q2E"),
    };
    let trail = TrailPage {
        layout: admin_layout(text, "/admin/trail"),
        rows: vec![
            TrailRow {
                actor: None,
                on_behalf_of: None,
                ..row.clone()
            },
            row,
        ],
        username: text("user1"),
        action: text("record"),
        object: text("www"),
        is_older: true,
        newest_href: "/admin/trail?user=user1".to_owned(),
        older_href: Some("/admin/trail?user=user1&before=7".to_owned()),
    };
    let mut impersonating = signed_in(text, "/");
    let impersonation = Some(HeaderImpersonation {
        admin: text("user3"),
        until: "2026-11-21T09:30:00Z".to_owned(),
    });
    impersonating.user = Some(HeaderUser {
        impersonation,
        ..impersonating.user.unwrap()
    });
    let home = |layout| {
        HomePage {
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
            AdminPage {
                fault: Some(text("Type 3 letters or more.")),
                ..empty
            }
            .render()
            .unwrap(),
        ),
        ("admin-full", full.render().unwrap()),
        ("admin-delete", delete.render().unwrap()),
        ("admin-trail", trail.render().unwrap()),
        ("home-admin", home(admin_layout(text, "/"))),
        ("home-impersonating", home(impersonating)),
    ]
}
