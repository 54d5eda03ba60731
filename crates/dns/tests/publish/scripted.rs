//! A zone in memory whose answers a test decides, with rows to publish into it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use starchart_dns::engine::publish::{PublishError, PublishReport, publish};
use starchart_dns::provider::memory::Memory;
use starchart_dns::provider::{
    Capabilities, Change, ChangeError, ChangeId, Provider, ProviderError, ZoneRrset,
};
use starchart_domain::rrset::{Rrset, RrsetValues};

use super::ROOT;
use super::journal::Rows;

/// What becomes of a change.
#[derive(Clone)]
pub(crate) enum Answer {
    /// The zone answers as usual.
    Usual,
    /// The zone answers as usual, but the answer is lost.
    Lost,
    /// The provider answers with this error and changes nothing.
    Error(ChangeError),
}

/// A request without an answer, which has no effect.
pub(crate) fn no_effect() -> Answer {
    Answer::Error(ChangeError::OutcomeUnknown("timed out".to_owned()))
}

type Script = dyn FnMut(&Memory, &[Change]) -> Answer + Send;

pub(crate) struct Scripted {
    pub(crate) zone: Memory,
    script: Mutex<Box<Script>>,
    read_errors: Mutex<VecDeque<ProviderError>>,
    domains: Mutex<VecDeque<Result<String, ProviderError>>>,
    log: Mutex<Log>,
}

/// The requests so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// The first labels of the names in each change.
    pub(crate) sent: Vec<String>,
    pub(crate) reads: usize,
    pub(crate) lists: usize,
    pub(crate) domains: usize,
}

impl Scripted {
    /// Makes an empty zone. The script may change it as another party would, and answers changes.
    pub(crate) fn new(script: impl FnMut(&Memory, &[Change]) -> Answer + Send + 'static) -> Self {
        Self {
            zone: Memory::new(ROOT),
            script: Mutex::new(Box::new(script)),
            read_errors: Mutex::default(),
            domains: Mutex::default(),
            log: Mutex::default(),
        }
    }

    /// Fails the next reads or listings with these errors.
    pub(crate) fn fail_reads(&self, errors: impl IntoIterator<Item = ProviderError>) {
        lock(&self.read_errors).extend(errors);
    }

    /// Decides the answer to the next request for the zone's domain.
    pub(crate) fn answer_domain(&self, answer: Result<&str, ProviderError>) {
        lock(&self.domains).push_back(answer.map(str::to_owned));
    }

    pub(crate) fn log(&self) -> Log {
        lock(&self.log).clone()
    }

    fn fail_read(&self) -> Result<(), ProviderError> {
        lock(&self.read_errors).pop_front().map_or(Ok(()), Err)
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn first_labels(changes: &[Change]) -> String {
    let names = changes.iter().map(|change| change.set.name.as_str());
    let mut labels: Vec<&str> = names
        .map(|name| name.split('.').next().unwrap_or_default())
        .collect();
    labels.dedup();
    labels.join(" ")
}

#[async_trait]
impl Provider for Scripted {
    fn capabilities(&self) -> Capabilities {
        self.zone.capabilities()
    }

    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ChangeError> {
        lock(&self.log).sent.push(first_labels(changes));
        let answer = (*lock(&self.script))(&self.zone, changes);
        match answer {
            Answer::Usual => self.zone.change(changes).await,
            Answer::Lost => {
                let _ = self.zone.change(changes).await;
                Err(ChangeError::OutcomeUnknown("timed out".to_owned()))
            }
            Answer::Error(error) => Err(error),
        }
    }

    async fn read(&self, name: &str) -> Result<Vec<ZoneRrset>, ProviderError> {
        self.fail_read()?;
        lock(&self.log).reads += 1;
        self.zone.read(name).await
    }

    async fn list(&self) -> Result<Vec<ZoneRrset>, ProviderError> {
        self.fail_read()?;
        lock(&self.log).lists += 1;
        self.zone.list().await
    }

    async fn domain(&self) -> Result<String, ProviderError> {
        lock(&self.log).domains += 1;
        let answer = lock(&self.domains).pop_front();
        answer.unwrap_or_else(|| Ok(ROOT.to_owned()))
    }

    async fn name_servers(&self) -> Result<Vec<String>, ProviderError> {
        self.zone.name_servers().await
    }
}

/// Rows and a scripted zone.
pub(crate) struct ScriptedWorld {
    pub(crate) provider: Scripted,
    pub(crate) rows: Rows,
}

impl ScriptedWorld {
    pub(crate) fn new(script: impl FnMut(&Memory, &[Change]) -> Answer + Send + 'static) -> Self {
        Self {
            provider: Scripted::new(script),
            rows: Rows::default(),
        }
    }

    /// Answers the next changes like this, further ones as usual.
    pub(crate) fn answering(answers: impl Into<VecDeque<Answer>>) -> Self {
        let mut answers = answers.into();
        Self::new(move |_, _| answers.pop_front().unwrap_or(Answer::Usual))
    }

    pub(crate) async fn publish(&mut self) -> Result<PublishReport, PublishError<Infallible>> {
        let work = self.rows.work();
        publish(&self.provider, &mut self.rows, work).await
    }

    /// Makes a name want these RRsets.
    pub(crate) fn want(&mut self, sets: &[Rrset]) {
        let name = sets.first().map(|set| set.name.clone());
        self.rows.want(&name.unwrap_or_default(), sets.to_vec());
    }

    /// Puts an RRset into the zone as another party would.
    pub(crate) fn put(&self, set: &Rrset) {
        self.provider.zone.put(ZoneRrset::from(set));
    }

    /// The values of an RRset in the zone.
    pub(crate) fn values(&self, set: &Rrset) -> Option<RrsetValues> {
        let is_it = |found: &ZoneRrset| found.name == set.name && found.rtype == set.rtype.as_str();
        let sets = self.provider.zone.rrsets();
        sets.into_iter().find(is_it).map(|found| found.values)
    }
}
