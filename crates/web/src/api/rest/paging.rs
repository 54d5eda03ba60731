//! Lists in pages, by a cursor: the header `Link` has the URLs of the other pages (RFC 8288).

use actix_web::HttpResponse;
use actix_web::http::header::LINK;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use url::form_urlencoded;

use crate::context::RequestContext;
use crate::errors::Failure;

/// Items of a page.
pub(super) const PAGE_SIZE: usize = 500;

/// A part of a list, with the header that leads to the others.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    link: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page; `next` is the cursor of the one after it.
    pub(super) fn with_next(context: &RequestContext, items: Vec<T>, next: Option<&str>) -> Self {
        let next = next.map(|next| format!(", {}", entry(context, next, "next")));
        let link = format!(
            "{}{}",
            entry(context, "", "first"),
            next.unwrap_or_default()
        );
        Self {
            items,
            link: Some(link),
        }
    }

    /// Cuts the page out of a list that begins after the cursor. `key` orders the items.
    ///
    /// # Errors
    /// The cursor is none of ours.
    pub(super) fn cut(
        context: &RequestContext,
        mut items: Vec<T>,
        key: impl Fn(&T) -> String,
        cursor: &str,
    ) -> Result<Self, Failure> {
        items.sort_by_cached_key(&key);
        let after = decode(cursor)?;
        let start = match after.as_str() {
            "" => 0,
            after => items.partition_point(|item| key(item).as_str() <= after),
        };
        // The cursor of a page is the last item before it.
        let cursor_at = |start: usize| match start.checked_sub(1) {
            Some(last) => items.get(last).map(&key).unwrap_or_default(),
            None => String::new(),
        };
        let mut links = vec![entry(context, "", "first")];
        if start > 0 {
            let previous = cursor_at(start.saturating_sub(PAGE_SIZE));
            links.push(entry(context, &encode(&previous), "prev"));
        }
        let end = (start + PAGE_SIZE).min(items.len());
        if end < items.len() {
            links.push(entry(context, &encode(&cursor_at(end)), "next"));
        }
        items.truncate(end);
        Ok(Self {
            items: items.split_off(start.min(end)),
            link: Some(links.join(", ")),
        })
    }

    /// Takes a short list whole. A client that knows of no pages gets no part of a long one, but is
    /// told where the first page is, as by deSEC.
    pub(super) fn whole(
        context: &RequestContext,
        items: Vec<T>,
    ) -> Result<Self, Box<HttpResponse>> {
        if items.len() <= PAGE_SIZE {
            return Ok(Self { items, link: None });
        }
        let detail = format!(
            "Pagination required. You can query up to {PAGE_SIZE} items at a time ({} total). \
             Please use the `first` page link (see Link header).",
            items.len()
        );
        let refusal = HttpResponse::BadRequest()
            .insert_header((LINK, entry(context, "", "first")))
            .json(serde_json::json!({ "detail": detail }));
        Err(Box::new(refusal))
    }

    /// Answers with the items as JSON.
    pub(super) fn respond<S: Serialize>(self, shape: impl FnMut(T) -> S) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        if let Some(link) = self.link {
            response.insert_header((LINK, link));
        }
        let items: Vec<S> = self.items.into_iter().map(shape).collect();
        response.json(items)
    }
}

/// Writes a link to the page of the same list with this cursor.
fn entry(context: &RequestContext, cursor: &str, relation: &str) -> String {
    let query = context.req.query_string().as_bytes();
    let others = form_urlencoded::parse(query).filter(|(name, _)| name != "cursor");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair("cursor", cursor)
        .finish();
    let origin = context.app.origin();
    let path = context.req.path();
    format!("<{origin}{path}?{query}>; rel=\"{relation}\"")
}

fn encode(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

fn decode(cursor: &str) -> Result<String, Failure> {
    let octets = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = octets.and_then(|octets| String::from_utf8(octets).ok());
    key.ok_or(Failure::BadRequest("the cursor is none of this list"))
}
