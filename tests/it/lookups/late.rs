//! What is bound after Stripe's events of it came in vain: it ends as if they had not.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use souk_entity::{
    inbox_object, stripe_event,
    stripe_request::{Column, State},
};

use super::{Asked, Scene, always};
use crate::{
    drills::drill,
    engines::on_both_databases,
    world::{SECRET_KEY, eventually, text},
};

impl Scene {
    /// An intent of which its order does not know, and which a person is asked about.
    async fn held_intent(&self) -> (Asked, String) {
        let asked = self.ask_all_in_vain(&[drill("payment_intent.create")], &always("cut_after")).await;
        let one = asked.into_iter().next().expect("one");
        self.end_faults().await;
        self.set(&one.row, Column::State, Expr::value("unknown")).await;
        let intent = text(&self.objects(one.drill, &one.row).await[0]["id"]);
        (one, intent)
    }

    /// Somebody does something to an intent at Stripe.
    async fn intent(&self, intent: &str, deed: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}/v1/payment_intents/{intent}{deed}", self.stage.site.stripe);
        let done = self.stage.site.http.post(url).bearer_auth(SECRET_KEY).form(form).send().await.unwrap();
        done.error_for_status().unwrap().json().await.unwrap()
    }

    async fn pay(&self, intent: &str, with: &str) {
        // A bank debit needs a mandate.
        let mandate = ("mandate_data[customer_acceptance][type]", "offline");
        self.intent(intent, "/confirm", &[("payment_method", with), mandate]).await;
    }

    async fn a_person_finds(&self, one: &Asked, object: &str) {
        let path = format!("/v1/stripe-requests/{}/resolve", one.row.id);
        let found = json!({"outcome": "took_effect", "stripe_object_id": object, "reason": "it is there"});
        self.stage.site.post(&path, &found).await.is(200);
    }

    async fn order(&self, one: &Asked) -> Value {
        self.world.operator().get(&format!("/v1/orders/{}", one.row.subject)).await.is(200)
    }

    async fn is_shared_out(&self, one: &Asked) {
        let path = format!("/v1/orders/{}", one.row.subject);
        let shared =
            |order: &Value| order["status"] == "paid" && order["shares"][0]["state"] == "transferred";
        self.world.until(&path, "the seller has their share", shared).await;
        let told = format!(
            "SELECT COUNT(*) AS count FROM events WHERE event_type = 'order.paid' AND object_id = '{}'",
            one.row.subject
        );
        assert_eq!(self.world.count(&told).await, 1);
    }

    async fn books_agree(&self) {
        self.stage.until_rest(&self.world.ctx.db).await;
        let report = self.world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        assert_eq!((&report["state"], &report["differences"]), (&json!("clean"), &json!([])));
    }

    async fn event(&self, object: &str, event_type: &str) -> Option<stripe_event::Model> {
        let event = stripe_event::Entity::find()
            .filter(stripe_event::Column::ObjectId.eq(object))
            .filter(stripe_event::Column::EventType.eq(event_type));
        event.one(&self.world.ctx.db).await.unwrap()
    }

    async fn until_event_is(&self, object: &str, event_type: &str, state: stripe_event::State) {
        eventually(&format!("{event_type} is {state:?}"), async || {
            self.event(object, event_type).await.is_some_and(|event| event.state == state)
        })
        .await;
    }

    /// The hour of an object's events is over.
    async fn waited_in_vain(&self, object: &str) {
        let events = stripe_event::Entity::update_many()
            .col_expr(stripe_event::Column::ReceivedAt, Expr::value(self.in_hours(-2)))
            .col_expr(stripe_event::Column::NextAt, Expr::value(self.in_hours(-1)))
            .filter(stripe_event::Column::ObjectId.eq(object));
        events.exec(&self.world.ctx.db).await.unwrap();
        let due = inbox_object::Entity::update_many()
            .col_expr(inbox_object::Column::NextAt, Expr::value(Some(self.in_hours(-1))))
            .filter(inbox_object::Column::ObjectId.eq(object));
        due.exec(&self.world.ctx.db).await.unwrap();
    }
}

on_both_databases!(
    /// Somebody took our names off it: its events are nobody's, at once.
    async fn what_was_paid_under_no_name_is_booked_once_a_person_says_whose_it_is(scene: Scene) {
        let (one, intent) = scene.held_intent().await;
        scene.intent(&intent, "", &[("metadata[souk_order]", ""), ("metadata[souk_request]", "")]).await;
        scene.pay(&intent, "pm_card_visa").await;
        scene.until_event_is(&intent, "payment_intent.succeeded", stripe_event::State::Foreign).await;

        scene.a_person_finds(&one, &intent).await;
        scene.is_shared_out(&one).await;
        scene.until_event_is(&intent, "payment_intent.succeeded", stripe_event::State::Done).await;
        let (order, event) =
            (scene.order(&one).await, scene.event(&intent, "payment_intent.succeeded").await.unwrap());
        let paid_at: DateTime<Utc> = text(&order["paid_at"]).parse().unwrap();
        assert_eq!(paid_at, event.stripe_created_at, "when it was paid, not when we learnt of it");
        scene.books_agree().await;
    }
);

on_both_databases!(
    /// By the time that a person says whose it is, its money stands in the books as somebody else's.
    async fn what_was_posted_as_foreign_is_taken_back_once_a_person_says_whose_it_is(scene: Scene) {
        let (one, intent) = scene.held_intent().await;
        scene.intent(&intent, "", &[("metadata[souk_order]", ""), ("metadata[souk_request]", "")]).await;
        scene.pay(&intent, "pm_card_visa").await;
        scene.until_event_is(&intent, "payment_intent.succeeded", stripe_event::State::Foreign).await;
        scene.advance(3_700).await;
        scene.world.ask_the_time().await;
        let report = scene.world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        let foreign =
            |one: &Value| (text(&one["kind"]), text(&one["object"]).split('_').next().unwrap().to_owned());
        let found: BTreeSet<_> = report["differences"].as_array().unwrap().iter().map(foreign).collect();
        let expected = ["ch", "fee", "py", "tr"].map(|kind| ("foreign".to_owned(), kind.to_owned()));
        assert_eq!(found, BTreeSet::from(expected), "{report:#}");

        scene.a_person_finds(&one, &intent).await;
        scene.is_shared_out(&one).await;
        scene.books_agree().await;
        let of_kind = "SELECT COUNT(*) AS count FROM ledger_transactions WHERE kind";
        for (kind, count) in [("foreign_activity", 4), ("reversal", 4), ("destination_sale", 2)] {
            assert_eq!(scene.world.count(&format!("{of_kind} = '{kind}'")).await, count, "{kind}");
        }
        let left = "SELECT COUNT(*) AS count FROM (SELECT e.key FROM ledger_entries e \
             JOIN ledger_accounts a ON a.id = e.account_id WHERE a.code = 'foreign_activity' \
             GROUP BY a.book, e.key HAVING SUM(e.amount) <> 0) AS open";
        assert_eq!(scene.world.count(left).await, 0);
    }
);

on_both_databases!(
    async fn an_intent_that_is_bound_late_makes_of_its_order_what_it_is_without_any_event(scene: Scene) {
        scene.webhooks("drop").await;
        let (paid, intent) = scene.held_intent().await;
        scene.pay(&intent, "pm_card_visa").await;
        scene.a_person_finds(&paid, &intent).await;
        assert_eq!(scene.order(&paid).await["captured"]["amount"], 10_000);

        let (canceled, intent) = scene.held_intent().await;
        scene.intent(&intent, "/cancel", &[]).await;
        scene.a_person_finds(&canceled, &intent).await;
        assert_eq!(scene.order(&canceled).await["status"], "canceled");

        let (processing, intent) = scene.held_intent().await;
        scene.pay(&intent, "pm_usBankAccount_success").await;
        scene.a_person_finds(&processing, &intent).await;
        assert_eq!(scene.order(&processing).await["status"], "processing");

        scene.webhooks("normal").await;
        scene.stage.days_pass().await;
        scene.is_shared_out(&paid).await;
        scene.is_shared_out(&processing).await;
        scene.books_agree().await;
    }
);

on_both_databases!(
    async fn an_intent_that_took_another_amount_is_bound_and_its_order_not_taken_for_paid(scene: Scene) {
        let (one, intent) = scene.held_intent().await;
        scene.intent(&intent, "", &[("amount", "9000")]).await;
        scene.pay(&intent, "pm_card_visa").await;
        scene.until_event_is(&intent, "payment_intent.succeeded", stripe_event::State::Waiting).await;
        scene.a_person_finds(&one, &intent).await;
        scene.until_event_is(&intent, "payment_intent.succeeded", stripe_event::State::Dead).await;
        let order = scene.order(&one).await;
        assert_eq!(
            (&order["status"], &order["payment"]["status"]),
            (&json!("pending_payment"), &json!("succeeded"))
        );
    }
);

on_both_databases!(
    /// Stripe hears us no more while we hear it: the payout arrives, and its event has waited its hour when the
    /// completer gets the answer of then.
    async fn a_payout_whose_arrival_was_told_in_vain_arrives_in_the_books(scene: Scene) {
        scene.stage.site.control("/_sandbox/settings", &json!({"payout_days": 0})).await;
        // Only the event that carries our key: nothing else is on its way.
        scene.stage.until_rest(&scene.world.ctx.db).await;
        scene.stage.site.control("/_sandbox/webhooks", &json!({"mode": "drop", "count": 1})).await;
        let asked = scene.ask_all_in_vain(&[drill("payout.create")], &always("cut_after")).await;
        let one = &asked[0];
        scene.advance(60).await;
        let payout = text(&scene.objects(one.drill, &one.row).await[0]["id"]);
        scene.until_event_is(&payout, "payout.paid", stripe_event::State::Waiting).await;
        scene.waited_in_vain(&payout).await;
        scene.until_event_is(&payout, "payout.paid", stripe_event::State::Foreign).await;

        scene.end_faults().await;
        scene.due(&one.row).await;
        scene.until(&one.row, "is bound", |row| row.state == State::Succeeded).await;
        assert_eq!(scene.ask_again(one).await.is(201)["status"], "pending", "the answer of then");
        let path = format!("/v1/payouts/{}", one.row.subject);
        scene.world.until(&path, "it is paid", |payout| payout["status"] == "paid").await;
        scene.until_event_is(&payout, "payout.paid", stripe_event::State::Done).await;
        let arrived = format!(
            "SELECT COUNT(*) AS count FROM ledger_transactions WHERE source = 'payout_paid:{payout}'"
        );
        assert_eq!(scene.world.count(&arrived).await, 1);
        scene.ends_well(&asked).await;
    }
);
