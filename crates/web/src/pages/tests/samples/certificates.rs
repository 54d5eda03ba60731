//! Samples of the certificate pages.

use askama::Template;
use starchart_domain::certificate::OrderStep;
use starchart_domain::publish::PublishState;
use starchart_domain::token::TokenId;
use starchart_store::certificates::revocations::{Revocation, ValidCertificate};
use starchart_store::certificates::{Certificate, OrderView};

use super::{NOW, in_days, issuance_forbidden, signed_in};
use crate::actions::{CaaProblem, Machine, Pkcs12PasswordFault};
use crate::pages::certificate::{
    ActiveCertificate, CertificatePage, DeletePage, InformationPage, Renewal, RevokePage,
};

fn certificate_page(text: &dyn Fn(&str) -> String) -> CertificatePage {
    CertificatePage {
        layout: signed_in(text, "/certificate"),
        active: None,
        order: None,
        is_off: false,
        caa_problem: Some(CaaProblem {
            after: None,
            forbidden: issuance_forbidden(text),
        }),
        next_request_at: Some(in_days(1)),
        refused: None,
        machines: vec![machine(text, 1, 1), machine(text, 2, 0)],
        password_fault: Some(Pkcs12PasswordFault::TooShort),
        key_withheld: false,
        page_revision: "0".to_owned(),
        poll_after_s: 0,
    }
}

/// A machine that has fetched this certificate.
pub(super) fn machine(text: &dyn Fn(&str) -> String, id: i64, certificate: i64) -> Machine {
    Machine {
        id,
        name: text("web1"),
        token: TokenId(1),
        token_name: text("My server"),
        certificate,
        first_seen: NOW,
        last_seen: in_days(1),
    }
}

fn active(text: &dyn Fn(&str) -> String, renewal: Renewal) -> ActiveCertificate {
    ActiveCertificate {
        certificate: Certificate {
            id: 1,
            domain: text("user1.starchart.com"),
            certificate: String::new(),
            chain: String::new(),
            not_before: NOW,
            not_after: in_days(90),
            renew_at: in_days(60),
            created_at: NOW,
        },
        expired: false,
        renewal,
        next_request_at: Some(in_days(1)),
    }
}

fn order(text: &dyn Fn(&str) -> String, step: OrderStep, problem: Option<&str>) -> OrderView {
    OrderView {
        id: 1,
        automatic: false,
        step,
        dns: Some(PublishState::Answered { by: 2, of: 4 }),
        problem: problem.map(text),
        retry_at: None,
        dns_not_checked: false,
        waiting_before: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(super) fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let page = || certificate_page(text);
    let refusal = PublishState::Refused {
        reason: text("an RRset that is not ours exists at this name"),
    };
    let stuck = OrderView {
        dns: Some(refusal),
        ..order(text, OrderStep::Publishing, None)
    };
    let waiting = OrderView {
        retry_at: Some(in_days(1)),
        waiting_before: Some(12),
        ..order(
            text,
            OrderStep::Ordered,
            Some("The certificate authority accepts no more requests this week."),
        )
    };
    let reason = "The certificate authority did not find the TXT record.";
    let pending = |order| CertificatePage {
        order: Some(order),
        poll_after_s: 1,
        ..page()
    };
    let issued = |renewal| CertificatePage {
        active: Some(active(text, renewal)),
        ..page()
    };
    let renewing = CertificatePage {
        active: Some(active(text, Renewal::Pending)),
        ..pending(waiting.clone())
    };
    let failed = CertificatePage {
        order: Some(order(text, OrderStep::Failed, Some(reason))),
        ..page()
    };
    let renewal_failed = CertificatePage {
        active: Some(active(text, Renewal::Open)),
        ..failed.clone()
    };
    let expired = ActiveCertificate {
        expired: true,
        ..active(text, Renewal::Off)
    };
    let ending = CertificatePage {
        caa_problem: Some(CaaProblem {
            after: Some(in_days(20)),
            forbidden: issuance_forbidden(text),
        }),
        ..issued(Renewal::Open)
    };
    let refused = Some(text(
        "You have requested a certificate 3 times within 24 hours.",
    ));
    let delete = DeletePage {
        layout: signed_in(text, "/certificate/delete"),
        active: active(text, Renewal::Open),
    };
    let valid = |id: i64, revocation: Revocation| ValidCertificate {
        id,
        domain: text("user1.starchart.com"),
        is_active: id == 3,
        created_at: NOW,
        not_after: in_days(90),
        revocation,
    };
    let revoke = RevokePage {
        layout: signed_in(text, "/certificate/revoke"),
        certificates: vec![
            valid(4, Revocation::Pending),
            valid(3, Revocation::None),
            valid(2, Revocation::Done(NOW)),
            valid(1, Revocation::None),
        ],
        chosen: Some(3),
        reason_chosen: None,
        replaces: true,
        fault: Some("Choose why you revoke it."),
    };
    let help = InformationPage {
        layout: signed_in(text, "/certificate/information"),
        active: Some(active(text, Renewal::Open).certificate),
        caa_identities: vec![text("ca.example")],
        daily_limit: 3,
    };
    vec![
        ("certificate", page().render().unwrap()),
        (
            "certificate-off",
            CertificatePage {
                is_off: true,
                active: Some(expired),
                ..page()
            }
            .render()
            .unwrap(),
        ),
        (
            "certificate-refused",
            CertificatePage { refused, ..page() }.render().unwrap(),
        ),
        (
            "certificate-pending",
            pending(order(text, OrderStep::Publishing, None))
                .render()
                .unwrap(),
        ),
        ("certificate-waiting", pending(waiting).render().unwrap()),
        ("certificate-stuck", pending(stuck).render().unwrap()),
        ("certificate-renewing", renewing.render().unwrap()),
        ("certificate-failed", failed.render().unwrap()),
        (
            "certificate-renewal-failed",
            renewal_failed.render().unwrap(),
        ),
        (
            "certificate-issued",
            issued(Renewal::From(in_days(60))).render().unwrap(),
        ),
        (
            "certificate-withheld",
            CertificatePage {
                key_withheld: true,
                ..issued(Renewal::Open)
            }
            .render()
            .unwrap(),
        ),
        ("certificate-caa-expires", ending.render().unwrap()),
        ("certificate-delete", delete.render().unwrap()),
        ("certificate-revoke", revoke.render().unwrap()),
        ("information", help.render().unwrap()),
    ]
}
