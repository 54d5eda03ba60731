//! The in-memory provider with faults that a test injects.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use starchart_dns::provider::memory::Memory;
use starchart_dns::provider::{
    Capabilities, Change, ChangeError, ChangeId, Provider, ProviderError, ZoneRrset,
};

/// A zone in memory whose next answers a test decides.
pub(crate) struct ScriptedProvider {
    pub(crate) zone: Memory,
    change_errors: Mutex<VecDeque<ChangeError>>,
    list_errors: Mutex<VecDeque<ProviderError>>,
    during_change: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl ScriptedProvider {
    pub(crate) fn new(domain: &str) -> Self {
        Self {
            zone: Memory::new(domain),
            change_errors: Mutex::default(),
            list_errors: Mutex::default(),
            during_change: Mutex::default(),
        }
    }

    /// Fails the next change, which changes nothing.
    pub(crate) fn fail_change(&self, error: ChangeError) {
        lock(&self.change_errors).push_back(error);
    }

    /// Fails the next listing.
    pub(crate) fn fail_list(&self, error: ProviderError) {
        lock(&self.list_errors).push_back(error);
    }

    /// Does something after the next change or its failure, before the provider answers.
    pub(crate) fn during_change(&self, event: impl Future<Output = ()> + Send + 'static) {
        *lock(&self.during_change) = Some(Box::pin(event));
    }

    /// Puts a simple RRset into the zone, as another party would.
    pub(crate) fn put(&self, name: &str, rtype: &str, value: &str) {
        self.put_with_ttl(name, rtype, value, 300);
    }

    /// Does the same with this TTL, in seconds.
    pub(crate) fn put_with_ttl(&self, name: &str, rtype: &str, value: &str, ttl: u32) {
        self.zone.put(ZoneRrset {
            name: name.to_owned(),
            rtype: rtype.to_owned(),
            ttl: Some(ttl),
            values: [value.to_owned()].into(),
            is_simple: true,
        });
    }

    /// Removes an RRset from the zone, as another party would.
    pub(crate) fn remove(&self, name: &str, rtype: &str) {
        self.zone.remove(name, rtype);
    }

    /// Returns the values of an RRset; none when it does not exist.
    pub(crate) fn values(&self, name: &str, rtype: &str) -> Vec<String> {
        let set = self.rrset(name, rtype).into_iter();
        set.flat_map(|set| set.values).collect()
    }

    /// Returns an RRset of the zone.
    pub(crate) fn rrset(&self, name: &str, rtype: &str) -> Option<ZoneRrset> {
        let mut sets = self.zone.rrsets().into_iter();
        sets.find(|set| set.name == name && set.rtype == rtype)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Provider for ScriptedProvider {
    fn capabilities(&self) -> Capabilities {
        self.zone.capabilities()
    }

    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ChangeError> {
        let error = lock(&self.change_errors).pop_front();
        let answer = match error {
            Some(error) => Err(error),
            None => self.zone.change(changes).await,
        };
        let event = lock(&self.during_change).take();
        if let Some(event) = event {
            event.await;
        }
        answer
    }

    async fn read(&self, name: &str) -> Result<Vec<ZoneRrset>, ProviderError> {
        self.zone.read(name).await
    }

    async fn list(&self) -> Result<Vec<ZoneRrset>, ProviderError> {
        let error = lock(&self.list_errors).pop_front();
        match error {
            Some(error) => Err(error),
            None => self.zone.list().await,
        }
    }

    async fn domain(&self) -> Result<String, ProviderError> {
        self.zone.domain().await
    }

    async fn name_servers(&self) -> Result<Vec<String>, ProviderError> {
        self.zone.name_servers().await
    }
}
