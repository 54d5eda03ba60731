//! A year of renewals by the test's clock, at the lives of certificates that authorities use.
//!
//! The figures are printed: `--no-capture` shows them.
#![expect(clippy::print_stdout, reason = "measurements are printed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use starchart_acme::authority::{AuthorityError, RenewalInfo as Answer};
use starchart_domain::certificate::Validity;
use starchart_domain::certificate::renewal_info::RenewalWindow;
use starchart_jobs::WakeUp;
use time::Duration;

use super::{DAY_MS, World};
use crate::jobs::certificate::Certificate;
use crate::jobs::expiry::Expiry;
use crate::jobs::renewal::Renewal;
use crate::jobs::renewal_info::RenewalInfo;
use crate::start_time::StartTime;

const HOUR_MS: i64 = 60 * 60 * 1_000;
/// More than the interval between two runs of a job with a lease that limits its rate.
const NEXT_RUN_MS: i64 = 11_000;
/// The day on which the authority goes away, and for how many days.
const AWAY: (i64, i64) = (120, 3);
/// The day on which the authority asks to renew every certificate now.
const REVOCATION: i64 = 200;

/// What happened from the begin of the year until some day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Figures {
    issued: i64,
    renewals: i64,
    replacements: i64,
    expired: i64,
    /// Mails that ask their reader to do something about a certificate that was not renewed.
    mails: i64,
}

struct Year {
    world: World,
    expiry: Expiry,
    /// The authority asks to renew every certificate that it issued before this time now.
    revoked_before: Arc<AtomicI64>,
    day: i64,
    /// The time between two runs of the jobs.
    step_ms: i64,
}

/// Answers as Let's Encrypt does: a short window around a third of the life left, or half of a
/// short one; and a window in the past while certificates are about to be revoked.
fn window(validity: Validity, revoked_before: i64) -> RenewalWindow {
    if validity.not_before.as_millis() < revoked_before {
        return RenewalWindow {
            start: validity.not_before,
            end: validity.not_before.plus(1),
        };
    }
    let margin = validity.life_ms() / 100;
    RenewalWindow {
        start: validity.renewal_at().plus(-margin),
        end: validity.renewal_at().plus(margin),
    }
}

impl Year {
    /// Begins the year: the users ask for their certificates in the first days.
    async fn new(users: i64, life: Duration, step_hours: i64) -> Self {
        let world = World::new().await;
        let revoked_before = Arc::new(AtomicI64::new(0));
        world.authority.set_life(life);
        world.authority.reuse_validations();
        let before = Arc::clone(&revoked_before);
        world.authority.answer_renewal_info(move |validity| {
            Ok(Answer {
                window: window(validity, before.load(Ordering::SeqCst)),
                retry_after: std::time::Duration::from_secs(86_400),
                explanation_url: None,
            })
        });
        let mut year = Self {
            world,
            expiry: Expiry::new(StartTime::default()),
            revoked_before,
            day: 0,
            step_ms: step_hours * HOUR_MS,
        };
        let per_day = users / 4;
        for n in 0..users {
            let user = year.world.user(&format!("user{n}")).await;
            year.world.request_certificate(&user).await;
            if n % per_day == per_day - 1 {
                year.until(year.day + 1).await;
            }
        }
        year
    }

    /// Lets time pass until the begin of this day.
    async fn until(&mut self, day: i64) {
        while self.day < day {
            for _ in 0..DAY_MS / self.step_ms {
                self.step().await;
            }
            self.day += 1;
        }
    }

    /// Runs the jobs until no renewal is opened any more, and lets some hours pass.
    async fn step(&self) {
        let world = &self.world;
        let mut left = self.step_ms;
        let mut opened = true;
        while opened && left > NEXT_RUN_MS {
            world.run(&RenewalInfo).await;
            world.woken().await;
            world.run(&Renewal).await;
            opened = world.woken().await.contains(&WakeUp::Certificate);
            world.run(&Certificate).await;
            left -= NEXT_RUN_MS;
            world.later(NEXT_RUN_MS);
        }
        world.run(&self.expiry).await;
        world.later(left);
    }

    async fn figures(&self) -> Figures {
        let number = async |sql: &str| self.world.number(sql).await;
        let figures = Figures {
            issued: number("SELECT COUNT(*) FROM certificates").await,
            renewals: number("SELECT COUNT(*) FROM certificates WHERE state = 'replaced'").await,
            replacements: number(
                "SELECT COUNT(*) FROM certificate_orders WHERE is_replacement = 1 AND \
                 step = 'issued'",
            )
            .await,
            expired: number("SELECT COUNT(*) FROM certificates WHERE state = 'expired'").await,
            mails: number(
                "SELECT COUNT(*) FROM outbox WHERE kind IN ('certificate_expiring', \
                 'certificate_failed', 'certificate_expired')",
            )
            .await,
        };
        println!("  until day {:3}: {figures:?}", self.day);
        figures
    }

    /// Asks to renew every certificate now; returns how many days it takes until all are renewed.
    async fn revoke_all(&mut self) -> i64 {
        let newest = self.world.number("SELECT MAX(id) FROM certificates").await;
        let now = self.world.store().now().await.unwrap();
        self.revoked_before.store(now.as_millis(), Ordering::SeqCst);
        let old =
            format!("SELECT COUNT(*) FROM certificates WHERE state = 'active' AND id <= {newest}");
        let from = self.day;
        while self.world.number(&old).await > 0 && self.day < from + 10 {
            self.until(self.day + 1).await;
        }
        self.day - from
    }
}

async fn simulate(users: i64, life: Duration, step_hours: i64) -> [Figures; 4] {
    let started = std::time::Instant::now();
    println!("{users} users, certificates of {life}");
    let mut year = Year::new(users, life, step_hours).await;
    year.until(AWAY.0).await;
    let quiet = year.figures().await;
    let calls = [
        "new order",
        "fetch order",
        "finalize",
        "download chain",
        "renewal info",
    ];
    for call in calls {
        year.world
            .authority
            .fail(call, AuthorityError::unavailable("no connection"));
    }
    year.until(AWAY.0 + AWAY.1).await;
    year.world.authority.recover();
    year.until(REVOCATION).await;
    let away = year.figures().await;
    let days = year.revoke_all().await;
    println!("  all renewed {days} days after the authority asked for it");
    let revoked = year.figures().await;
    year.until(365).await;
    let all = year.figures().await;
    println!(
        "  questions {}, {:.1} s",
        year.world.authority.take_questions().len(),
        started.elapsed().as_secs_f64()
    );
    assert!(days <= 2, "{days}");
    [quiet, away, revoked, all]
}

/// Checks that nothing expired, that every renewal was a replacement, and how many renewals there
/// were.
fn check(users: i64, figures: [Figures; 4], renewals_per_user: i64) {
    for part in figures {
        assert_eq!(part.expired, 0);
        assert_eq!(part.replacements, part.renewals);
        assert_eq!(part.issued, part.renewals + users);
    }
    let [quiet, .., all] = figures;
    assert_eq!(quiet.mails, 0);
    assert!(all.renewals >= users * renewals_per_user, "{all:?}");
}

async fn of_64_days(users: i64) {
    let figures = simulate(users, Duration::days(64), 24).await;
    check(users, figures, 7);
    assert_eq!(figures[3].mails, 0);
}

async fn of_45_days(users: i64) {
    let figures = simulate(users, Duration::days(45), 24).await;
    check(users, figures, 10);
    assert_eq!(figures[3].mails, 0);
}

/// While the authority is away for three days, owners of certificates that live six days get mails:
/// it might not come back in time.
async fn of_six_days(users: i64) {
    check(users, simulate(users, Duration::hours(160), 4).await, 80);
}

#[tokio::test]
async fn a_year_of_certificates_of_64_days() {
    of_64_days(12).await;
}

#[tokio::test]
async fn a_year_of_certificates_of_45_days() {
    of_45_days(12).await;
}

#[tokio::test]
async fn a_year_of_certificates_of_six_days() {
    of_six_days(4).await;
}

#[tokio::test]
#[ignore = "takes half an hour; a few users show the same"]
async fn a_year_of_200_users() {
    of_64_days(200).await;
    of_45_days(200).await;
    of_six_days(200).await;
}
