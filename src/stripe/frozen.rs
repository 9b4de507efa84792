//! Wire bytes: what async-stripe's typed requests become before anything is stored or sent.

use std::collections::BTreeMap;

use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use uuid::Uuid;

use super::API_VERSION;

/// Metadata that we write: at most 50 keys of 40 characters, values of 500.
/// Source: <https://docs.stripe.com/api/metadata>.
pub type Metadata = BTreeMap<String, String>;

/// The metadata key that names our request row (its UUID): how an object is found when its answer was lost.
pub const REQUEST_METADATA_KEY: &str = "souk_request";

/// Stands, as the value of a parameter or a part of the path, for the id of what another write makes first.
pub const MADE_FIRST: &str = "souk_made_first";

/// A write to Stripe as wire bytes; nothing that is deployed later can alter it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// HTTP method: `POST` or `DELETE`.
    pub method: String,
    /// Path with version: `/v1/payment_intents`.
    pub path: String,
    /// Form-encoded.
    pub body: Vec<u8>,
    /// The `Stripe-Version` to send it with.
    pub version: String,
}

impl Frozen {
    /// Freezes a typed request of async-stripe's.
    pub(super) fn of(request: &impl StripeRequest) -> Self {
        let RequestBuilder { path, body, method, .. } = request.build();
        let method = match method {
            StripeMethod::Get => "GET",
            StripeMethod::Post => "POST",
            StripeMethod::Delete => "DELETE",
        };
        Self {
            method: method.to_owned(),
            path: format!("/v1{path}"),
            body: with_metadata_sorted(&body.unwrap_or_default()).into_bytes(),
            version: API_VERSION.to_owned(),
        }
    }

    /// The same write as another request of ours: whatever metadata named `old` names `new`, not another byte
    /// differs. `None` if nothing named `old`: what it makes could not be told from what `old` made.
    #[must_use]
    pub fn of_another_request(&self, old: Uuid, new: Uuid) -> Option<Self> {
        let body = std::str::from_utf8(&self.body).ok()?;
        let (old, mut named) = (format!("[{REQUEST_METADATA_KEY}]={old}"), false);
        let pairs = body.split('&').map(|pair| match pair.strip_suffix(&*old) {
            Some(place) => {
                named = true;
                format!("{place}[{REQUEST_METADATA_KEY}]={new}")
            }
            None => pair.to_owned(),
        });
        let body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        named.then(|| Self { body, ..self.clone() })
    }

    /// The same write, with the id of what was made first wherever [`MADE_FIRST`] stands for it. Metadata is left as it
    /// is: callers write there.
    #[must_use]
    pub fn with_made_first(&self, object_id: &str) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        let pairs = body.split('&').map(|pair| match pair.split_once('=') {
            Some((name, MADE_FIRST)) if !name.starts_with("metadata[") => format!("{name}={object_id}"),
            _ => pair.to_owned(),
        });
        let body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        let parts = self.path.split('/').map(|part| if part == MADE_FIRST { object_id } else { part });
        Self { path: parts.collect::<Vec<_>>().join("/"), body, ..self.clone() }
    }
}

/// The path of a read, with its query.
pub(super) fn path_of(request: &impl StripeRequest) -> String {
    let RequestBuilder { path, query, .. } = request.build();
    match query.filter(|query| !query.is_empty()) {
        Some(query) => format!("/v1{path}?{query}"),
        None => format!("/v1{path}"),
    }
}

/// async-stripe keeps metadata in a hash map, whose order differs from process to process. The same parameters
/// shall freeze to the same bytes, so that tests can pin them and people can compare them.
fn with_metadata_sorted(body: &str) -> String {
    let is_metadata = |pair: &&str| pair.starts_with("metadata[");
    let mut metadata: Vec<&str> = body.split('&').filter(is_metadata).collect();
    metadata.sort_unstable();
    let mut sorted = metadata.into_iter();
    let place = |pair| if is_metadata(&pair) { sorted.next().unwrap_or(pair) } else { pair };
    body.split('&').map(place).collect::<Vec<_>>().join("&")
}

/// Metadata as async-stripe takes it.
pub(super) fn hash_map(metadata: &Metadata) -> std::collections::HashMap<String, String> {
    metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A currency as async-stripe takes it; it passes on what it doesn't know.
pub(super) fn currency(currency: souk_entity::Currency) -> stripe_types::Currency {
    let Ok(currency) = currency.code().parse::<stripe_types::Currency>();
    currency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_sorted_in_place_and_nothing_else_moves() {
        assert_eq!(
            with_metadata_sorted("b=1&metadata[z]=1&a=2&metadata[k]=2"),
            "b=1&metadata[k]=2&a=2&metadata[z]=1"
        );
        assert_eq!(with_metadata_sorted(""), "");
    }

    #[test]
    fn what_is_made_first_is_named_where_a_place_was_kept_for_it() {
        let frozen = Frozen {
            method: "POST".to_owned(),
            path: format!("/v1/payment_methods/{MADE_FIRST}/attach"),
            body: format!("customer={MADE_FIRST}&metadata[note]={MADE_FIRST}&n={MADE_FIRST}s&x").into_bytes(),
            version: API_VERSION.to_owned(),
        };
        let filled = frozen.with_made_first("cus_1");
        assert_eq!(filled.path, "/v1/payment_methods/cus_1/attach");
        let body = format!("customer=cus_1&metadata[note]={MADE_FIRST}&n={MADE_FIRST}s&x");
        assert_eq!(String::from_utf8(filled.body.clone()).unwrap(), body);
        assert_eq!(filled.with_made_first("cus_2"), filled, "there is no place any more");
    }

    #[test]
    fn the_same_parameters_always_freeze_to_the_same_bytes() {
        let metadata: Metadata = (0..20).map(|n| (format!("key_{n:02}"), n.to_string())).collect();
        let freeze = || {
            let metadata = hash_map(&metadata);
            Frozen::of(&stripe_connect::account::CreateAccount::new().metadata(metadata))
        };
        let first = freeze();
        assert!((0..50).all(|_| freeze() == first));
    }

    #[test]
    fn another_request_names_itself_and_changes_nothing_else() {
        let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let of = |body: String| Frozen {
            method: "POST".to_owned(),
            path: "/v1/payouts".to_owned(),
            body: body.into_bytes(),
            version: API_VERSION.to_owned(),
        };
        let naming = |id| {
            of(format!(
                "amount=1&metadata[souk_payout]=payout_1&metadata[souk_request]={id}&a[metadata][souk_request]={id}"
            ))
        };
        assert_eq!(naming(old).of_another_request(old, new), Some(naming(new)));
        assert_eq!(naming(new).of_another_request(old, new), None);
    }
}
