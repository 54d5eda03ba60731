//! Closes the connection after a response to a request whose body was not read.
//!
//! When a chunked body is dropped, actix-web reads it to its end, however long that takes, to reuse
//! the connection. While the body is still alive, actix-web closes the connection instead. So the
//! unread body is kept alive until the response is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Payload, ServiceResponse};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};

/// The unread body of a request, as an extension of the request.
struct UnreadBody {
    _payload: Payload,
}

/// Keeps the unread body of a request alive until its response is sent.
pub(crate) fn keep(req: &HttpRequest, payload: Payload) {
    req.extensions_mut()
        .insert(UnreadBody { _payload: payload });
}

/// A response body that owns the unread body of its request.
pub(crate) struct ResponseBody<B> {
    inner: Pin<Box<B>>,
    _unread: Option<UnreadBody>,
}

impl<B: MessageBody> MessageBody for ResponseBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().inner.as_mut().poll_next(context)
    }
}

/// Moves the unread body into the response body. Must be the outermost step: any other middleware
/// may drop an empty body.
pub(crate) fn attach<B: MessageBody>(
    response: ServiceResponse<B>,
) -> ServiceResponse<ResponseBody<B>> {
    let unread = response.request().extensions_mut().remove::<UnreadBody>();
    response.map_body(|_, body| ResponseBody {
        inner: Box::pin(body),
        _unread: unread,
    })
}
