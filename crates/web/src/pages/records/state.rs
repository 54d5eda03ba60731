//! How far a record is published, in words and as JSON.

use std::rc::Rc;

use actix_web::HttpResponse;
use serde::Serialize;
use starchart_domain::publish::PublishState;
use starchart_store::records;

use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

/// Returns the states of the user's records as JSON, for the page's script
/// (`GET /dns-records/states`).
pub(crate) async fn states(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let all = records::list(context.app.store()?, user.id).await?;
    let provider = context.app.config.dns_provider;
    let items: Vec<RecordStateItem> = all
        .into_iter()
        .map(|record| RecordStateItem::new(record.id.0, &record.state, provider))
        .collect();
    Ok(HttpResponse::Ok().json(items))
}

/// An element of the JSON array at `GET /dns-records/states`.
#[derive(Serialize)]
struct RecordStateItem {
    id: i64,
    /// `saved`, `paused`, `sent`, `in_sync`, `answering`, `answered` or `refused`.
    key: &'static str,
    /// The state as the page shows it.
    text: String,
    /// The sentence that explains the state to the user.
    meaning: String,
    /// Whether the state will not change soon.
    settled: bool,
}

impl RecordStateItem {
    /// Creates the item of a record in this state. `provider` is the name of the DNS provider.
    fn new(id: i64, state: &PublishState, provider: &str) -> Self {
        Self {
            id,
            key: state.key(),
            text: state.describe(provider),
            meaning: meaning(state, provider),
            settled: state.is_settled(),
        }
    }
}

/// Explains a state to the owner of the record. `provider` is the name of the DNS provider.
pub(crate) fn meaning(state: &PublishState, provider: &str) -> String {
    match state {
        PublishState::Saved => {
            format!("Your record is saved and is about to be sent to {provider}.")
        }
        PublishState::Paused => {
            format!("Your record is saved. It is sent to {provider} when publishing resumes.")
        }
        PublishState::Sent => {
            format!("{provider} has accepted the record and is updating its name servers.")
        }
        PublishState::InSync => {
            format!("{provider} reports that all its name servers have the record.")
        }
        PublishState::Answered { by, of } if by < of => {
            "Some name servers already answer with the record. The others follow.".to_owned()
        }
        PublishState::Answered { .. } => {
            "Every name server answers with the record: it is live.".to_owned()
        }
        PublishState::Refused { .. } => {
            "The record is saved here, but it is not in the DNS.".to_owned()
        }
    }
}
