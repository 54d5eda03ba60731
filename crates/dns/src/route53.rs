//! The zone on Amazon Route53.

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

use crate::limiter::{Limiter, Priority};
use crate::wire::{plain_name, qualified};
use crate::zone::{Action, Change, ChangeId, ChangeState, Zone, ZoneError, ZoneSet};

/// How long one request may take, from connecting to the last octet; the longest that
/// [`Zone::change`] takes here, so a lease must have more left when it begins.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The most sets Route53 lists in one answer.
const PAGE: i32 = 300;
/// Tries of a read that failed in passing, the first included.
const TRIES: u32 = 3;
/// Tries of a further page that was throttled: a listing must not fail on one page of many.
const TRIES_OF_A_PAGE: u32 = 8;
const BACK_OFF: Duration = Duration::from_millis(200);
const BACK_OFF_AT_MOST: Duration = Duration::from_secs(2);
/// Between two lines about a listing that takes long.
const SAY: Duration = Duration::from_secs(5);

/// What the connection needs; `settings` fills it.
#[derive(Debug, Clone)]
pub struct Route53Config {
    /// `AWS_ROUTE53_HOSTED_ZONE_ID`, with or without `/hostedzone/`.
    pub hosted_zone_id: String,
    /// `AWS_REGION`; signs the requests, the zone itself is global.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
    /// `AWS_ENDPOINT_URL`: another server that speaks Route53's protocol.
    pub endpoint_url: Option<String>,
}

/// A hosted zone of Amazon Route53.
///
/// The caller has each call admitted by the [`Limiter`] first, because a lease is only worth
/// checking after the wait. What a call sends beyond its first request (pages, tries), and what
/// [`Zone::domain`] and [`Zone::name_servers`] send, is admitted here.
///
/// The SDK retries nothing: a change whose outcome is unknown must be read first, and reads are
/// tried again here, within bounds.
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
    /// Prepares the client; nothing is sent yet.
    pub fn new(config: &Route53Config, limiter: Arc<Limiter>) -> Self {
        Self::with_timeout(config, limiter, OPERATION_TIMEOUT)
    }

    /// [`Route53::new`] with another time for one request than [`OPERATION_TIMEOUT`].
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

    /// Sends a read, again when it failed in passing.
    async fn reading<T, E, F>(&self, turn: Turn, call: impl Fn() -> F) -> Result<T, ZoneError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut back_off = BACK_OFF;
        let mut tried = 0;
        loop {
            if !turn.admitted || tried > 0 {
                self.limiter.admit(turn.priority).await;
            }
            let error = match call().await {
                Ok(output) => return Ok(output),
                Err(error) => failure::of(&error, Vec::new()),
            };
            tried += 1;
            let tries = match &error {
                ZoneError::Throttled | ZoneError::Busy => turn.tries,
                ZoneError::Unavailable(_) | ZoneError::OutcomeUnknown(_) => TRIES,
                ZoneError::Refused { .. } | ZoneError::Denied(_) => 1,
            };
            if tried >= tries {
                return Err(error);
            }
            tracing::info!(%error, tried, "a read of the zone failed; trying again");
            tokio::time::sleep(back_off).await;
            back_off = (back_off * 2).min(BACK_OFF_AT_MOST);
        }
    }

    async fn hosted_zone(&self, priority: Priority) -> Result<GetHostedZoneOutput, ZoneError> {
        self.reading(Turn::further(priority), || {
            self.client.get_hosted_zone().id(&self.zone_id).send()
        })
        .await
    }

    async fn page(
        &self,
        turn: Turn,
        start: &Start,
    ) -> Result<(Vec<ResourceRecordSet>, Option<Start>), ZoneError> {
        let request = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(&self.zone_id)
            .max_items(PAGE)
            .set_start_record_name(start.name.clone())
            .set_start_record_type(start.rtype.clone())
            .set_start_record_identifier(start.identifier.clone());
        let output = self.reading(turn, || request.clone().send()).await?;
        let next = next_page(&output)?;
        Ok((output.resource_record_sets, next))
    }
}

/// How a read stands with the limiter.
#[derive(Debug, Clone, Copy)]
struct Turn {
    priority: Priority,
    /// Whether its first request has been admitted.
    admitted: bool,
    /// Tries when throttled.
    tries: u32,
}

impl Turn {
    fn first(priority: Priority) -> Self {
        Self {
            priority,
            admitted: true,
            tries: TRIES,
        }
    }

    fn further(priority: Priority) -> Self {
        Self {
            priority,
            admitted: false,
            tries: TRIES_OF_A_PAGE,
        }
    }
}

/// Where a page of a listing begins; the zone's beginning by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Start {
    name: Option<String>,
    rtype: Option<RrType>,
    identifier: Option<String>,
}

fn next_page(output: &ListResourceRecordSetsOutput) -> Result<Option<Start>, ZoneError> {
    if !output.is_truncated {
        return Ok(None);
    }
    if output.next_record_name.is_none() {
        return Err(ZoneError::OutcomeUnknown(
            "the listing goes on but does not say where".to_owned(),
        ));
    }
    Ok(Some(Start {
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
            .map_err(|error| failure::of_change(&error))?;
        let info = output
            .change_info
            .ok_or_else(|| ZoneError::OutcomeUnknown("the answer names no change".to_owned()))?;
        Ok(ChangeId(info.id))
    }

    async fn read(&self, name: &str) -> Result<Vec<ZoneSet>, ZoneError> {
        let mut found = Vec::new();
        let mut turn = Turn::first(Priority::Publish);
        let mut next = Some(Start {
            name: Some(qualified(name)),
            ..Start::default()
        });
        while let Some(start) = next {
            let (sets, following) = self.page(turn, &start).await?;
            (turn, next) = (Turn::further(Priority::Publish), following);
            for set in sets.iter().map(zone_set) {
                if set.name != name {
                    return Ok(found);
                }
                found.push(set);
            }
        }
        Ok(found)
    }

    async fn list(&self) -> Result<Vec<ZoneSet>, ZoneError> {
        let mut found = Vec::new();
        let mut turn = Turn::first(Priority::Audit);
        let mut next = Some(Start::default());
        let mut said = Instant::now();
        while let Some(start) = next {
            if said.elapsed() >= SAY {
                tracing::info!(sets = found.len(), "listing the zone");
                said = Instant::now();
            }
            let (sets, following) = self.page(turn, &start).await?;
            if following.as_ref() == Some(&start) {
                return Err(ZoneError::OutcomeUnknown(
                    "the listing does not come to an end".to_owned(),
                ));
            }
            found.extend(sets.iter().map(zone_set));
            (turn, next) = (Turn::further(Priority::Audit), following);
        }
        Ok(found)
    }

    async fn change_state(&self, id: &ChangeId) -> Result<ChangeState, ZoneError> {
        let output = self
            .reading(Turn::first(Priority::Track), || {
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
            .ok_or_else(|| ZoneError::OutcomeUnknown("the answer names no zone".to_owned()))?;
        Ok(plain_name(&zone.name))
    }

    async fn name_servers(&self) -> Result<Vec<String>, ZoneError> {
        let output = self.hosted_zone(Priority::Audit).await?;
        let servers = output
            .delegation_set
            .map(|set| set.name_servers)
            .unwrap_or_default();
        Ok(servers.iter().map(|server| plain_name(server)).collect())
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
                .resource_record_set(record_set(&change.set)?)
                .build()?,
        );
    }
    batch.build()
}

fn record_set(set: &Rrset) -> Result<ResourceRecordSet, BuildError> {
    let mut builder = ResourceRecordSet::builder()
        .name(qualified(&set.name))
        .r#type(RrType::from(set.rtype.as_str()))
        .ttl(i64::from(set.body.ttl));
    for value in &set.body.values {
        builder = builder.resource_records(ResourceRecord::builder().value(value).build()?);
    }
    builder.build()
}

fn zone_set(set: &ResourceRecordSet) -> ZoneSet {
    let plain = set.alias_target.is_none()
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
    ZoneSet {
        name: plain_name(&set.name),
        rtype: set.r#type.as_str().to_owned(),
        ttl: set.ttl.and_then(|ttl| u32::try_from(ttl).ok()),
        values: set
            .resource_records()
            .iter()
            .map(|record| record.value.clone())
            .collect(),
        plain,
    }
}
