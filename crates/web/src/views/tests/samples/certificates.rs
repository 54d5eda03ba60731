//! Samples of the certificate pages.

use askama::Template;
use starchart_domain::certificate::OrderStep;
use starchart_domain::publish::PublishState;

use super::super::super::*;
use super::signed_in;

fn certificate_page(text: &dyn Fn(&str) -> String) -> CertificatePage {
    CertificatePage {
        layout: signed_in(text, "/certificate"),
        active: None,
        order: None,
        is_off: false,
        shut_out: Some(text("The CAA records do not allow it")),
        refused: None,
        key_withheld: false,
        page_revision: "0".to_owned(),
        poll_after_s: 0,
    }
}

fn active(text: &dyn Fn(&str) -> String, renewal: Renewal) -> ActiveCertificate {
    ActiveCertificate {
        domain: text("user1.starchart.com"),
        created_on: text("2026-11-21"),
        expires_on: text("2027-02-19"),
        expired: false,
        renewal,
        next_request_at: Some(text("2026-11-22 10:00 UTC")),
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
        provider: "Route53",
    }
}

pub(super) fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let page = || certificate_page(text);
    let refusal = PublishState::Refused {
        reason: text("an RRset that is not ours exists at this name"),
    };
    let stuck = OrderProgress {
        dns: Some(refusal),
        ..order(text, OrderStep::Publishing, None)
    };
    let waiting = OrderProgress {
        retry_at: Some(text("2026-11-22 10:00 UTC")),
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
        active: Some(active(text, Renewal::InProgress)),
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
    let refused = Some(text(
        "You have requested a certificate 3 times within 24 hours.",
    ));
    let delete = CertificateDeletePage {
        layout: signed_in(text, "/certificate/delete"),
        active: active(text, Renewal::Open),
    };
    let help = InformationPage {
        layout: signed_in(text, "/certificate/information"),
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
            issued(Renewal::From(text("2027-01-20"))).render().unwrap(),
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
        ("certificate-delete", delete.render().unwrap()),
        ("information", help.render().unwrap()),
    ]
}
