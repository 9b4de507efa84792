//! Uploading: what may be uploaded for what.
//!
//! Source of sizes and types: <https://docs.stripe.com/file-upload>.

use super::{Contents, File, Link};
use crate::protocol::{
    call::{Answer, Call},
    error::StripeError,
    params::{Metadata, Params},
};

const KB: usize = 1024;
const MB: usize = 1024 * KB;

const DOCUMENTS: &[&str] = &["pdf", "jpg", "png"];
const IMAGES: &[&str] = &["jpg", "png", "gif"];
const PDF: &[&str] = &["pdf"];
/// Whatever it is.
const ANYTHING: &[&str] = &[];

/// Purpose, largest size in bytes, and the types that are taken.
const PURPOSES: &[(&str, usize, &[&str])] = &[
    ("account_requirement", 10 * MB, DOCUMENTS),
    ("additional_verification", 10 * MB, DOCUMENTS),
    ("business_icon", 512 * KB, IMAGES),
    ("business_logo", 512 * KB, IMAGES),
    ("customer_signature", 4 * MB, IMAGES),
    ("dispute_evidence", 5 * MB, DOCUMENTS),
    ("identity_document", 16 * MB, DOCUMENTS),
    ("issuing_regulatory_reporting", 5 * MB, DOCUMENTS),
    ("pci_document", 16 * MB, PDF),
    ("platform_terms_of_service", 16 * MB, PDF),
    ("tax_document_user_upload", 16 * MB, ANYTHING),
    ("terminal_android_apk", 16 * MB, ANYTHING),
    ("terminal_reader_splashscreen", 2 * MB, IMAGES),
    ("terminal_wifi_certificate", MB, ANYTHING),
    ("terminal_wifi_private_key", MB, ANYTHING),
];

/// Type, how its bytes begin, and how HTTP calls it.
const TYPES: &[(&str, &[u8], &str)] = &[
    ("pdf", b"%PDF", "application/pdf"),
    ("png", b"\x89PNG", "image/png"),
    ("jpg", b"\xFF\xD8\xFF", "image/jpeg"),
    ("gif", b"GIF8", "image/gif"),
];

pub(super) fn create(call: &mut Call<'_, '_>) -> Answer {
    // 1. For what.
    let purpose = call.params.required("purpose")?;
    let Some((purpose, largest, types)) = PURPOSES.iter().find(|(known, ..)| *known == purpose) else {
        let known: Vec<&str> = PURPOSES.iter().map(|(name, ..)| *name).collect();
        let message = format!("Invalid purpose: must be one of {}", known.join(", "));
        return Err(StripeError::invalid(message, "purpose"));
    };

    // 2. What.
    let upload = call.params.file("file").ok_or_else(|| StripeError::missing("file"))?;
    let link = read_link(&mut call.params)?;
    call.finish()?;
    let filename = upload.filename.clone().unwrap_or_else(|| "file".into());
    let kind = type_of(&upload.bytes, &filename);
    if upload.bytes.is_empty() {
        return Err(StripeError::invalid("The uploaded file is empty.", "file"));
    }
    if upload.bytes.len() > *largest {
        let message = format!(
            "The uploaded file is too large: a file with the purpose {purpose} has {largest} bytes at most."
        );
        return Err(StripeError::invalid(message, "file"));
    }
    if !types.is_empty() && !types.contains(&kind.as_str()) {
        let message = format!(
            "Invalid file: a file with the purpose {purpose} must be one of {}, by its contents.",
            types.join(", ")
        );
        return Err(StripeError::invalid(message, "file"));
    }

    // 3. Keep it.
    let id = call.tx.new_id("file");
    let file = File {
        account: call.scope.clone(),
        filename,
        purpose: (*purpose).to_owned(),
        kind,
        size: upload.bytes.len(),
        url: format!("{}/v1/files/{id}/contents", call.public_url),
        link: link.map(|link| Link { id: call.tx.new_id("link"), ..link }),
        created: call.tx.now(),
        id: id.clone(),
    };
    let contents = Contents { file: id, account: file.account.clone(), hex: hex::encode(&upload.bytes) };
    call.tx.put(contents);
    call.tx.put(file.clone());
    let object = file.render(call.tx.tables);
    call.tx.emit(&file.account, "file.created", &object);
    Ok(object)
}

fn read_link(params: &mut Params) -> Result<Option<Link>, StripeError> {
    let Some(mut hash) = params.hash("file_link_data")? else { return Ok(None) };
    let param = hash.name_of("create");
    let create = hash.boolean("create")?.ok_or_else(|| StripeError::missing(&param))?;
    let expires_at = hash.int("expires_at")?;
    let mut metadata = Metadata::new();
    hash.metadata(&mut metadata)?;
    hash.finish()?;
    Ok(create.then(|| Link { id: String::new(), expires_at, metadata }))
}

/// What the bytes are; if they don't say, what the name says.
fn type_of(bytes: &[u8], filename: &str) -> String {
    let known = TYPES.iter().find(|(_, start, _)| bytes.starts_with(start));
    let unknown = || match filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()) {
        // Bytes that lie about what they are, are nothing that is known.
        Some(extension) if TYPES.iter().all(|(name, ..)| *name != extension) && extension != "jpeg" => {
            extension
        }
        _ => "bin".to_owned(),
    };
    known.map_or_else(unknown, |(name, ..)| (*name).to_owned())
}

pub(super) fn content_type(kind: &str) -> &'static str {
    TYPES.iter().find(|(name, ..)| *name == kind).map_or("application/octet-stream", |(.., mime)| mime)
}
