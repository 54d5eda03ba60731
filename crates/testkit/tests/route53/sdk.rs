//! Short forms of the AWS SDK's calls, for the cases of the contract.

use aws_sdk_route53::Client;
use aws_sdk_route53::config::retry::RetryConfig;
use aws_sdk_route53::config::timeout::TimeoutConfig;
use aws_sdk_route53::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_route53::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::operation::list_resource_record_sets;
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use starchart_testkit::wait::WAIT_LIMIT;

pub(crate) const ZONE: &str = "starchart.test";

/// A client and its zone.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) zone_id: String,
}

/// The error code and message of a refused call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Api {
    pub(crate) fn new(endpoint: &str, zone_id: &str) -> Self {
        let timeouts = TimeoutConfig::builder().operation_timeout(WAIT_LIMIT);
        Self {
            client: client(endpoint, timeouts.build()),
            zone_id: zone_id.into(),
        }
    }

    /// Sends a batch and returns the id of the change.
    pub(crate) async fn send(
        &self,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<String, Refused> {
        let changes = changes.into_iter().collect();
        let batch = ChangeBatch::builder()
            .set_changes(Some(changes))
            .build()
            .unwrap();
        let call = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(&self.zone_id)
            .change_batch(batch);
        let done = call.send().await.map_err(refused)?;
        Ok(done.change_info().unwrap().id().to_owned())
    }

    /// Asserts that the batch is refused with this code, that the message names `about`, and that
    /// nothing changed.
    pub(crate) async fn refuses(
        &self,
        changes: impl IntoIterator<Item = Change>,
        code: &str,
        about: &str,
    ) {
        let before = self.list().await;
        let refused = self.send(changes).await.expect_err(about);
        assert_eq!(refused.code, code, "{}", refused.message);
        assert!(
            refused.message.contains(about),
            "{about:?} is not in {:?}",
            refused.message
        );
        assert_eq!(self.list().await, before, "a refused batch left a trace");
    }

    /// Lists all RRsets but NS and SOA of the apex, as text: `name type ttl value|value`.
    pub(crate) async fn list(&self) -> Vec<String> {
        let call = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(&self.zone_id);
        let mut pages = call.all_pages().await;
        pages.retain(|set| !matches!(set.r#type, RrType::Ns | RrType::Soa));
        pages.iter().map(as_text).collect()
    }
}

/// Reads all pages. The SDK has no paginator for this operation.
pub(crate) trait AllPages {
    async fn all_pages(self) -> Vec<ResourceRecordSet>;
}

impl AllPages for list_resource_record_sets::builders::ListResourceRecordSetsFluentBuilder {
    async fn all_pages(self) -> Vec<ResourceRecordSet> {
        let mut call = self;
        let mut all = Vec::new();
        loop {
            let page = call.clone().send().await.expect("the zone is listed");
            all.extend(page.resource_record_sets);
            if !page.is_truncated {
                return all;
            }
            call = call
                .set_start_record_name(page.next_record_name)
                .set_start_record_type(page.next_record_type)
                .set_start_record_identifier(page.next_record_identifier);
        }
    }
}

pub(crate) fn client(endpoint: &str, timeouts: TimeoutConfig) -> Client {
    let config = aws_sdk_route53::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    Client::from_conf(config.build())
}

/// Returns code and message of the error.
pub(crate) fn refused<E: ProvideErrorMetadata + std::fmt::Debug>(error: SdkError<E>) -> Refused {
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    match error.as_service_error() {
        Some(service) => Refused {
            code: text(service.code()),
            message: text(service.message()),
        },
        None => panic!("no answer: {error:?}"),
    }
}

pub(crate) fn as_text(set: &ResourceRecordSet) -> String {
    let values: Vec<&str> = set
        .resource_records()
        .iter()
        .map(ResourceRecord::value)
        .collect();
    format!(
        "{} {} {} {}",
        set.name,
        set.r#type,
        set.ttl.unwrap_or(-1),
        values.join("|")
    )
}

/// Creates an RRset with a TTL of 300 seconds below the zone; the name `@` is the apex.
pub(crate) fn set(name: &str, rtype: &str, values: &[&str]) -> ResourceRecordSet {
    let name = if name == "@" {
        format!("{ZONE}.")
    } else {
        format!("{name}.{ZONE}.")
    };
    full_set(&name, rtype, Some(300), values)
}

pub(crate) fn full_set(
    name: &str,
    rtype: &str,
    ttl: Option<i64>,
    values: &[&str],
) -> ResourceRecordSet {
    let record = |value: &&str| ResourceRecord::builder().value(*value).build().unwrap();
    ResourceRecordSet::builder()
        .name(name)
        .r#type(rtype.into())
        .set_ttl(ttl)
        .set_resource_records(Some(values.iter().map(record).collect()))
        .build()
        .unwrap()
}

fn change(action: ChangeAction, set: ResourceRecordSet) -> Change {
    Change::builder()
        .action(action)
        .resource_record_set(set)
        .build()
        .unwrap()
}

pub(crate) fn create(set: ResourceRecordSet) -> Change {
    change(ChangeAction::Create, set)
}

pub(crate) fn delete(set: ResourceRecordSet) -> Change {
    change(ChangeAction::Delete, set)
}

pub(crate) fn upsert(set: ResourceRecordSet) -> Change {
    change(ChangeAction::Upsert, set)
}
