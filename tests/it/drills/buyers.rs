//! The drills of what buyers keep.

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Drill, Seen, Stage, Traces};
use crate::world::text;

/// What a buyer keeps is shown below them.
const SHOWN_AT: &str = "/v1/buyers";

impl Stage {
    /// A buyer of whom Stripe knows nothing.
    async fn stranger(&self) -> String {
        let buyer = self.site.insist(Method::POST, "/v1/buyers", &json!({"email": "eve@example.com"})).await;
        text(&buyer["id"])
    }

    /// A buyer with a card, `pm_...`.
    async fn cardholder(&self) -> (String, String) {
        let buyer = self.stranger().await;
        let card = self.site.save_card(&buyer, "pm_card_visa").await;
        (buyer, card)
    }
}

fn setup_intents(buyer: &str) -> String {
    format!("/v1/buyers/{buyer}/setup-intents")
}

/// How a payment method is shown: below its buyer.
fn shown_payment_method(made: &Value) -> String {
    format!("{}/payment-methods/{}", text(&made["buyer_id"]), text(&made["id"]))
}

/// A buyer becomes a customer: they save a card for the first time, but not to the end.
pub(super) struct CreateCustomer;

#[async_trait]
impl Drill for CreateCustomer {
    fn kind(&self) -> &'static str {
        "customer.create"
    }

    fn traces(&self) -> Traces {
        Traces {
            stripe_path: "/v1/customers",
            in_account: false,
            metadata: "souk_buyer",
            table: "buyers WHERE stripe_customer_id IS NOT NULL",
            shown_at: SHOWN_AT,
            bound_at: "/stripe_customer_id",
            moves_money: false,
        }
    }

    async fn request(&self, stage: &Stage) -> (String, Value) {
        (setup_intents(&stage.stranger().await), json!({}))
    }

    fn name(&self, made: &Value) -> String {
        text(&made["buyer_id"])
    }

    async fn follow_up(&self, _stage: &Stage, _made: &Value) {}

    fn is_done(&self, shown: &Value) -> bool {
        shown["stripe_customer_id"].is_string()
    }
}

/// A customer saves a card.
pub(super) struct CreateSetupIntent;

#[async_trait]
impl Drill for CreateSetupIntent {
    fn kind(&self) -> &'static str {
        "setup_intent.create"
    }

    fn traces(&self) -> Traces {
        Traces {
            stripe_path: "/v1/setup_intents",
            in_account: false,
            metadata: "souk_setup_intent",
            table: "setup_intents",
            shown_at: "/v1/setup-intents",
            bound_at: "/stripe_setup_intent_id",
            moves_money: false,
        }
    }

    async fn request(&self, stage: &Stage) -> (String, Value) {
        let buyer = stage.stranger().await;
        stage.site.insist(Method::POST, &setup_intents(&buyer), &json!({})).await;
        (setup_intents(&buyer), json!({}))
    }

    async fn follow_up(&self, stage: &Stage, made: &Value) {
        assert_eq!(stage.site.confirm_setup(made, "pm_card_visa").await.status(), 200);
    }

    fn is_done(&self, shown: &Value) -> bool {
        shown["status"] == "succeeded" && shown["payment_method_id"].is_string()
    }
}

/// A card is copied to the seller's account, and pays there.
pub(super) struct CopyPaymentMethod;

#[async_trait]
impl Drill for CopyPaymentMethod {
    fn kind(&self) -> &'static str {
        "payment_method.copy"
    }

    fn traces(&self) -> Traces {
        Traces {
            stripe_path: "/v1/payment_methods",
            in_account: true,
            metadata: "",
            table: "",
            shown_at: "/v1/orders",
            bound_at: "/payment/stripe_payment_intent_id",
            moves_money: false,
        }
    }

    fn seen(&self) -> Seen {
        Seen::Nowhere
    }

    async fn request(&self, stage: &Stage) -> (String, Value) {
        let (buyer, card) = stage.cardholder().await;
        let lines = json!([{"listing_id": stage.listing["id"], "quantity": 1}]);
        let checkout = json!({
            "lines": lines,
            "buyer_id": buyer,
            "charge_model": "direct",
            "payment_method_id": card,
        });
        ("/v1/checkouts".to_owned(), checkout)
    }

    async fn follow_up(&self, _stage: &Stage, _made: &Value) {}

    fn is_done(&self, shown: &Value) -> bool {
        shown["status"] == "paid" && shown["shares"][0]["state"] == "transferred"
    }
}

/// A card is taken from its buyer.
pub(super) struct DetachPaymentMethod;

#[async_trait]
impl Drill for DetachPaymentMethod {
    fn kind(&self) -> &'static str {
        "payment_method.detach"
    }

    fn traces(&self) -> Traces {
        Traces {
            stripe_path: "/v1/payment_methods/*/detach",
            in_account: false,
            metadata: "",
            table: "payment_methods WHERE state = 'detached'",
            shown_at: SHOWN_AT,
            bound_at: "/id",
            moves_money: false,
        }
    }

    fn seen(&self) -> Seen {
        Seen::Told { prefix: "pm_", event: "payment_method.detached", read_at: "/v1/payment_methods/*" }
    }

    fn method(&self) -> Method {
        Method::DELETE
    }

    fn success(&self) -> u16 {
        200
    }

    fn name(&self, made: &Value) -> String {
        shown_payment_method(made)
    }

    async fn request(&self, stage: &Stage) -> (String, Value) {
        let (buyer, card) = stage.cardholder().await;
        (format!("/v1/buyers/{buyer}/payment-methods/{card}"), json!({}))
    }

    async fn follow_up(&self, _stage: &Stage, _made: &Value) {}

    fn is_done(&self, shown: &Value) -> bool {
        shown["state"] == "detached"
    }
}

/// A card becomes its buyer's default.
pub(super) struct SetDefault;

#[async_trait]
impl Drill for SetDefault {
    fn kind(&self) -> &'static str {
        "customer.update"
    }

    fn traces(&self) -> Traces {
        Traces {
            stripe_path: "/v1/customers/*",
            in_account: false,
            metadata: "",
            table: "payment_methods WHERE is_default",
            shown_at: SHOWN_AT,
            bound_at: "/id",
            moves_money: false,
        }
    }

    fn seen(&self) -> Seen {
        Seen::Told { prefix: "cus_", event: "customer.updated", read_at: "/v1/customers/*" }
    }

    fn method(&self) -> Method {
        Method::PUT
    }

    fn success(&self) -> u16 {
        200
    }

    fn name(&self, made: &Value) -> String {
        shown_payment_method(made)
    }

    async fn request(&self, stage: &Stage) -> (String, Value) {
        let (buyer, card) = stage.cardholder().await;
        (format!("/v1/buyers/{buyer}/default-payment-method"), json!({"payment_method_id": card}))
    }

    async fn follow_up(&self, _stage: &Stage, _made: &Value) {}

    fn is_done(&self, shown: &Value) -> bool {
        shown["is_default"] == true
    }
}
