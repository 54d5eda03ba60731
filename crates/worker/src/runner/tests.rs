use std::sync::atomic::{AtomicU32, Ordering};

use starchart_domain::timers::Timers;
use starchart_jobs::WakeUp;
use starchart_store::Error;
use starchart_store::lease::Lease;
use tokio::sync::mpsc;

use super::*;
use crate::job::{Job, entry};
use crate::tests::World;

/// A job that panics in its first run, and reports each later run.
struct Panicking {
    runs: AtomicU32,
    report: mpsc::UnboundedSender<u32>,
}

impl Job for Panicking {
    const NAME: &'static str = "panicking";
    const WAKE_UP: Option<WakeUp> = Some(WakeUp::Mail);

    fn period(_: &Timers) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn run(&self, _: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        let _ = self.report.send(run);
        assert!(run > 0, "the first run panics");
        Ok(Outcome::Done)
    }
}

/// A job that reports each run and ends with a database error.
struct Failing {
    report: mpsc::UnboundedSender<u32>,
}

impl Job for Failing {
    const NAME: &'static str = "failing";

    fn period(_: &Timers) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn run(&self, _: &Context, _: Option<&Lease>) -> Result<Outcome, Error> {
        let _ = self.report.send(0);
        Err(Error::Corrupt("a row cannot be read".to_owned()))
    }
}

#[tokio::test]
async fn a_panic_ends_one_run_and_neither_its_job_nor_the_runner() {
    let world = World::new().await;
    let (report, mut panicking) = mpsc::unbounded_channel();
    let (failing_report, mut failing) = mpsc::unbounded_channel();
    let table = vec![
        entry(Panicking {
            runs: AtomicU32::new(0),
            report,
        }),
        entry(Failing {
            report: failing_report,
        }),
    ];
    let context = world.context.clone();
    let running = tokio::spawn(async move { run_table(&context, table).await });
    assert_eq!(panicking.recv().await, Some(0));
    world.context.queue.wake(WakeUp::Mail);
    assert_eq!(panicking.recv().await, Some(1), "woken after the panic");
    for _ in 0..2 {
        assert_eq!(failing.recv().await, Some(0), "repeated after the error");
    }
    world.context.stop.cancel();
    assert!(running.await.is_ok(), "the runner ends at the shutdown");
}
