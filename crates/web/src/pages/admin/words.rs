//! The lists of words and labels: what admins added, whose names have the words, and what the
//! filter says about a name.

use std::collections::BTreeMap;
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use starchart_domain::input::clean_line;
use starchart_domain::names::{Label, LabelRule, NameRule, OwnedName, RootDomain};
use starchart_domain::plural::pluralize;
use starchart_domain::words::{ListKind, NameRules, Source};
use starchart_store::admin::{self, Admin, ListedWord, NameInUse};

use super::{encode_query, list_href, parse_query};
use crate::actions::{self, WordError, WordRefusal, describe_source};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;
use crate::pages::{FlashKind, Layout, filters};
use crate::responses::{self, see_other};

const PATH: &str = "/admin/words";
/// Names in use that are listed at most; the total says how many there are.
const MAX_NAMES: usize = 50;

/// `GET /admin/words`; posts an `intent` to the same path.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/words.html")]
pub(crate) struct WordsPage {
    pub(crate) layout: Layout,
    pub(crate) root_domain: RootDomain,
    /// What the box "Try a name" says; empty before it is used.
    pub(crate) tried: TriedName,
    /// The lists in the order of [`ListKind::ALL`].
    pub(crate) lists: Vec<WordList>,
    /// The names in use that would be refused now, the first ones.
    pub(crate) in_use: Vec<NameInUse>,
    /// All of their records, as `3 records have a name`.
    pub(crate) in_use_total: String,
    /// How many such names there are.
    pub(crate) names_total: usize,
    /// The word to which they are limited; empty for all.
    pub(crate) word: String,
}

/// What the filter says about a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TriedName {
    pub(crate) input: String,
    pub(crate) is_refused: bool,
    pub(crate) sentences: Vec<String>,
}

/// One of the lists.
#[derive(Debug, Clone)]
pub(crate) struct WordList {
    pub(crate) kind: ListKind,
    /// Where [`Self::others`] come from.
    pub(crate) source: Source,
    /// The entries that no admin added.
    pub(crate) others: Vec<String>,
    pub(crate) rows: Vec<WordRow>,
    /// What was entered into its form.
    pub(crate) input: String,
    /// Why that was not added.
    pub(crate) refusal: Option<WordRefusal>,
}

/// An entry that an admin added.
#[derive(Debug, Clone)]
pub(crate) struct WordRow {
    pub(crate) word: ListedWord,
    /// How many records have the refused word in their names.
    pub(crate) records: u64,
    /// The user who has the reserved label.
    pub(crate) holder: Option<String>,
}

impl WordList {
    fn title(&self) -> &'static str {
        match self.kind {
            ListKind::Refused => "Refused words",
            ListKind::Allowed => "Allowed words and phrases",
            ListKind::Reserved => "Reserved labels",
        }
    }

    fn label(&self) -> &'static str {
        match self.kind {
            ListKind::Refused => "Word to refuse",
            ListKind::Allowed => "Word or phrase to allow",
            ListKind::Reserved => "Label to reserve",
        }
    }

    fn button(&self) -> &'static str {
        match self.kind {
            ListKind::Refused => "Refuse",
            ListKind::Allowed => "Allow",
            ListKind::Reserved => "Reserve",
        }
    }

    /// Says where the entries come from that no admin added.
    fn describe_others(&self) -> String {
        let entries = pluralize(self.others.len(), "entry", "entries");
        let file = self.kind.file_name();
        match self.source {
            Source::File => format!("{entries} from the operator's {file} (WORD_LISTS_PATH)."),
            _ => format!("{entries} from {file}, which comes with the program."),
        }
    }

    /// Returns the entry that the admin may confirm.
    fn to_confirm(&self) -> Option<&str> {
        match &self.refusal {
            Some(WordRefusal::InUse { entry, .. }) => Some(entry),
            _ => None,
        }
    }
}

impl WordRow {
    /// Returns the URL of the names in use that have the word.
    fn names_href(&self) -> String {
        names_href(&self.word.entry)
    }
}

fn names_href(word: &str) -> String {
    format!("{PATH}?{}#in-use", encode_query(&[("word", word)]))
}

impl WordsPage {
    /// Returns the URL of the owner in the list of users.
    fn owner_href(&self, name: &NameInUse) -> String {
        list_href(&name.fqdn, 1)
    }

    fn names_of_href(&self, word: &str) -> String {
        names_href(word)
    }
}

/// `GET /admin/words`: the lists; with `name` also what the filter says about it.
pub(crate) async fn words(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    let query = parse_query(&context)?;
    responses::ok(&page(&context, &admin, &query).await?)
}

/// `POST /admin/words`: adds an entry to a list, or removes one.
pub(crate) async fn change_words(
    context: Rc<RequestContext>,
    admin: Admin,
) -> Result<HttpResponse, Failure> {
    match context.form.get("intent").unwrap_or_default() {
        "add-word" => add(&context, &admin).await,
        "remove-word" => remove(&context, &admin).await,
        _ => Err(Failure::Unprocessable("unknown intent")),
    }
}

async fn add(context: &RequestContext, admin: &Admin) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let form = &context.form;
    let kind = form.get("kind").and_then(ListKind::parse);
    let kind = kind.ok_or(Failure::Unprocessable("unknown list"))?;
    let text = form
        .get("word")
        .ok_or(Failure::Unprocessable("missing field"))?;
    // What another admin did a moment ago counts.
    app.names.forget();
    let names = app.name_rules().await?;
    let added = actions::add_word(
        app.store()?,
        context.caller(admin),
        (&names, &app.config.root_domain),
        (kind, text),
        form.get("confirm"),
    )
    .await;
    app.names.forget();
    let refusal = match added {
        Ok(entry) => {
            let done = match kind {
                ListKind::Refused => format!("“{entry}” is refused in new names from now on."),
                ListKind::Allowed => format!("“{entry}” is allowed from now on."),
                ListKind::Reserved => format!("“{entry}” is reserved from now on."),
            };
            context.set_flash(&[(FlashKind::Done, done)]);
            return Ok(see_other(PATH));
        }
        Err(WordError::Refused(refusal)) => refusal,
        Err(WordError::Store(error)) => return Err(error.into()),
    };
    let status = match refusal {
        WordRefusal::InUse { .. } => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut page = page(context, admin, &Form::default()).await?;
    for list in page.lists.iter_mut().filter(|list| list.kind == kind) {
        list.input = text.to_owned();
        list.refusal = Some(refusal.clone());
    }
    responses::page(status, &page)
}

async fn remove(context: &RequestContext, admin: &Admin) -> Result<HttpResponse, Failure> {
    let app = &context.app;
    let id = context.form.get("item").and_then(|id| id.parse().ok());
    let id = id.ok_or(Failure::Unprocessable("invalid id"))?;
    let removed = actions::remove_word(app.store()?, context.caller(admin), id).await?;
    app.names.forget();
    let message = match removed {
        Some((_, entry)) => (FlashKind::Done, format!("“{entry}” was removed.")),
        None => (
            FlashKind::Note,
            "This entry was removed already.".to_owned(),
        ),
    };
    context.set_flash(&[message]);
    Ok(see_other(PATH))
}

async fn page(context: &RequestContext, admin: &Admin, query: &Form) -> Result<WordsPage, Failure> {
    let app = &context.app;
    let (store, root) = (app.store()?, &app.config.root_domain);
    let names = app.name_rules().await?;
    let words = admin::list_words(store, admin).await?;
    let mut in_use = admin::list_names_in_use(store, admin, root, &names.words).await?;
    let mut records: BTreeMap<&str, u64> = BTreeMap::new();
    for name in &in_use {
        *records.entry(&name.word).or_default() += name.records;
    }
    let reserved = words.iter().filter(|word| word.kind == ListKind::Reserved);
    let reserved: Vec<&str> = reserved.map(|word| word.entry.as_str()).collect();
    let holders = admin::list_label_holders(store, admin, &reserved).await?;
    let row = |word: &ListedWord| WordRow {
        records: match word.kind {
            ListKind::Refused => records.get(word.entry.as_str()).copied().unwrap_or(0),
            _ => 0,
        },
        holder: match word.kind {
            ListKind::Reserved => holders.get(&word.entry).cloned(),
            _ => None,
        },
        word: word.clone(),
    };
    let list = |kind: ListKind| WordList {
        kind,
        source: app.names.lists.source(kind),
        others: app.names.lists.entries(kind).map(str::to_owned).collect(),
        rows: words
            .iter()
            .filter(|word| word.kind == kind)
            .map(row)
            .collect(),
        input: String::new(),
        refusal: None,
    };
    let lists = ListKind::ALL.iter().copied().map(list).collect();
    let word = clean_line(&query.text("word"));
    in_use.retain(|name| word.is_empty() || name.word == word);
    let total: u64 = in_use.iter().map(|name| name.records).sum();
    let names_total = in_use.len();
    in_use.truncate(MAX_NAMES);
    Ok(WordsPage {
        layout: context.layout(),
        root_domain: root.clone(),
        tried: try_name(&names, root, &query.text("name")),
        lists,
        in_use,
        in_use_total: pluralize(total, "record has a name", "records have a name"),
        names_total,
        word,
    })
}

/// Says what the filter makes of a name, and why.
fn try_name(names: &NameRules, root: &RootDomain, input: &str) -> TriedName {
    let text = clean_line(input).to_lowercase();
    if text.is_empty() {
        return TriedName::default();
    }
    let tried = |is_refused, sentences| TriedName {
        input: clean_line(input),
        is_refused,
        sentences,
    };
    // Also a whole name under somebody's domain.
    let label = root.label_of(&text).or_else(|| Label::parse("user").ok());
    let Some(base) = label.map(|label| root.base(&label)) else {
        return TriedName::default();
    };
    let whole = text.trim_end_matches('.');
    let relative = match base.relative(whole) {
        Some("") => "@",
        Some(relative) => relative,
        None => &text,
    };
    let rule = NameRule {
        at_base: None,
        labels: LabelRule::Underscores,
    };
    let name = match OwnedName::parse(relative, &base, &rule) {
        Ok(name) => name,
        Err(fault) => {
            return tried(
                true,
                vec![format!("No record can have this name: {fault}.")],
            );
        }
    };
    let shown = name.shown();
    let mut sentences = Vec::new();
    let found = names.words.find_in(&shown);
    match &found {
        Some(found) if found.spelled == found.word => sentences.push(format!(
            "Refused: the word “{}” is {}.",
            found.word,
            describe_source(found.source)
        )),
        Some(found) => sentences.push(format!(
            "Refused: “{}” is read as “{}”, which is {}.",
            found.spelled,
            found.word,
            describe_source(found.source)
        )),
        None => sentences.push("Allowed: no word of this name is refused.".to_owned()),
    }
    for (word, phrase) in names.words.list_harmless(&shown) {
        sentences.push(format!("“{word}” is harmless in “{phrase}”."));
    }
    if found.is_none() && shown.split('.').any(|label| label.starts_with('_')) {
        let rule = "Labels that begin with _ are not searched, because services dictate them.";
        sentences.push(rule.to_owned());
    }
    if let Ok(label) = Label::parse(&shown) {
        let domain = root.base(&label);
        sentences.push(match names.reserved.find(&label) {
            Some(source) => format!(
                "As a user's own domain, {domain}, it is reserved: “{label}” is {}.",
                describe_source(source)
            ),
            None => format!("As a user's own domain, {domain}, it is not reserved."),
        });
    }
    tried(found.is_some(), sentences)
}

#[cfg(test)]
mod tests;
