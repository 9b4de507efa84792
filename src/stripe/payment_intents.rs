//! Payment intents. Source: <https://docs.stripe.com/api/payment_intents>.
//!
//! At `succeeded` the charge's balance transaction, transfer and application fee may still be null: asynchronous
//! capture is the default, and they come with `charge.updated`
//! (<https://docs.stripe.com/payments/payment-intents/asynchronous-capture>).

use serde::Deserialize;
use souk_entity::{Currency, Money, StripeAccountId};
use stripe_core::payment_intent::{
    CancelPaymentIntent, CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods,
    CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects as AllowRedirects,
    CreatePaymentIntentTransferData, ListPaymentIntent, RetrievePaymentIntent,
};

use super::{
    Expandable, Frozen, Identified, Metadata, Refusal, Window,
    charges::Charge,
    expandable::LONGEST_PAGE,
    frozen::{currency, hash_map, path_of},
};

/// What an intent of a destination charge is made from.
#[derive(Clone, Debug)]
pub struct Create<'a> {
    /// What the buyer pays.
    pub amount: Money,
    /// Who gets it, less the fee.
    pub destination: &'a StripeAccountId,
    /// What the platform keeps, in minor units of the amount's currency; 0 for nothing.
    pub application_fee_amount: i64,
    /// Shown to the seller and in Stripe's dashboard.
    pub description: Option<&'a str>,
    /// Where Stripe sends the receipt.
    pub receipt_email: Option<&'a str>,
    /// On the buyer's statement, after the platform's prefix.
    pub statement_descriptor_suffix: Option<&'a str>,
    /// Pays at once; without it the buyer's app confirms.
    pub pay_with: Option<PayWith<'a>>,
    /// Our ids.
    pub metadata: &'a Metadata,
}

/// With what an intent is confirmed as it is created.
#[derive(Clone, Copy, Debug)]
pub struct PayWith<'a> {
    /// `pm_...`
    pub payment_method: &'a str,
    /// Where the buyer's browser comes back to. Stripe asks for it, unless the intent takes no method that sends
    /// the buyer away (<https://docs.stripe.com/api/payment_intents/create>).
    pub return_url: Option<&'a str>,
}

/// Creates the intent of a destination charge; the payment methods are those that the dashboard allows.
#[must_use]
pub fn create(params: &Create<'_>) -> Frozen {
    let mut request = CreatePaymentIntent::new(params.amount.amount, currency(params.amount.currency))
        .automatic_payment_methods(methods(params.pay_with))
        .transfer_data(CreatePaymentIntentTransferData::new(params.destination.as_str()))
        .metadata(hash_map(params.metadata));
    // No fee is said by saying nothing.
    if params.application_fee_amount > 0 {
        request = request.application_fee_amount(params.application_fee_amount);
    }
    if let Some(description) = params.description {
        request = request.description(description);
    }
    if let Some(email) = params.receipt_email {
        request = request.receipt_email(email);
    }
    if let Some(suffix) = params.statement_descriptor_suffix {
        request = request.statement_descriptor_suffix(suffix);
    }
    if let Some(PayWith { payment_method, return_url }) = params.pay_with {
        // What is left to do, a question of the bank's, is done by Stripe's SDK in the buyer's app.
        request = request.confirm(true).payment_method(payment_method).use_stripe_sdk(true);
        if let Some(url) = return_url {
            request = request.return_url(url);
        }
    }
    Frozen::of(&request)
}

fn methods(pay_with: Option<PayWith<'_>>) -> CreatePaymentIntentAutomaticPaymentMethods {
    let mut methods = CreatePaymentIntentAutomaticPaymentMethods::new(true);
    if pay_with.is_some_and(|with| with.return_url.is_none()) {
        methods.allow_redirects = Some(AllowRedirects::Never);
    }
    methods
}

/// Cancels an intent that has not succeeded.
#[must_use]
pub fn cancel(intent: &str) -> Frozen {
    Frozen::of(&CancelPaymentIntent::new(intent))
}

/// Where an intent is read.
#[must_use]
pub fn path(intent: &str) -> String {
    path_of(&RetrievePaymentIntent::new(intent))
}

/// Where a page of up to 100 intents of a window is read, newest first; `after` is the last id of the page before.
#[must_use]
pub fn list_path(window: Window, after: Option<&str>) -> String {
    let request = ListPaymentIntent::new().created(window.created()).limit(LONGEST_PAGE);
    path_of(&match after {
        Some(id) => request.starting_after(id),
        None => request,
    })
}

/// What we read of an intent.
#[derive(Clone, Deserialize)]
pub struct PaymentIntent {
    /// `pi_...`.
    pub id: String,
    /// `requires_payment_method`, `requires_confirmation`, `requires_action`, `processing`, `requires_capture`,
    /// `canceled` or `succeeded`.
    pub status: String,
    /// Minor units.
    pub amount: i64,
    /// Minor units that were captured.
    #[serde(default)]
    pub amount_received: i64,
    /// The currency of both.
    pub currency: Currency,
    /// Lets the buyer's app confirm; never logged, and sealed wherever it is kept.
    pub client_secret: Option<String>,
    /// The newest attempt.
    pub latest_charge: Option<Expandable<Charge>>,
    /// Why the newest attempt failed.
    pub last_payment_error: Option<PaymentError>,
    /// Our ids.
    #[serde(default)]
    pub metadata: Metadata,
}

/// Why an attempt to pay failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentError {
    /// <https://docs.stripe.com/error-codes>.
    pub code: Option<String>,
    /// <https://docs.stripe.com/declines/codes>.
    pub decline_code: Option<String>,
    /// A sentence for people.
    pub message: Option<String>,
}

impl From<&Refusal> for PaymentError {
    fn from(refusal: &Refusal) -> Self {
        let Refusal { code, decline_code, message, .. } = refusal.clone();
        Self { code, decline_code, message }
    }
}

impl Identified for PaymentIntent {
    fn id(&self) -> &str {
        &self.id
    }
}

impl std::fmt::Debug for PaymentIntent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaymentIntent")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("amount", &self.amount)
            .field("amount_received", &self.amount_received)
            .field("currency", &self.currency)
            .field("latest_charge", &self.latest_charge)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_optional_is_left_out_and_so_is_a_fee_of_nothing() {
        let frozen = create(&Create {
            amount: Money::new(500, "jpy".parse().unwrap()),
            destination: &"acct_1".parse().unwrap(),
            application_fee_amount: 0,
            description: None,
            receipt_email: None,
            statement_descriptor_suffix: None,
            pay_with: None,
            metadata: &[("souk_request".to_owned(), "0192".to_owned())].into(),
        });
        assert_eq!(
            String::from_utf8(frozen.body).unwrap(),
            "amount=500&automatic_payment_methods[enabled]=true&currency=jpy&metadata[souk_request]=0192\
             &transfer_data[destination]=acct_1"
        );
    }

    #[test]
    fn a_destination_charge_names_amount_fee_and_seller() {
        let metadata: Metadata =
            [("souk_request", "0192"), ("souk_order", "order_1")].map(|(k, v)| (k.into(), v.into())).into();
        let frozen = create(&Create {
            amount: Money::new(10_50, "usd".parse().unwrap()),
            destination: &"acct_1".parse().unwrap(),
            application_fee_amount: 105,
            description: Some("Order 1 & 2"),
            receipt_email: Some("b+1@example.com"),
            statement_descriptor_suffix: Some("ORDER 1"),
            pay_with: None,
            metadata: &metadata,
        });
        assert_eq!((frozen.method.as_str(), frozen.path.as_str()), ("POST", "/v1/payment_intents"));
        assert_eq!(frozen.version, super::super::API_VERSION);
        assert_eq!(
            String::from_utf8(frozen.body).unwrap(),
            "amount=1050&application_fee_amount=105&automatic_payment_methods[enabled]=true\
             &currency=usd&description=Order+1+%26+2&metadata[souk_order]=order_1\
             &metadata[souk_request]=0192&receipt_email=b%2B1@example.com\
             &statement_descriptor_suffix=ORDER+1&transfer_data[destination]=acct_1"
        );
    }

    #[test]
    fn an_intent_that_is_paid_at_once_names_where_the_buyer_comes_back_to_or_sends_nobody_away() {
        let body = |return_url| {
            let pay_with = Some(PayWith { payment_method: "pm_1", return_url });
            let frozen = create(&Create {
                amount: Money::new(500, "usd".parse().unwrap()),
                destination: &"acct_1".parse().unwrap(),
                application_fee_amount: 0,
                description: None,
                receipt_email: None,
                statement_descriptor_suffix: None,
                pay_with,
                metadata: &Metadata::new(),
            });
            String::from_utf8(frozen.body).unwrap()
        };
        let stays = body(None);
        assert!(stays.contains("automatic_payment_methods[allow_redirects]=never"), "{stays}");
        assert!(stays.contains("confirm=true") && stays.contains("payment_method=pm_1"), "{stays}");
        assert!(!stays.contains("return_url"), "{stays}");
        let returns = body(Some("https://app.example.com/done"));
        assert!(returns.contains("return_url=https://app.example.com/done"), "{returns}");
        assert!(!returns.contains("allow_redirects") && returns.contains("use_stripe_sdk=true"), "{returns}");
    }

    #[test]
    fn a_cancellation_carries_no_parameters() {
        let frozen = cancel("pi_1");
        assert_eq!(
            (frozen.method.as_str(), frozen.path.as_str()),
            ("POST", "/v1/payment_intents/pi_1/cancel")
        );
        assert_eq!(frozen.body, b"");
    }

    #[test]
    fn an_intent_is_read_and_its_secret_is_not_in_debug() {
        let intent: PaymentIntent = serde_json::from_str(
            r#"{"id": "pi_1", "status": "requires_payment_method", "amount": 1050, "currency": "usd",
                "client_secret": "pi_1_secret_2", "latest_charge": "ch_1",
                "last_payment_error": {"code": "card_declined", "payment_method": {}}, "new": true}"#,
        )
        .unwrap();
        assert_eq!(intent.latest_charge.as_ref().map(Expandable::id), Some("ch_1"));
        assert_eq!(intent.amount_received, 0);
        assert!(!format!("{intent:?}").contains("secret_2"));
        assert_eq!(path(&intent.id), "/v1/payment_intents/pi_1");
    }

    #[test]
    fn intents_of_a_window_are_listed_page_by_page() {
        let second = |second| chrono::DateTime::from_timestamp(second, 0).unwrap();
        let window = Window { from: second(5), to: Some(second(9)) };
        assert_eq!(list_path(window, None), "/v1/payment_intents?created[gte]=5&created[lte]=9&limit=100");
        assert_eq!(
            list_path(Window { to: None, ..window }, Some("x_1")),
            "/v1/payment_intents?created[gte]=5&limit=100&starting_after=x_1"
        );
    }
}
