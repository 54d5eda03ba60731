//! Checking the form without saving it.

use std::rc::Rc;

use actix_web::HttpResponse;
use starchart_domain::certificate::caa::IssuanceForbidden;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::NewRecord;
use starchart_domain::ttl::Ttl;
use starchart_store::records::{self, Record};

use super::input::{form_fingerprint, record_form};
use super::{FormMode, FormPage, Preview};
use crate::actions;
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::pages::records::rrset::PresentRrset;
use crate::pages::records::{path_id, record_rules};
use crate::responses;

/// Shows what is wrong with the form, or what it would publish, and saves nothing
/// (`POST /dns-records/new/check`, `POST /dns-records/{id}/check`). The page's script shows the
/// preview of this page while one types.
pub(crate) async fn check(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let form = record_form(&context.form);
    let all = records::list(context.app.store()?, user.id).await?;
    let old = match context.req.match_info().get("id") {
        Some(_) => {
            let id = path_id(&context)?;
            let own = all.iter().find(|record| record.id == id).cloned();
            Some(own.ok_or(Failure::NotFound)?)
        }
        None => None,
    };
    let mode = match &old {
        Some(old) => FormMode::Edit {
            id: old.id.0,
            fingerprint: form_fingerprint(&context.form),
        },
        None => FormMode::Create,
    };
    // The messages of an action are for the page that follows it.
    let layout = context.error_layout();
    let mut page = FormPage {
        is_check: true,
        rrset: old.as_ref().and_then(|old| PresentRrset::of(old.id, &all)),
        ..FormPage::in_layout(&context, layout, mode, form)
    };
    let names = context.app.name_rules().await?;
    let rules = record_rules(&context, &names);
    match actions::check_form(&page.form, &user, rules, old.as_ref()) {
        Err(faults) => {
            page.preview = Preview::of_faults(&page.form, &faults);
            page.faults = faults;
        }
        Ok(new) => {
            let id = old.as_ref().map(|old| old.id);
            let limit = rules.limit.filter(|limit| all.len() >= *limit as usize);
            page.conflicting =
                actions::list_conflicting(context.app.store()?, &user, &new, id).await?;
            let ttl = new_ttl(&new, old.as_ref(), &all);
            let olds: Vec<&Record> = old.iter().collect();
            let (store, config) = (context.app.store()?, &context.app.config);
            page.to_confirm =
                actions::forbidden_by_change(store, &user, &olds, &[&new], config).await?;
            let mut others = all;
            others.retain(|record| Some(record.id) != id);
            let conflicts = actions::conflicts(&[&new], others.iter());
            page.faults = conflicts
                .into_iter()
                .flat_map(|(_, faults)| faults)
                .collect();
            if let (Some(limit), None) = (limit, id) {
                page.faults
                    .push((Field::Form, Fault::QuotaReached { limit }));
            }
            let beside: Vec<_> = others.iter().map(actions::neighbour).collect();
            let notes = actions::notes_of(&new, &user, &beside);
            let faults = page.faults.iter().map(|(_, fault)| fault.to_string());
            let forbidden = page.to_confirm.iter();
            let forbidden = forbidden.map(IssuanceForbidden::describe_effect);
            let remarks = faults
                .chain(forbidden)
                .chain(notes.iter().map(ToString::to_string))
                .collect();
            page.preview = Preview::of_new(&context, &new, ttl, remarks);
        }
    }
    responses::ok(&page)
}

/// Returns the TTL that the record will have: the chosen one, that of its RRset, or its own.
fn new_ttl(new: &NewRecord, old: Option<&Record>, all: &[Record]) -> Ttl {
    let rrset = PresentRrset::of_new(new, all);
    let own = old.map(|record| record.ttl);
    new.ttl.beside_or_own(rrset.map(|rrset| rrset.ttl), own)
}
