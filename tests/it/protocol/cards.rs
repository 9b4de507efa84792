//! Cards that are declined while answers are lost: the caller is told all the same, and no second intent is made.

use serde_json::{Value, json};
use souk_entity::stripe_request::{Column, State};

use super::{ALWAYS, Deed, Stage, new_key};
use crate::{engines::on_both_databases, world::text};

const DECLINED: &str = "pm_card_chargeDeclinedInsufficientFunds";

impl Stage {
    fn cart(&self, card: &str) -> Value {
        json!({"lines": [{"listing_id": self.listing["id"], "quantity": 1}], "payment_method_id": card})
    }
}

on_both_databases!(
    async fn a_decline_whose_answer_is_lost_is_told_under_the_same_key(stage: Stage) {
        stage.fault(Deed::CheckOut, "cut_after", 2).await;
        let (key, service) = (new_key(), stage.world.service());
        let first = service.post_with_key("/v1/checkouts", &stage.cart(DECLINED), &key).await;
        let problem = first.is_problem(402, "card_declined");
        assert_eq!(problem["decline_code"], "insufficient_funds");
        assert_eq!(stage.newest(Deed::CheckOut).await.state, State::Refused);
        let again = service.post_with_key("/v1/checkouts", &stage.cart(DECLINED), &key).await;
        assert!(again.is_replayed() && again.bytes == first.bytes);
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_decline_that_only_an_event_tells_of_is_told_as_one_and_can_be_paid(stage: Stage) {
        // As long as this lasts, no attempt gets an answer: only the event can tell.
        stage.fault(Deed::CheckOut, "cut_after", ALWAYS).await;
        let (key, service) = (new_key(), stage.world.service());
        let asked = service.post_with_key("/v1/checkouts", &stage.cart(DECLINED), &key).await;
        let asked = asked.is_problem(503, "stripe_unavailable");
        stage.set(&stage.newest(Deed::CheckOut).await, Column::NextAt, stage.much_later()).await;
        stage.until_it_is(Deed::CheckOut, State::Succeeded).await;
        stage.end_faults().await;

        let answer = service.post_with_key("/v1/checkouts", &stage.cart(DECLINED), &key).await;
        let problem = answer.is(402);
        assert!(answer.is_replayed());
        assert_eq!(
            (&problem["code"], &problem["decline_code"]),
            (&json!("card_declined"), &json!("insufficient_funds"))
        );
        assert_eq!(
            problem["request_id"], asked["request_id"],
            "it names the request that asked for the payment"
        );
        let order = service.get(&format!("/v1/orders/{}", text(&problem["order_id"]))).await.is(200);
        assert_eq!(stage.world.pay(&order).await["status"], "paid");
        stage.agrees_with_stripe().await;
    }
);

on_both_databases!(
    async fn a_card_that_is_charged_while_the_answer_is_lost_is_charged_once(stage: Stage) {
        stage.fault(Deed::CheckOut, "cut_after", ALWAYS).await;
        let (key, service) = (new_key(), stage.world.service());
        let asked = service.post_with_key("/v1/checkouts", &stage.cart("pm_card_visa"), &key).await;
        asked.is_problem(503, "stripe_unavailable");
        stage.end_faults().await;
        stage.make_due(&stage.newest(Deed::CheckOut).await).await;
        stage.until_it_is(Deed::CheckOut, State::Succeeded).await;
        let order = service.post_with_key("/v1/checkouts", &stage.cart("pm_card_visa"), &key).await.is(201);
        let shared = |order: &Value| order["shares"][0]["state"] == "transferred";
        let path = format!("/v1/orders/{}", text(&order["id"]));
        stage.world.until(&path, "the seller has their share", shared).await;
        // That of the stage, and this one.
        let charges = stage.world.stripe(None, "/v1/charges").await;
        assert_eq!(charges["data"].as_array().map(Vec::len), Some(2));
        stage.agrees_with_stripe().await;
    }
);
