//! Implements the provider port on Amazon Route53.

mod failure;

use std::fmt;
use std::sync::Arc;
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

use crate::canonical::{absolute_name, unescape_name};
use crate::limiter::{Limiter, Priority};
use crate::zone::{Action, Change, ChangeId, ChangeState, Zone, ZoneError, ZoneRrset};

/// The time limit of one request, including the connection. [`Zone::change`] never takes longer, so
/// the publish lease must be valid for longer than this when the request begins.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

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
}

/// A hosted zone of Amazon Route53.
///
/// The caller waits for the [`Limiter`] before each call, because it checks its lease after that
/// wait. This type waits for the limiter itself before further requests of a call (pages, retries)
/// and for [`Zone::domain`] and [`Zone::name_servers`].
///
/// The SDK's retries are disabled: after a change with an unknown outcome the zone must be read
/// first. Reads are retried here, a limited number of times.
pub struct Route53 {
    client: aws_sdk_route53::Client,
    zone_id: String,
    limiter: Arc<Limiter>,
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
    pub fn new(config: &Route53Config, limiter: Arc<Limiter>) -> Self {
        Self::with_timeout(config, limiter, OPERATION_TIMEOUT)
    }

    /// Makes a client with another time limit for one request than [`OPERATION_TIMEOUT`].
    pub fn with_timeout(config: &Route53Config, limiter: Arc<Limiter>, timeout: Duration) -> Self {
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
            limiter,
        }
    }

    /// Sends a read and retries it after temporary errors.
    async fn send_read<T, E, F>(&self, pacing: Pacing, call: impl Fn() -> F) -> Result<T, ZoneError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut back_off = BACK_OFF;
        let mut attempt = 0;
        loop {
            if !pacing.acquired || attempt > 0 {
                self.limiter.acquire(pacing.priority).await;
            }
            let error = match call().await {
                Ok(output) => return Ok(output),
                Err(error) => failure::zone_error(&error, Vec::new()),
            };
            attempt += 1;
            let attempts = match &error {
                ZoneError::Throttled | ZoneError::Busy => pacing.throttled_attempts,
                ZoneError::Unavailable(_) | ZoneError::OutcomeUnknown(_) => ATTEMPTS,
                ZoneError::Refused { .. } | ZoneError::Denied(_) => 1,
            };
            if attempt >= attempts {
                return Err(error);
            }
            tracing::info!(%error, attempt, "retrying a failed read of the zone");
            tokio::time::sleep(back_off).await;
            back_off = (back_off * 2).min(BACK_OFF_MAX);
        }
    }

    async fn hosted_zone(&self, priority: Priority) -> Result<GetHostedZoneOutput, ZoneError> {
        self.send_read(Pacing::unacquired(priority), || {
            self.client.get_hosted_zone().id(&self.zone_id).send()
        })
        .await
    }

    async fn page(
        &self,
        pacing: Pacing,
        start: &PageStart,
    ) -> Result<(Vec<ResourceRecordSet>, Option<PageStart>), ZoneError> {
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

/// How a read uses the limiter.
#[derive(Debug, Clone, Copy)]
struct Pacing {
    priority: Priority,
    /// Whether the caller has already waited for the limiter for the first request.
    acquired: bool,
    /// The number of attempts when the provider throttles.
    throttled_attempts: u32,
}

impl Pacing {
    /// For the first request of a call, for which the caller has waited.
    fn acquired(priority: Priority) -> Self {
        Self {
            priority,
            acquired: true,
            throttled_attempts: ATTEMPTS,
        }
    }

    fn unacquired(priority: Priority) -> Self {
        Self {
            priority,
            acquired: false,
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

fn next_page(output: &ListResourceRecordSetsOutput) -> Result<Option<PageStart>, ZoneError> {
    if !output.is_truncated {
        return Ok(None);
    }
    if output.next_record_name.is_none() {
        return Err(ZoneError::OutcomeUnknown(
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
impl Zone for Route53 {
    async fn change(&self, changes: &[Change]) -> Result<ChangeId, ZoneError> {
        let batch = change_batch(changes).map_err(|error| ZoneError::Refused {
            messages: vec![error.to_string()],
        })?;
        let request = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(&self.zone_id)
            .change_batch(batch);
        let output = request
            .send()
            .await
            .map_err(|error| failure::change_error(&error))?;
        let info = output
            .change_info
            .ok_or_else(|| ZoneError::OutcomeUnknown("the answer has no change id".to_owned()))?;
        Ok(ChangeId(info.id))
    }

    async fn read(&self, name: &str) -> Result<Vec<ZoneRrset>, ZoneError> {
        let mut found = Vec::new();
        let mut pacing = Pacing::acquired(Priority::Publish);
        let mut next = Some(PageStart {
            name: Some(absolute_name(name)),
            ..PageStart::default()
        });
        while let Some(start) = next {
            let (sets, following) = self.page(pacing, &start).await?;
            next = following;
            pacing = Pacing::unacquired(Priority::Publish);
            for set in sets.iter().map(zone_rrset) {
                if set.name != name {
                    return Ok(found);
                }
                found.push(set);
            }
        }
        Ok(found)
    }

    async fn list(&self) -> Result<Vec<ZoneRrset>, ZoneError> {
        let mut found = Vec::new();
        let mut pacing = Pacing::acquired(Priority::Audit);
        let mut next = Some(PageStart::default());
        let mut logged = Instant::now();
        while let Some(start) = next {
            if logged.elapsed() >= PROGRESS_LOG_INTERVAL {
                tracing::info!(rrsets = found.len(), "listing the zone");
                logged = Instant::now();
            }
            let (sets, following) = self.page(pacing, &start).await?;
            if following.as_ref() == Some(&start) {
                return Err(ZoneError::OutcomeUnknown(
                    "the listing repeats a page".to_owned(),
                ));
            }
            found.extend(sets.iter().map(zone_rrset));
            next = following;
            pacing = Pacing::unacquired(Priority::Audit);
        }
        Ok(found)
    }

    async fn change_state(&self, id: &ChangeId) -> Result<ChangeState, ZoneError> {
        let output = self
            .send_read(Pacing::acquired(Priority::Track), || {
                self.client.get_change().id(&id.0).send()
            })
            .await?;
        match output.change_info.map(|info| info.status) {
            Some(ChangeStatus::Insync) => Ok(ChangeState::InSync),
            _ => Ok(ChangeState::Pending),
        }
    }

    async fn domain(&self) -> Result<String, ZoneError> {
        let output = self.hosted_zone(Priority::Publish).await?;
        let zone = output
            .hosted_zone
            .ok_or_else(|| ZoneError::OutcomeUnknown("the answer has no zone".to_owned()))?;
        Ok(unescape_name(&zone.name))
    }

    async fn name_servers(&self) -> Result<Vec<String>, ZoneError> {
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
        .name(absolute_name(&set.name))
        .r#type(RrType::from(set.rtype.as_str()))
        .ttl(i64::from(set.body.ttl));
    for value in &set.body.values {
        builder = builder.resource_records(ResourceRecord::builder().value(value).build()?);
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
            .map(|record| record.value.clone())
            .collect(),
        is_simple,
    }
}
