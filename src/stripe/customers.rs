//! Customers: whose payment methods Stripe keeps. Source: <https://docs.stripe.com/api/customers>.

use serde::Deserialize;
use stripe_core::customer::{
    CreateCustomer, ListCustomer, RetrieveCustomer, UpdateCustomer, UpdateCustomerInvoiceSettings,
};

use super::{
    Expandable, Frozen, Metadata, ObjectRef, Window,
    expandable::LONGEST_PAGE,
    frozen::{hash_map, path_of},
};

/// The parameter that names the default payment method.
const DEFAULT: &str = "invoice_settings[default_payment_method]";

/// Creates a customer.
#[must_use]
pub fn create(email: &str, name: Option<&str>, metadata: &Metadata) -> Frozen {
    let request = CreateCustomer::new().email(email).metadata(hash_map(metadata));
    match name {
        Some(name) => Frozen::of(&request.name(name)),
        None => Frozen::of(&request),
    }
}

/// Makes one of a customer's payment methods the default: the one that invoices are paid with.
#[must_use]
pub fn set_default(customer: &str, payment_method: &str) -> Frozen {
    let mut settings = UpdateCustomerInvoiceSettings::new();
    settings.default_payment_method = Some(payment_method.to_owned());
    Frozen::of(&UpdateCustomer::new(customer).invoice_settings(settings))
}

/// Which payment method the body of a write makes the default.
#[must_use]
pub fn default_in(body: &[u8]) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(body);
    pairs.find(|(name, _)| name == DEFAULT).map(|(_, value)| value.into_owned())
}

/// Where a customer is read.
#[must_use]
pub fn path(customer: &str) -> String {
    path_of(&RetrieveCustomer::new(customer))
}

/// Where a page of up to 100 customers of a window is read, newest first; `after` is the last id of the page before.
/// Not by e-mail: somebody may have changed it.
#[must_use]
pub fn list_path(window: Window, after: Option<&str>) -> String {
    let request = ListCustomer::new().created(window.created()).limit(LONGEST_PAGE);
    path_of(&match after {
        Some(id) => request.starting_after(id),
        None => request,
    })
}

/// What we read of a customer.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    /// `cus_...`.
    pub id: String,
    /// Absent of a customer that was deleted.
    #[serde(default)]
    pub invoice_settings: InvoiceSettings,
}

/// What invoices of a customer begin with.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct InvoiceSettings {
    /// What they are paid with.
    pub default_payment_method: Option<Expandable<ObjectRef>>,
}

impl Customer {
    /// The default payment method.
    #[must_use]
    pub fn default_payment_method(&self) -> Option<&str> {
        self.invoice_settings.default_payment_method.as_ref().map(Expandable::id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(frozen: Frozen) -> String {
        String::from_utf8(frozen.body).unwrap()
    }

    #[test]
    fn a_customer_is_created_with_what_is_known() {
        let metadata: Metadata = [("souk_request".to_owned(), "0192".to_owned())].into();
        let frozen = create("b+1@example.com", None, &metadata);
        assert_eq!((frozen.method.as_str(), frozen.path.as_str()), ("POST", "/v1/customers"));
        assert_eq!(body(frozen), "email=b%2B1@example.com&metadata[souk_request]=0192");
        let named = create("b@example.com", Some("Bob"), &metadata);
        assert_eq!(body(named), "email=b@example.com&metadata[souk_request]=0192&name=Bob");
    }

    #[test]
    fn what_a_write_makes_the_default_can_be_read_from_its_bytes() {
        let frozen = set_default("cus_1", "pm_1");
        assert_eq!(frozen.path, "/v1/customers/cus_1");
        assert_eq!(default_in(&frozen.body).as_deref(), Some("pm_1"));
        assert_eq!(body(frozen), "invoice_settings[default_payment_method]=pm_1");
        assert_eq!(default_in(b"email=b@example.com"), None);
    }

    #[test]
    fn a_customer_is_read_with_and_without_a_default_and_when_deleted() {
        let read = |json: &str| serde_json::from_str::<Customer>(json).unwrap();
        let some = read(r#"{"id": "cus_1", "invoice_settings": {"default_payment_method": "pm_1"}}"#);
        assert_eq!(some.default_payment_method(), Some("pm_1"));
        let none = read(r#"{"id": "cus_1", "invoice_settings": {"default_payment_method": null}}"#);
        assert_eq!(none.default_payment_method(), None);
        assert_eq!(read(r#"{"id": "cus_1", "deleted": true}"#).default_payment_method(), None);
        assert_eq!(path("cus_1"), "/v1/customers/cus_1");
    }

    #[test]
    fn customers_of_a_window_are_listed_page_by_page() {
        let second = |second| chrono::DateTime::from_timestamp(second, 0).unwrap();
        let window = Window { from: second(5), to: Some(second(9)) };
        assert_eq!(list_path(window, None), "/v1/customers?created[gte]=5&created[lte]=9&limit=100");
        assert_eq!(
            list_path(Window { to: None, ..window }, Some("x_1")),
            "/v1/customers?created[gte]=5&limit=100&starting_after=x_1"
        );
    }
}
