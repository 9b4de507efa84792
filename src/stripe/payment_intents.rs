//! Payment intents. Source: <https://docs.stripe.com/api/payment_intents>.
//!
//! At `succeeded` the charge's balance transaction, transfer and application fee may still be null: asynchronous
//! capture is the default, and they come with `charge.updated`
//! (<https://docs.stripe.com/payments/payment-intents/asynchronous-capture>).

use serde::Deserialize;
use souk_entity::{Currency, Money, StripeAccountId};
use stripe_core::payment_intent::{
    CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods,
    CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects as AllowRedirects,
    CreatePaymentIntentOffSession, CreatePaymentIntentTransferData, ListPaymentIntent, RetrievePaymentIntent,
};
use stripe_shared::PaymentIntentSetupFutureUsage;

use super::{
    Expandable, Frozen, Identified, Metadata, Refusal, Window,
    charges::Charge,
    expandable::LONGEST_PAGE,
    frozen::{currency, hash_map, path_of},
};

/// What an intent is made from.
#[derive(Clone, Debug)]
pub struct Create<'a> {
    /// What the buyer pays.
    pub amount: Money,
    /// Whose the money becomes, and how.
    pub route: Route<'a>,
    /// The account that is the business of record in the platform's place; for a direct charge it always is.
    pub on_behalf_of: Option<&'a StripeAccountId>,
    /// Shown to the seller and in Stripe's dashboard.
    pub description: Option<&'a str>,
    /// Where Stripe sends the receipt.
    pub receipt_email: Option<&'a str>,
    /// On the buyer's statement, after the platform's prefix.
    pub statement_descriptor_suffix: Option<&'a str>,
    /// Whose intent it is; none of a buyer who keeps nothing.
    pub customer: Option<&'a str>,
    /// Whether what pays is kept for the customer, to be charged also while they are away.
    pub saves: bool,
    /// Pays at once; without it the buyer's app confirms.
    pub pay_with: Option<PayWith<'a>>,
    /// Our ids.
    pub metadata: &'a Metadata,
}

/// The way of the money. Fees are minor units of the amount's currency, 0 for none; Stripe wants them below the
/// amount. Source: <https://docs.stripe.com/connect/charges>.
#[derive(Clone, Copy, Debug)]
pub enum Route<'a> {
    /// Made on the platform; all of it is transferred to the account, less the fee.
    Destination {
        /// Who gets it.
        account: &'a StripeAccountId,
        /// What the platform keeps.
        application_fee_amount: i64,
    },
    /// Made on the platform, and stays there until it is transferred.
    Separate {
        /// What ties the charge to its transfers.
        transfer_group: &'a str,
    },
    /// Made in the scope of the account that gets it.
    Direct {
        /// What the platform takes.
        application_fee_amount: i64,
    },
}

/// With what an intent is confirmed as it is created.
#[derive(Clone, Copy, Debug)]
pub struct PayWith<'a> {
    /// `pm_...`
    pub payment_method: &'a str,
    /// Where the buyer's browser comes back to. Stripe asks for it, unless the intent takes no method that sends
    /// the buyer away (<https://docs.stripe.com/api/payment_intents/create>).
    pub return_url: Option<&'a str>,
    /// Whether the buyer is away: a bank that wants to see them declines.
    pub off_session: bool,
}

/// Creates an intent; the payment methods are those that the dashboard allows.
#[must_use]
pub fn create(params: &Create<'_>) -> Frozen {
    let request = CreatePaymentIntent::new(params.amount.amount, currency(params.amount.currency))
        .automatic_payment_methods(methods(params.pay_with))
        .metadata(hash_map(params.metadata));
    let mut request = routed(request, params.route);
    if let Some(account) = params.on_behalf_of {
        request = request.on_behalf_of(account.as_str());
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
    if let Some(customer) = params.customer {
        request = request.customer(customer);
    }
    if params.saves {
        request = request.setup_future_usage(PaymentIntentSetupFutureUsage::OffSession);
    }
    if let Some(PayWith { payment_method, return_url, off_session }) = params.pay_with {
        request = request.confirm(true).payment_method(payment_method);
        request = if off_session {
            request.off_session(CreatePaymentIntentOffSession::Bool(true))
        } else {
            // What is left to do, a question of the bank's, is done by Stripe's SDK in the buyer's app.
            request.use_stripe_sdk(true)
        };
        if let Some(url) = return_url {
            request = request.return_url(url);
        }
    }
    Frozen::of(&request)
}

fn routed(mut request: CreatePaymentIntent, route: Route<'_>) -> CreatePaymentIntent {
    let fee = match route {
        Route::Destination { account, application_fee_amount } => {
            request = request.transfer_data(CreatePaymentIntentTransferData::new(account.as_str()));
            application_fee_amount
        }
        Route::Separate { transfer_group } => return request.transfer_group(transfer_group),
        Route::Direct { application_fee_amount } => application_fee_amount,
    };
    // No fee is said by saying nothing.
    if fee > 0 { request.application_fee_amount(fee) } else { request }
}

fn methods(pay_with: Option<PayWith<'_>>) -> CreatePaymentIntentAutomaticPaymentMethods {
    let mut methods = CreatePaymentIntentAutomaticPaymentMethods::new(true);
    if pay_with.is_some_and(|with| with.return_url.is_none()) {
        methods.allow_redirects = Some(AllowRedirects::Never);
    }
    methods
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

    /// The form of an intent of 5 dollars.
    fn form(
        route: Route<'_>,
        on_behalf_of: Option<&StripeAccountId>,
        pay_with: Option<PayWith<'_>>,
    ) -> String {
        let frozen = create(&Create {
            amount: Money::new(500, "usd".parse().unwrap()),
            route,
            on_behalf_of,
            description: None,
            receipt_email: None,
            statement_descriptor_suffix: None,
            customer: None,
            saves: false,
            pay_with,
            metadata: &[("souk_request".to_owned(), "0192".to_owned())].into(),
        });
        String::from_utf8(frozen.body).unwrap()
    }

    #[test]
    fn what_is_optional_is_left_out_and_so_is_a_fee_of_nothing() {
        let account = "acct_1".parse().unwrap();
        assert_eq!(
            form(Route::Destination { account: &account, application_fee_amount: 0 }, None, None),
            "amount=500&automatic_payment_methods[enabled]=true&currency=usd&metadata[souk_request]=0192\
             &transfer_data[destination]=acct_1"
        );
        assert_eq!(
            form(Route::Direct { application_fee_amount: 0 }, None, None),
            "amount=500&automatic_payment_methods[enabled]=true&currency=usd&metadata[souk_request]=0192"
        );
    }

    #[test]
    fn a_separate_charge_names_its_group_and_a_direct_one_its_fee_alone() {
        let account = "acct_1".parse().unwrap();
        assert_eq!(
            form(Route::Separate { transfer_group: "order_1" }, Some(&account), None),
            "amount=500&automatic_payment_methods[enabled]=true&currency=usd&metadata[souk_request]=0192\
             &on_behalf_of=acct_1&transfer_group=order_1"
        );
        assert_eq!(
            form(Route::Direct { application_fee_amount: 50 }, None, None),
            "amount=500&application_fee_amount=50&automatic_payment_methods[enabled]=true&currency=usd\
             &metadata[souk_request]=0192"
        );
    }

    #[test]
    fn a_destination_charge_names_amount_fee_and_seller() {
        let metadata: Metadata =
            [("souk_request", "0192"), ("souk_order", "order_1")].map(|(k, v)| (k.into(), v.into())).into();
        let frozen = create(&Create {
            amount: Money::new(10_50, "usd".parse().unwrap()),
            route: Route::Destination { account: &"acct_1".parse().unwrap(), application_fee_amount: 105 },
            on_behalf_of: None,
            description: Some("Order 1 & 2"),
            receipt_email: Some("b+1@example.com"),
            statement_descriptor_suffix: Some("ORDER 1"),
            customer: None,
            saves: false,
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
            let pay_with = Some(PayWith { payment_method: "pm_1", return_url, off_session: false });
            form(Route::Direct { application_fee_amount: 0 }, None, pay_with)
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
