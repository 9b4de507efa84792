//! The drills themselves. Add one for each action that is registered in `worker::actions`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Drill, Stage, Traces};
use crate::world::text;

/// A seller is created, and onboards.
pub(super) struct CreateAccount;

#[async_trait]
impl Drill for CreateAccount {
    fn kind(&self) -> &'static str {
        "account.create"
    }

    fn traces(&self) -> Traces {
        Traces {
            stripe_path: "/v1/accounts",
            in_account: false,
            metadata: "souk_seller",
            table: "sellers",
            shown_at: "/v1/sellers",
            bound_at: "/stripe_account_id",
            moves_money: false,
        }
    }

    async fn request(&self, _stage: &Stage) -> (String, Value) {
        ("/v1/sellers".to_owned(), json!({"email": "eve@example.com", "country": "US"}))
    }

    async fn follow_up(&self, stage: &Stage, made: &Value) {
        let account = text(&made["stripe_account_id"]);
        let path = format!("/_sandbox/accounts/{account}/complete-onboarding");
        stage.site.control(&path, &json!({})).await;
    }

    fn is_done(&self, shown: &Value) -> bool {
        shown["status"] == "active"
    }
}

/// A checkout, which the buyer pays: by each charge model.
pub(super) enum CreatePaymentIntent {
    Destination,
    Separate,
    Direct,
}

#[async_trait]
impl Drill for CreatePaymentIntent {
    fn kind(&self) -> &'static str {
        "payment_intent.create"
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Destination => self.kind(),
            Self::Separate => "payment_intent.create, separate",
            Self::Direct => "payment_intent.create, direct",
        }
    }

    fn traces(&self) -> Traces {
        Traces {
            stripe_path: "/v1/payment_intents",
            in_account: matches!(self, Self::Direct),
            metadata: "souk_order",
            table: "orders",
            shown_at: "/v1/orders",
            bound_at: "/payment/stripe_payment_intent_id",
            moves_money: false,
        }
    }

    async fn request(&self, stage: &Stage) -> (String, Value) {
        let lines = json!([{"listing_id": stage.listing["id"], "quantity": 1}]);
        let cart = match self {
            Self::Destination => json!({"lines": lines}),
            Self::Separate => json!({"lines": lines, "release": {"type": "on_fulfillment"}}),
            Self::Direct => json!({"lines": lines, "charge_model": "direct"}),
        };
        ("/v1/checkouts".to_owned(), cart)
    }

    async fn follow_up(&self, stage: &Stage, made: &Value) {
        assert_eq!(stage.site.confirm(made, "pm_card_visa").await.status(), 200);
    }

    fn is_done(&self, shown: &Value) -> bool {
        let state = if matches!(self, Self::Separate) { "held" } else { "transferred" };
        shown["status"] == "paid" && shown["shares"][0]["state"] == state
    }
}

/// The stage's seller is paid out.
pub(super) struct CreatePayout;

#[async_trait]
impl Drill for CreatePayout {
    fn kind(&self) -> &'static str {
        "payout.create"
    }

    fn traces(&self) -> Traces {
        Traces {
            stripe_path: "/v1/payouts",
            in_account: true,
            metadata: "souk_payout",
            table: "payouts",
            shown_at: "/v1/payouts",
            bound_at: "/stripe_payout_id",
            moves_money: true,
        }
    }

    async fn request(&self, stage: &Stage) -> (String, Value) {
        let path = format!("/v1/sellers/{}/payouts", stage.seller);
        (path, json!({"amount": {"amount": 100, "currency": "usd"}}))
    }

    /// Nobody has to do anything: it arrives when days have passed.
    async fn follow_up(&self, _stage: &Stage, _made: &Value) {}

    fn is_done(&self, shown: &Value) -> bool {
        shown["status"] != "requested"
    }
}
