//! A body that nobody reads to its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Payload, ServiceResponse};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};

/// What is left of a request's body, in its extensions.
struct Unread {
    _body: Payload,
}

/// Says that nobody will read the rest of the request's body: the connection is closed after the
/// answer.
pub(crate) fn hold(req: &HttpRequest, payload: Payload) {
    req.extensions_mut().insert(Unread { _body: payload });
}

/// The body of an answer that keeps the rest of the request's body alive until it is sent.
///
/// The server reads a chunked body that was dropped to its end, however long that is, to use the
/// connection again. One that is still held makes it close the connection after the answer instead.
pub(crate) struct Held<B> {
    body: Pin<Box<B>>,
    _unread: Option<Unread>,
}

impl<B: MessageBody> MessageBody for Held<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_mut().poll_next(context)
    }
}

/// Puts what was held into the answer. Outermost, because whatever changes an answer's body may
/// drop an empty one.
pub(crate) fn attach<B: MessageBody>(response: ServiceResponse<B>) -> ServiceResponse<Held<B>> {
    let unread = response.request().extensions_mut().remove::<Unread>();
    response.map_body(|_, body| Held {
        body: Box::pin(body),
        _unread: unread,
    })
}
