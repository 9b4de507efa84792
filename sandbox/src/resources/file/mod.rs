//! Files that were uploaded: evidence, documents, logos. Their bytes lie in a table of their own.

mod create;

use serde::{Deserialize, Serialize};

use crate::{
    json::{Value, json},
    protocol::{
        call::{Answer, Call, Download},
        error::StripeError,
        list::{Page, Range},
        params::Metadata,
        route::Route,
    },
    store::{Record, Tables},
};

pub(crate) const ROUTES: &[Route] = &[
    Route::get("/v1/files", list),
    Route::post("/v1/files", create::create),
    Route::get("/v1/files/{id}", retrieve),
    Route::get("/v1/files/{id}/contents", contents),
];

/// What lists can be limited to: what is uploaded, and what only Stripe makes.
const LISTED_PURPOSES: &[&str] = &[
    "account_requirement",
    "additional_verification",
    "business_icon",
    "business_logo",
    "customer_signature",
    "dispute_evidence",
    "document_provider_identity_document",
    "finance_report_run",
    "financial_account_statement",
    "identity_document",
    "identity_document_downloadable",
    "issuing_regulatory_reporting",
    "pci_document",
    "platform_terms_of_service",
    "selfie",
    "sigma_scheduled_query",
    "tax_document_user_upload",
    "terminal_android_apk",
    "terminal_reader_splashscreen",
    "terminal_wifi_certificate",
    "terminal_wifi_private_key",
];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct File {
    id: String,
    account: String,
    filename: String,
    purpose: String,
    /// `pdf`, `png` and so on, by what the bytes are.
    kind: String,
    /// In bytes.
    size: usize,
    /// Where its bytes can be had, with a secret key.
    url: String,
    link: Option<Link>,
    created: i64,
}

/// A link that was asked for together with the upload.
#[derive(Clone, Serialize, Deserialize)]
struct Link {
    id: String,
    expires_at: Option<i64>,
    metadata: Metadata,
}

/// The bytes of a file, in hexadecimal digits, so that a line of the journal holds them.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Contents {
    file: String,
    account: String,
    hex: String,
}

impl Record for File {
    const NOUN: &'static str = "file";

    fn id(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

impl Record for Contents {
    const NOUN: &'static str = "file";

    fn id(&self) -> &str {
        &self.file
    }

    fn owner(&self) -> &str {
        &self.account
    }
}

impl File {
    pub(crate) fn render(&self, _: &Tables) -> Value {
        let links: Vec<Value> = self.link.iter().map(|link| link.render(self)).collect();
        json!({
            "id": self.id,
            "object": "file",
            "created": self.created,
            "expires_at": null,
            "filename": self.filename,
            "links": {
                "object": "list",
                "data": links,
                "has_more": false,
                "url": format!("/v1/file_links?file={}", self.id),
            },
            "purpose": self.purpose,
            "size": self.size,
            "title": null,
            "type": self.kind,
            "url": self.url,
        })
    }
}

impl Link {
    fn render(&self, file: &File) -> Value {
        json!({
            "id": self.id,
            "object": "file_link",
            "created": file.created,
            "expired": false,
            "expires_at": self.expires_at,
            "file": file.id,
            "livemode": false,
            "metadata": self.metadata,
            "url": file.url,
        })
    }
}

/// Refuses what is no file of the caller's, or was not uploaded as evidence.
pub(crate) fn check_evidence(call: &Call<'_, '_>, id: &str, param: &str) -> Result<(), StripeError> {
    let file = call.referenced::<File>(id, param)?;
    let signature = param.ends_with("[customer_signature]") && file.purpose == "customer_signature";
    if file.purpose == "dispute_evidence" || signature {
        return Ok(());
    }
    let message = format!(
        "The file {id} was uploaded with the purpose {}, and cannot be used as dispute_evidence.",
        file.purpose
    );
    Err(StripeError::invalid(message, param))
}

fn retrieve(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let file = call.owned::<File>(&call.arg(0))?;
    Ok(file.render(call.tx.tables))
}

/// The bytes themselves.
fn contents(call: &mut Call<'_, '_>) -> Answer {
    call.finish()?;
    let file = call.owned::<File>(&call.arg(0))?;
    let contents = call.owned::<Contents>(&file.id)?;
    let bytes = hex::decode(&contents.hex).unwrap_or_default();
    call.download = Some(Download { content_type: create::content_type(&file.kind), bytes });
    Ok(Value::Null)
}

fn list(call: &mut Call<'_, '_>) -> Answer {
    let created = Range::read(&mut call.params, "created")?;
    let purpose = call.params.choice("purpose", LISTED_PURPOSES)?;
    let page = Page::read(&mut call.params)?;
    let scope = call.scope.clone();
    page.of::<File>(
        call,
        &scope,
        |file| {
            created.holds(file.created) && purpose.as_deref().is_none_or(|purpose| purpose == file.purpose)
        },
        |tables, file| file.render(tables),
    )
}
