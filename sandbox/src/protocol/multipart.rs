//! Bodies of several parts, as uploads are sent: texts like those of a form, and files.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;

use super::error::StripeError;

/// A file that came with a request.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// As its sender calls it.
    pub(crate) filename: Option<String>,
    pub(crate) bytes: Bytes,
}

/// A body, whatever its form.
pub(super) struct Sent {
    /// Its texts, as a form encodes them.
    pub(super) form: Bytes,
    pub(super) files: Vec<(String, Upload)>,
}

/// Reads a body of several parts; any other is a form already.
pub(super) async fn read(content_type: Option<&str>, body: Bytes) -> Result<Sent, StripeError> {
    let Some(boundary) = content_type.and_then(|text| multer::parse_boundary(text).ok()) else {
        return Ok(Sent { form: body, files: Vec::new() });
    };
    let mut parts = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let mut texts = Vec::new();
    let mut files = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let filename = part.file_name().map(str::to_owned);
        // Without a name of its own a part is a text, unless it is where a file belongs.
        if filename.is_some() || name == "file" {
            files.push((name, Upload { filename, bytes: part.bytes().await.map_err(unreadable)? }));
        } else {
            texts.push((name, part.text().await.map_err(unreadable)?));
        }
    }
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(texts).finish();
    Ok(Sent { form: form.into(), files })
}

fn unreadable(error: multer::Error) -> StripeError {
    StripeError::invalid(format!("Invalid multipart body: {error}"), "file")
}
