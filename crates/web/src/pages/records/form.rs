//! The form that creates or edits a record.

mod check;
mod fields;
mod input;
mod preview;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::certificate::caa::IssuanceForbidden;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::record::{RecordForm, RecordId};
use starchart_domain::ttl::TtlLimits;
use starchart_store::records::{self, Record};

pub(crate) use self::check::check;
pub(crate) use self::input::confirmed_name;
use self::input::{
    describe_differences, encode_replaced, form_fingerprint, form_of_record, record_form,
    replaced_records,
};
pub(crate) use self::preview::Preview;

use super::list::missing_record;
use super::row_actions::newest_change;
use super::rrset::PresentRrset;
use super::{list_values, path_id, record_rules};
use crate::actions::{self, ActionError, Conflict, RecordEdit, SavedRecord, SeenRecord};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::list_query::ListQuery;
use crate::pages::Layout;
use crate::responses::{self, see_other};

/// Purpose of the signature in the field `owner`.
const OWNER_PURPOSE: &str = "form";

/// Whether the form creates or edits a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormMode {
    /// The form posts to `/dns-records/new`.
    Create,
    /// The form posts to `/dns-records/{id}`.
    Edit {
        id: i64,
        /// Fingerprint of the record that the form was filled with; posted as `fingerprint`, to
        /// detect changes by another window.
        fingerprint: Option<String>,
    },
}

/// `GET /dns-records/new` and `GET /dns-records/{id}`, and the response to a post with faults.
#[derive(Debug, Clone, Template)]
#[template(path = "records/form.html")]
pub(crate) struct FormPage {
    pub(crate) layout: Layout,
    pub(crate) mode: FormMode,
    /// The input in the fields, as typed.
    pub(crate) form: RecordForm,
    pub(crate) faults: Vec<(Field, Fault)>,
    /// The TTLs that the user may choose.
    pub(crate) ttls: TtlLimits,
    /// The RRset of the record that is edited.
    pub(crate) rrset: Option<PresentRrset>,
    /// The signed id of the user, posted as `owner`, so that a kept form is shown to no other user.
    pub(crate) owner: String,
    /// What to confirm before the record is saved.
    pub(crate) to_confirm: Option<IssuanceForbidden>,
    /// Records at the name that exclude this one. A button saves it in place of them.
    pub(crate) conflicting: Vec<Record>,
    /// What was chosen to be replaced before; posted again as `replace` with a confirmation.
    pub(crate) replaced: Vec<SeenRecord>,
    /// Whether the form was posted after the session had ended and is shown again after the
    /// sign-in.
    pub(crate) is_kept: bool,
    /// Why a new record will not be saved, which the form says before it is filled in.
    pub(crate) limit_reached: Option<Fault>,
    /// A name that the user has confirmed; posted again as `answered`.
    pub(crate) answered: Option<String>,
    pub(crate) preview: Preview,
    /// Whether the form was only checked.
    pub(crate) is_check: bool,
}

impl FormPage {
    /// Creates the page for the signed-in user, without faults.
    fn new(context: &RequestContext, mode: FormMode, form: RecordForm) -> Self {
        Self::in_layout(context, context.layout(), mode, form)
    }

    fn in_layout(
        context: &RequestContext,
        layout: Layout,
        mode: FormMode,
        form: RecordForm,
    ) -> Self {
        let answered = confirmed_name(&context.form);
        let user = context.session.as_ref().map(|session| session.user.id.0);
        let owner = user
            .and_then(|id| context.app.keys.sign(OWNER_PURPOSE, &id))
            .unwrap_or_default();
        Self {
            layout,
            mode,
            answered: answered
                .filter(|name| *name == form.name)
                .map(str::to_owned),
            form,
            faults: Vec::new(),
            ttls: context.app.config.limits.ttl,
            rrset: None,
            owner,
            to_confirm: None,
            conflicting: Vec::new(),
            replaced: Vec::new(),
            is_kept: false,
            limit_reached: None,
            preview: Preview::default(),
            is_check: false,
        }
    }

    /// Creates the page without faults, with the RRset of the record that it edits.
    async fn with_rrset(
        context: &RequestContext,
        user: &User,
        mode: FormMode,
        form: RecordForm,
    ) -> Result<Self, Failure> {
        let rrset = match mode {
            FormMode::Create => None,
            FormMode::Edit { id, .. } => {
                let all = records::list(context.app.store()?, user.id).await?;
                PresentRrset::of(RecordId(id), &all)
            }
        };
        Ok(Self {
            rrset,
            ..Self::new(context, mode, form)
        })
    }

    /// Creates the page for the input to a record that was deleted meanwhile, or that belongs to
    /// another user: the input is not lost, the form shows it again, for a new record.
    fn for_absent_record(context: &RequestContext, form: RecordForm) -> Self {
        Self {
            faults: vec![(Field::Form, Fault::Gone)],
            ..Self::new(context, FormMode::Create, form)
        }
    }

    /// Returns the value of the button that replaces the conflicting records.
    fn replacing_all(&self) -> String {
        let seen: Vec<SeenRecord> = self
            .conflicting
            .iter()
            .map(|record| SeenRecord {
                id: record.id,
                fingerprint: record.fingerprint(),
            })
            .collect();
        encode_replaced(&seen)
    }

    /// Whether replacing the conflicting records makes sense: it does not for the same record.
    fn can_replace(&self) -> bool {
        let is_duplicate = |(_, fault): &(Field, Fault)| *fault == Fault::Duplicate;
        !self.conflicting.is_empty() && !self.faults.iter().any(is_duplicate)
    }

    fn replaced_field(&self) -> String {
        encode_replaced(&self.replaced)
    }

    fn title(&self) -> &'static str {
        match &self.mode {
            FormMode::Create => "Create new DNS Record",
            FormMode::Edit { .. } => "Edit DNS Record",
        }
    }

    fn path(&self) -> String {
        match &self.mode {
            FormMode::Create => "/dns-records/new".to_owned(),
            FormMode::Edit { id, .. } => format!("/dns-records/{id}"),
        }
    }

    /// Returns where the form is checked without saving it.
    fn check_path(&self) -> String {
        format!("{}/check", self.path())
    }

    /// Returns what the title of the page begins with.
    fn outcome(&self) -> &'static str {
        match (self.is_check, self.faults.is_empty()) {
            (true, _) => "Checked: ",
            (false, false) => "Not saved: ",
            (false, true) => "",
        }
    }

    fn submit_text(&self) -> &'static str {
        match &self.mode {
            FormMode::Create => "Create",
            FormMode::Edit { .. } => "Update",
        }
    }

    fn fingerprint(&self) -> Option<&str> {
        match &self.mode {
            FormMode::Create => None,
            FormMode::Edit { fingerprint, .. } => fingerprint.as_deref(),
        }
    }

    fn base(&self) -> &str {
        self.layout.base_domain.as_deref().unwrap_or_default()
    }
}

/// Shows the empty form (`GET /dns-records/new`).
pub(crate) async fn new_form(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let page = FormPage {
        limit_reached: limit_reached(&context, &user).await?,
        ..FormPage::new(&context, FormMode::Create, RecordForm::default())
    };
    responses::ok(&page)
}

/// Returns the limit of records, if the user has reached it.
async fn limit_reached(context: &RequestContext, user: &User) -> Result<Option<Fault>, Failure> {
    let Some(limit) = context.app.config.limits.records_per_user else {
        return Ok(None);
    };
    let count = records::count(context.app.store()?, user.id).await?;
    Ok((count >= limit).then_some(Fault::QuotaReached { limit }))
}

/// Creates a record, or shows the form with its faults (`POST /dns-records/new`).
pub(crate) async fn create(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let form = record_form(&context.form);
    let replaced = replaced_records(&context.form)?;
    let names = app.name_rules().await?;
    let done = actions::create_record(
        app.store()?,
        &*app.queue,
        context.caller(&user),
        &form,
        &replaced,
        record_rules(&context, &names),
    )
    .await;
    match done {
        Ok(saved) => {
            let list = context.list_query().showing([&saved.record]);
            Ok(saved_response(&context, &user, saved, "created", list).await)
        }
        Err(ActionError::Conflict(Conflict::IssuanceForbidden(forbidden))) => {
            confirm_page(&context, &user, FormMode::Create, form, replaced, forbidden).await
        }
        Err(error) => {
            let faults = error.into_form_faults()?;
            faults_page(&context, &user, FormMode::Create, form, faults).await
        }
    }
}

/// Shows the form with the fields of one of the user's records (`GET /dns-records/{id}`).
pub(crate) async fn edit_form(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let id = path_id(&context)?;
    let all = records::list(context.app.store()?, user.id).await?;
    let Some(record) = all.iter().find(|record| record.id == id) else {
        return missing_record(&context, &user).await;
    };
    let mode = FormMode::Edit {
        id: record.id.0,
        fingerprint: Some(record.fingerprint()),
    };
    let form = form_of_record(&user, record);
    responses::ok(&FormPage {
        preview: Preview::of_record(&context, record),
        rrset: PresentRrset::of(id, &all),
        ..FormPage::new(&context, mode, form)
    })
}

/// Changes a record, or shows the form with its faults (`POST /dns-records/{id}`).
pub(crate) async fn update(
    context: Rc<RequestContext>,
    user: User,
) -> Result<HttpResponse, Failure> {
    let form = record_form(&context.form);
    match update_own(&context, &user, form.clone()).await {
        Err(Failure::NotFound) if !form.name.is_empty() || !form.input.is_empty() => {
            let page = FormPage::for_absent_record(&context, form);
            responses::page(StatusCode::NOT_FOUND, &page)
        }
        other => other,
    }
}

async fn update_own(
    context: &RequestContext,
    user: &User,
    form: RecordForm,
) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let id = path_id(context)?;
    let mut fingerprint = form_fingerprint(&context.form);
    let replaced = replaced_records(&context.form)?;
    let edit = RecordEdit {
        id,
        form: &form,
        seen: fingerprint.as_deref(),
        replaced: &replaced,
    };
    let (store, caller) = (app.store()?, context.caller(user));
    let names = app.name_rules().await?;
    let rules = record_rules(context, &names);
    let faults = match actions::edit_record(store, &*app.queue, caller, edit, rules).await {
        Ok(saved) => {
            let list = context.list_query();
            return Ok(saved_response(context, user, saved, "updated", list).await);
        }
        Err(ActionError::Conflict(Conflict::IssuanceForbidden(forbidden))) => {
            let mode = FormMode::Edit {
                id: id.0,
                fingerprint,
            };
            return confirm_page(context, user, mode, form, replaced, forbidden).await;
        }
        Err(ActionError::Conflict(Conflict::RecordChanged { current })) => {
            // The user sees the change now; the next save overwrites it.
            fingerprint = Some(current.fingerprint());
            let now = form_of_record(user, &current);
            let now = describe_differences(&form, &now, current.ttl, &rules.ttls);
            vec![(Field::Form, Fault::ChangedMeanwhile { now })]
        }
        Err(error) => error.into_form_faults()?,
    };
    let mode = FormMode::Edit {
        id: id.0,
        fingerprint,
    };
    faults_page(context, user, mode, form, faults).await
}

/// Shows a form again that was posted after the session had ended. Does not save it.
pub(crate) async fn show_kept_form(
    context: &RequestContext,
    user: &User,
    return_to: &str,
    kept_form: &str,
) -> Result<HttpResponse, Failure> {
    let (path, query) = return_to.split_once('?').unwrap_or((return_to, ""));
    let list = ListQuery::parse(query).unwrap_or_default();
    let form = Form::parse(kept_form.as_bytes())?;
    if context
        .app
        .keys
        .verify::<i64>(OWNER_PURPOSE, &form.text("owner"))
        != Some(user.id.0)
    {
        // Another user has signed in, perhaps on a shared computer.
        return Ok(see_other(&list.href()));
    }
    let id = path.strip_prefix("/dns-records/");
    let id = id.and_then(|rest| rest.parse().ok()).map(RecordId);
    let input = record_form(&form);
    let mut page = match id {
        None => FormPage {
            limit_reached: limit_reached(context, user).await?,
            ..FormPage::new(context, FormMode::Create, input)
        },
        Some(id)
            if records::get(context.app.store()?, user.id, id)
                .await?
                .is_none() =>
        {
            let mut page = FormPage::for_absent_record(context, input);
            page.layout.list = list;
            return responses::page(StatusCode::NOT_FOUND, &page);
        }
        Some(id) => {
            let mode = FormMode::Edit {
                id: id.0,
                fingerprint: form_fingerprint(&form),
            };
            FormPage::with_rrset(context, user, mode, input).await?
        }
    };
    page.layout.list = list;
    let answered = confirmed_name(&form).filter(|name| *name == page.form.name);
    responses::ok(&FormPage {
        is_kept: true,
        answered: answered.map(str::to_owned),
        ..page
    })
}

/// Redirects to a list, which says what was saved and what is doubtful about it. A button undoes
/// the change if records were deleted with it.
pub(super) async fn saved_response(
    context: &RequestContext,
    user: &User,
    saved: SavedRecord,
    done: &str,
    list: ListQuery,
) -> HttpResponse {
    let SavedRecord {
        record,
        notes,
        replaced,
    } = saved;
    let mut text = format!(
        "DNS Record \"{}\" has been successfully {done}",
        record.shown_name()
    );
    let mut undo = None;
    if !replaced.is_empty() {
        text.push_str(&format!(
            ". Deleted in its place: {}",
            list_values(&replaced)
        ));
        undo = newest_change(context, user, record.id).await;
    }
    context.set_done_flash(text, undo, notes.iter().map(ToString::to_string));
    see_other(&list.href())
}

/// Shows the form again and asks for a confirmation.
pub(super) async fn confirm_page(
    context: &RequestContext,
    user: &User,
    mode: FormMode,
    form: RecordForm,
    replaced: Vec<SeenRecord>,
    forbidden: IssuanceForbidden,
) -> Result<HttpResponse, Failure> {
    let page = FormPage {
        to_confirm: Some(forbidden),
        replaced,
        ..FormPage::with_rrset(context, user, mode, form).await?
    };
    responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Shows the form again with its faults, and with the records that are in the way.
pub(super) async fn faults_page(
    context: &RequestContext,
    user: &User,
    mode: FormMode,
    form: RecordForm,
    faults: Vec<(Field, Fault)>,
) -> Result<HttpResponse, Failure> {
    let id = match mode {
        FormMode::Create => None,
        FormMode::Edit { id, .. } => Some(RecordId(id)),
    };
    let names = context.app.name_rules().await?;
    let rules = record_rules(context, &names);
    let conflicting = match form.check(&user.base, rules.words, &rules.ttls) {
        Ok(new) => actions::list_conflicting(context.app.store()?, user, &new, id).await?,
        Err(_) => Vec::new(),
    };
    let page = FormPage {
        faults,
        conflicting,
        ..FormPage::with_rrset(context, user, mode, form).await?
    };
    responses::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
