//! The pages of admins.

use askama::Template;

use super::super::super::*;
use super::signed_in;

fn admin_shell(text: &dyn Fn(&str) -> String, path: &str) -> Shell {
    let mut shell = signed_in(text, path);
    let user = HeaderUser {
        is_admin: true,
        impersonation: None,
        ..shell.user.unwrap()
    };
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

pub(super) fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
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
        lines: vec![
            TrailItem {
                actor: None,
                on_behalf_of: None,
                ..line.clone()
            },
            line,
        ],
        person: text("user1"),
        action: text("record"),
        object: text("www"),
        is_older: true,
        newest: "/admin/trail?person=user1".to_owned(),
        older: Some("/admin/trail?person=user1&before=7".to_owned()),
    };
    let mut helping = signed_in(text, "/");
    let impersonation = Some(HeaderImpersonation {
        admin: text("user3"),
        until: "2026-11-21T09:30:00Z".to_owned(),
    });
    helping.user = Some(HeaderUser {
        impersonation,
        ..helping.user.unwrap()
    });
    let home = |shell| {
        HomePage {
            shell,
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
        ("home-admin", home(admin_shell(text, "/"))),
        ("home-impersonating", home(helping)),
    ]
}
