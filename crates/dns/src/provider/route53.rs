//! Implements the provider port on Amazon Route53. No AWS type leaves this folder (I2).

mod attribution;
mod escapes;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod limiter;

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_route53::config::http::HttpResponse;
use aws_sdk_route53::config::retry::RetryConfig;
use aws_sdk_route53::config::timeout::TimeoutConfig;
use aws_sdk_route53::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_route53::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::get_hosted_zone::GetHostedZoneOutput;
use aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput;
use aws_sdk_route53::types::{
    self as aws, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
};

use starchart_domain::rrset::Rrset;
use starchart_domain::secret::Secret;

use self::escapes::{escape_name, to_decimal, to_octal, unescape_name};
use self::limiter::{Limiter, Priority};
use crate::provider::{
    Action, BatchLimits, CHANGE_TIMEOUT, Capabilities, Change, ChangeError, ChangeId, ChangeState,
    Provider, ProviderError, ZoneRrset,
};

/// The limits of one `ChangeResourceRecordSets` request. A CREATE and a DELETE count once, an
/// UPSERT (never sent, I10) would count twice.
const BATCH_LIMITS: BatchLimits = BatchLimits {
    records: 1_000,
    characters: 32_000,
};
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Route53's maximum of RRsets in one answer.
const PAGE_SIZE: i32 = 300;
/// Attempts of a read after temporary errors, including the first.
const ATTEMPTS: u32 = 3;
/// Attempts of a later page that was throttled. Higher, because one failed page fails the listing.
const PAGE_ATTEMPTS: u32 = 8;
const BACK_OFF: Duration = Duration::from_millis(200);
const BACK_OFF_MAX: Duration = Duration::from_secs(2);
/// The interval of log messages about a long listing.
const PROGRESS_LOG_INTERVAL: Duration = Duration::from_secs(5);

/// The connection settings of [`Route53`].
#[derive(Debug, Clone)]
pub struct Route53Config {
    /// `AWS_ROUTE53_HOSTED_ZONE_ID`, with or without `/hostedzone/`.
    pub hosted_zone_id: String,
    /// `AWS_REGION`, used to sign requests; the zone itself is global.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID` from the settings.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY` from the settings.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN` for temporary credentials.
    pub session_token: Option<Secret>,
    /// `AWS_ENDPOINT_URL`: another server that implements Route53's protocol.
    pub endpoint_url: Option<String>,
    /// `ROUTE53_REQUESTS_PER_SECOND`: the rate limit of this process; 0 counts as 1.
    pub requests_per_second: u32,
}

/// A hosted zone of Amazon Route53.
///
/// Requests are limited to a rate, urgent ones first: changes and the reads that they need, then
/// the states of changes, then listings.
///
/// The SDK's retries are disabled: after a change with an unknown outcome the zone must be read
/// first. Reads are retried here, a limited number of times.
pub struct Route53 {
    client: aws_sdk_route53::Client,
    zone_id: String,
    limiter: Limiter,
}

impl fmt::Debug for Route53 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route53")
            .field("zone_id", &self.zone_id)
            .finish_non_exhaustive()
    }
}

impl Route53 {
    /// Makes a client; sends no request.
    pub fn new(config: &Route53Config) -> Self {
        Self::with_timeout(config, CHANGE_TIMEOUT)
    }

    /// Makes a client with another time limit for one request than [`CHANGE_TIMEOUT`].
    pub fn with_timeout(config: &Route53Config, timeout: Duration) -> Self {
        let credentials = Credentials::new(
            config.access_key_id.expose(),
            config.secret_access_key.expose(),
            config
                .session_token
                .as_ref()
                .map(|token| token.expose().to_owned()),
            None,
            "starchart",
        );
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .operation_timeout(timeout)
            .build();
        let mut builder = aws_sdk_route53::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        builder.set_endpoint_url(config.endpoint_url.clone());
        Self {
            client: aws_sdk_route53::Client::from_conf(builder.build()),
            zone_id: config.hosted_zone_id.clone(),
            limiter: Limiter::new(config.requests_per_second),
        }
    }

    /// Sends a read, within the rate limit, and retries it after temporary errors.
    async fn send_read<T, E, F>(
        &self,
        pacing: Pacing,
        call: impl Fn() -> F,
    ) -> Result<T, ProviderError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut back_off = BACK_OFF;
        let mut attempt = 0;
        loop {
            self.limiter.acquire(pacing.priority).await;
            let error = match call().await {
                Ok(output) => return Ok(output),
                Err(error) => failure::provider_error(&error),
            };
            attempt += 1;
            let attempts = match &error {
                ProviderError::Throttled | ProviderError::Busy => pacing.throttled_attempts,
                ProviderError::Unavailable(_) | ProviderError::NoAnswer(_) => ATTEMPTS,
                ProviderError::Rejected(_) | ProviderError::Denied(_) => 1,
            };
            if attempt >= attempts {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "retrying a failed read of the zone");
            tokio::time::sleep(back_off).await;
            back_off = (back_off * 2).min(BACK_OFF_MAX);
        }
    }

    async fn hosted_zone(&self, priority: Priority) -> Result<GetHostedZoneOutput, ProviderError> {
        self.send_read(Pacing::patient(priority), || {
            self.client.get_hosted_zone().id(&self.zone_id).send()
        })
        .await
        .map_err(|error| failure::denied_without(error, "route53:GetHostedZone"))
    }

    async fn page(
        &self,
        pacing: Pacing,
        start: &PageStart,
    ) -> Result<(Vec<ResourceRecordSet>, Option<PageStart>), ProviderError> {
        let request = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(&self.zone_id)
            .max_items(PAGE_SIZE)
            .set_start_record_name(start.name.clone())
            .set_start_record_type(start.rtype.clone())
            .set_start_record_identifier(start.identifier.clone());
        let output = self.send_read(pacing, || request.clone().send()).await?;
        let next = next_page(&output)?;
        Ok((output.resource_record_sets, next))
    }
}

/// The priority of a read, and its patience.
#[derive(Debug, Clone, Copy)]
struct Pacing {
    priority: Priority,
    /// The number of attempts when the provider throttles.
    throttled_attempts: u32,
}

impl Pacing {
    fn brief(priority: Priority) -> Self {
        Self {
            priority,
            throttled_attempts: ATTEMPTS,
        }
    }

    fn patient(priority: Priority) -> Self {
        Self {
            priority,
            throttled_attempts: PAGE_ATTEMPTS,
        }
    }
}

/// The first RRset of a page of a listing; by default the zone's first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct PageStart {
    name: Option<String>,
    rtype: Option<RrType>,
    identifier: Option<String>,
}

fn next_page(output: &ListResourceRecordSetsOutput) -> Result<Option<PageStart>, ProviderError> {
    if !output.is_truncated {
        return Ok(None);
    }
    if output.next_record_name.is_none() {
        return Err(ProviderError::NoAnswer(
            "the listing is truncated but has no next record name".to_owned(),
        ));
    }
    Ok(Some(PageStart {
        name: output.next_record_name.clone(),
        rtype: output.next_record_type.clone(),
        identifier: output.next_record_identifier.clone(),
    }))
}

#[async_trait]
impl Provider for Route53 {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "Route53",
            zone_setting: "AWS_ROUTE53_HOSTED_ZONE_ID",
            batch_limits: BATCH_LIMITS,
            tracks_changes: true,
        }
    }

    async fn wait_for_change(&self) {
        self.limiter.acquire(Priority::Publish).await;
    }

    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ChangeError> {
        let batch = change_batch(changes)
            .map_err(|error| failure::refusal(&[error.to_string()], changes))?;
        let request = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(&self.zone_id)
            .change_batch(batch);
        let output = request
            .send()
            .await
            .map_err(|error| failure::change_error(&error, changes))?;
        // The SDK makes an empty id of a missing one.
        match output.change_info.filter(|info| !info.id.is_empty()) {
            Some(info) => Ok(ChangeId(info.id)),
            None => Err(ChangeError::OutcomeUnknown(
                "the answer has no change id".to_owned(),
            )),
        }
    }

    async fn read(&self, name: &str) -> Result<Vec<ZoneRrset>, ProviderError> {
        let mut found = Vec::new();
        let mut pacing = Pacing::brief(Priority::Publish);
        let mut next = Some(PageStart {
            name: Some(escape_name(name)),
            ..PageStart::default()
        });
        while let Some(start) = next {
            let (sets, following) = self.page(pacing, &start).await?;
            next = following;
            pacing = Pacing::patient(Priority::Publish);
            for set in sets.iter().map(zone_rrset) {
                if set.name != name {
                    return Ok(found);
                }
                found.push(set);
            }
        }
        Ok(found)
    }

    async fn list(&self) -> Result<Vec<ZoneRrset>, ProviderError> {
        let mut found = Vec::new();
        let mut pacing = Pacing::brief(Priority::Audit);
        let mut next = Some(PageStart::default());
        let mut logged = Instant::now();
        while let Some(start) = next {
            if logged.elapsed() >= PROGRESS_LOG_INTERVAL {
                tracing::info!(rrsets = found.len(), "listing the zone");
                logged = Instant::now();
            }
            let (sets, following) = self.page(pacing, &start).await?;
            if following.as_ref() == Some(&start) {
                return Err(ProviderError::NoAnswer(
                    "the listing repeats a page".to_owned(),
                ));
            }
            found.extend(sets.iter().map(zone_rrset));
            next = following;
            pacing = Pacing::patient(Priority::Audit);
        }
        Ok(found)
    }

    async fn change_state(&self, id: &ChangeId) -> Result<ChangeState, ProviderError> {
        let answer = self
            .send_read(Pacing::brief(Priority::Track), || {
                self.client.get_change().id(&id.0).send()
            })
            .await;
        match answer {
            Ok(output) => match output.change_info.map(|info| info.status) {
                Some(ChangeStatus::Insync) => Ok(ChangeState::InSync),
                _ => Ok(ChangeState::Pending),
            },
            Err(ProviderError::Rejected(_)) => Ok(ChangeState::Unknown),
            Err(error) => Err(failure::denied_without(error, "route53:GetChange")),
        }
    }

    async fn domain(&self) -> Result<String, ProviderError> {
        let output = self.hosted_zone(Priority::Publish).await?;
        let zone = output
            .hosted_zone
            .ok_or_else(|| ProviderError::NoAnswer("the answer has no zone".to_owned()))?;
        Ok(unescape_name(&zone.name))
    }

    async fn name_servers(&self) -> Result<Vec<String>, ProviderError> {
        let output = self.hosted_zone(Priority::Audit).await?;
        let servers = output
            .delegation_set
            .map(|set| set.name_servers)
            .unwrap_or_default();
        Ok(servers.iter().map(|server| unescape_name(server)).collect())
    }
}

fn change_batch(changes: &[Change]) -> Result<ChangeBatch, BuildError> {
    let mut batch = ChangeBatch::builder();
    for change in changes {
        let action = match change.action {
            Action::Create => ChangeAction::Create,
            Action::Delete => ChangeAction::Delete,
        };
        batch = batch.changes(
            aws::Change::builder()
                .action(action)
                .resource_record_set(resource_record_set(&change.set)?)
                .build()?,
        );
    }
    batch.build()
}

fn resource_record_set(set: &Rrset) -> Result<ResourceRecordSet, BuildError> {
    let mut builder = ResourceRecordSet::builder()
        .name(escape_name(&set.name))
        .r#type(RrType::from(set.rtype.as_str()))
        .ttl(i64::from(set.body.ttl));
    for value in &set.body.values {
        builder =
            builder.resource_records(ResourceRecord::builder().value(to_octal(value)).build()?);
    }
    builder.build()
}

fn zone_rrset(set: &ResourceRecordSet) -> ZoneRrset {
    let is_simple = set.alias_target.is_none()
        && set.set_identifier.is_none()
        && set.weight.is_none()
        && set.region.is_none()
        && set.geo_location.is_none()
        && set.geo_proximity_location.is_none()
        && set.cidr_routing_config.is_none()
        && set.failover.is_none()
        && set.multi_value_answer.is_none()
        && set.health_check_id.is_none()
        && set.traffic_policy_instance_id.is_none();
    ZoneRrset {
        name: unescape_name(&set.name),
        rtype: set.r#type.as_str().to_owned(),
        ttl: set.ttl.and_then(|ttl| u32::try_from(ttl).ok()),
        values: set
            .resource_records()
            .iter()
            .map(|record| to_decimal(&record.value))
            .collect(),
        is_simple,
    }
}

#[cfg(test)]
mod tests;
