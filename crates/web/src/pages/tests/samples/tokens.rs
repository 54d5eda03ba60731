//! The pages about API tokens.

use askama::Template;
use starchart_domain::api::Protocol;
use starchart_domain::names::{BaseDomain, Label, RootDomain};
use starchart_domain::token::{
    Access, CertificateRights, NamePattern, Networks, PatternFault, RecordRight, RecordRightForm,
    TokenFault, TokenField, TokenForm, TokenId, TokenRights, TokenSecret,
};
use starchart_store::admin::OwnedToken;
use starchart_store::machines::MachineCounts;
use starchart_store::token_usage::{RequestCounts, TokenUsage};
use starchart_store::tokens::LastUse;

use super::certificates::machine;
use super::{NOW, in_days, signed_in, user};
use crate::actions::Token;
use crate::pages::admin::{AdminTokenRow, AllTokensPage};
use crate::pages::tokens::{
    EndTokenPage, NewTokenPage, Preset, Snippet, TokenCreatedPage, TokenRow, TokensPage,
    usage_lines,
};

fn base() -> BaseDomain {
    let root = RootDomain::parse("starchart.com").unwrap();
    root.base(&Label::parse("user1").unwrap())
}

fn usage() -> TokenUsage {
    let hour = RequestCounts {
        requests: 120,
        refused: 3,
        ..RequestCounts::default()
    };
    let day = RequestCounts {
        requests: 2_300,
        refused: 3,
        throttled: 12,
        faulty: 4,
        failed: 1,
    };
    TokenUsage {
        hour,
        day,
        protocols: [(Protocol::Rest, 2_000), (Protocol::DynDns, 300)].into(),
    }
}

fn token(text: &dyn Fn(&str) -> String, id: i64) -> Token {
    Token {
        id: TokenId(id),
        name: text("Certbot on my server"),
        prefix: "sc_Ab3dE6gH".to_owned(),
        rights: TokenRights {
            records: vec![RecordRight {
                access: Access::Write,
                names: NamePattern::Subtree("dev".to_owned()),
                types: vec![],
            }],
            challenges: vec![NamePattern::Name("@".to_owned())],
            addresses: vec!["home".to_owned()],
            certificate: CertificateRights::default(),
        },
        networks: Networks::parse("192.0.2.0/24, 2001:db8::7").unwrap(),
        created_at: NOW,
        expires_at: in_days(90),
        idle_ms: Some(30 * 24 * 60 * 60 * 1_000),
        last_used: Some(LastUse {
            at: NOW,
            from: text("192.0.2.9"),
            by: text("certbot/5.8.0"),
        }),
        ended_at: None,
    }
}

fn row(token: Token, days: i64) -> TokenRow {
    TokenRow {
        usage: usage_lines(&usage()),
        ..TokenRow::new(token, &base(), in_days(days))
    }
}

pub(super) fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let layout = |path: &str| signed_in(text, path);
    let ended = Token {
        ended_at: Some(in_days(2)),
        last_used: None,
        ..token(text, 2)
    };
    let list = TokensPage {
        layout: layout("/tokens"),
        is_off: true,
        has_rest: false,
        rows: vec![
            row(token(text, 1), 3),
            row(ended, 3),
            row(token(text, 3), 40),
            row(token(text, 4), 100),
        ],
        machines: vec![machine(text, 1, 1), machine(text, 2, 0)],
        certificate: Some(1),
    };
    let empty = TokensPage {
        layout: layout("/tokens"),
        is_off: false,
        has_rest: true,
        rows: Vec::new(),
        machines: Vec::new(),
        certificate: None,
    };
    let end = EndTokenPage {
        layout: layout("/tokens/1/end"),
        row: row(token(text, 1), 3),
    };
    let created = TokenCreatedPage {
        layout: layout("/tokens/new"),
        row: row(token(text, 1), 0),
        secret: TokenSecret::from_random(&[7; 32]),
        snippets: vec![Snippet {
            title: "Try it",
            intro: "It answers with what the token may do.",
            lines: text("curl"),
        }],
    };
    let all = AllTokensPage {
        layout: layout("/admin/tokens"),
        username: text("user1"),
        sort: "requests",
        machines: MachineCounts {
            regular: 12,
            stopped: 2,
        },
        rows: vec![AdminTokenRow {
            rights: vec![text("Read records")],
            usage: usage_lines(&usage()),
            owned: OwnedToken {
                token: token(text, 1),
                owner: user(text),
                usage: usage(),
            },
            idle_since: Some(NOW),
        }],
        older_href: Some("/admin/tokens?before=1".to_owned()),
    };
    let mut out = vec![
        ("tokens-of-all", all.render().unwrap()),
        ("tokens", list.render().unwrap()),
        ("tokens-empty", empty.render().unwrap()),
        ("tokens-end", end.render().unwrap()),
        ("tokens-created", created.render().unwrap()),
    ];
    for (name, preset, is_withheld) in [
        ("tokens-presets", None, false),
        ("tokens-new-certbot", Some(Preset::Certbot), false),
        ("tokens-new-router", Some(Preset::Router), false),
        ("tokens-new-github", Some(Preset::GitHubActions), false),
        ("tokens-new-server", Some(Preset::Server), false),
        ("tokens-new-custom", Some(Preset::Custom), false),
        ("tokens-new-withheld", Some(Preset::Custom), true),
    ] {
        out.push((name, new_token(text, preset, is_withheld).render().unwrap()));
    }
    out
}

/// The form of a preset with a fault in every field.
fn new_token(
    text: &dyn Fn(&str) -> String,
    preset: Option<Preset>,
    is_withheld: bool,
) -> NewTokenPage {
    let records = RecordRightForm {
        access: "write".to_owned(),
        names: text("dev"),
        below: true,
        types: text("A"),
    };
    let fault = || TokenFault::Pattern {
        typed: text("*.dev"),
        fault: PatternFault::Wildcard,
    };
    let fields = [
        TokenField::Name,
        TokenField::Record(0),
        TokenField::Challenges,
        TokenField::Addresses,
        TokenField::Networks,
        TokenField::LastDay,
        TokenField::IdleDays,
        TokenField::Form,
    ];
    NewTokenPage {
        layout: signed_in(text, "/tokens/new"),
        base: base(),
        preset,
        form: TokenForm {
            name: text("Certbot on my server"),
            records: vec![records.clone(), records, RecordRightForm::default()],
            challenges: text("@"),
            challenges_below: true,
            addresses: text("home"),
            certificate: CertificateRights {
                read: true,
                read_key: true,
                request: true,
            },
            networks: text("192.0.2.7"),
            last_day: text("2027-03-01"),
            idle_days: text("120"),
        },
        faults: fields.map(|field| (field, fault())).to_vec(),
        problem: Some(text("You have 50 API tokens.")),
        is_withheld,
    }
}
