//! A person says what became of it.

use sea_orm::sea_query::Expr;
use serde_json::{Value, json};
use souk_entity::stripe_request::{Column, State};

use super::{ALWAYS, Asked, Scene, always};
use crate::{
    drills::{DRILLS, Seen, drill, traced},
    engines::on_both_databases,
    world::{Answer, text},
};

impl Scene {
    async fn hold(&self, asked: &Asked) {
        self.set(&asked.row, Column::State, Expr::value("unknown")).await;
    }

    async fn resolve(&self, asked: &Asked, body: &Value) -> Answer {
        self.stage.site.post(&path(asked), body).await
    }
}

fn path(asked: &Asked) -> String {
    format!("/v1/stripe-requests/{}/resolve", asked.row.id)
}

fn took_effect(object: &str) -> Value {
    json!({"outcome": "took_effect", "stripe_object_id": object, "reason": "seen in the dashboard"})
}

fn did_not() -> Value {
    json!({"outcome": "did_not", "reason": "the dashboard has none"})
}

on_both_databases!(
    async fn what_a_person_found_is_bound_and_answers_the_caller(scene: Scene) {
        let prepared = scene.prepare(&traced()).await;
        scene.webhooks("drop").await;
        let asked = scene.ask_prepared_in_vain(prepared, &always("cut_after")).await;
        scene.end_faults().await;
        scene.webhooks("normal").await;
        for one in &asked {
            scene.hold(one).await;
            scene.ask_again(one).await.is_problem(409, "outcome_unknown");
            let made = text(&scene.objects(one.drill, &one.row).await[0]["id"]);
            let key = one.row.id.to_string();
            let site = &scene.stage.site;
            let answer = site.try_post(&path(one), &took_effect(&made), &key).await.unwrap();
            let resolved = answer.is(200);
            assert_eq!(
                (&resolved["state"], &resolved["stripe_object_id"]),
                (&json!("succeeded"), &json!(made))
            );
            assert_eq!(resolved["resolved_by"], "operator:finance");
            assert_eq!(resolved["resolved_reason"], "seen in the dashboard");
            let again = site.try_post(&path(one), &took_effect(&made), &key).await.unwrap();
            assert!(again.is_replayed() && again.bytes == answer.bytes);
            scene.resolve(one, &did_not()).await.is_problem(409, "stripe_request_not_unknown");
        }
        scene.ends_well(&asked).await;
    }
);

on_both_databases!(
    async fn what_a_person_did_not_find_is_refused_for_good(scene: Scene) {
        let asked = scene.ask_all_in_vain(DRILLS, &always("cut_before")).await;
        scene.end_faults().await;
        for one in &asked {
            scene.hold(one).await;
            assert_eq!(scene.resolve(one, &did_not()).await.is(200)["state"], "refused");
            let refused = scene.ask_again(one).await;
            assert_eq!(refused.is(422)["code"], "refused_by_stripe");
            assert_eq!(refused.is_replayed(), one.row.idempotency_id.is_some());
            let row = scene.now(&one.row).await;
            assert_eq!(row.error_code.as_deref(), Some("did_not_take_effect"));
            // Another key is another request.
            let key = uuid::Uuid::now_v7().to_string();
            scene.stage.ask(one.drill, &one.request, &key).await.unwrap().is(one.drill.success());
            // What was changed now, the first did not change.
            let changed = usize::from(matches!(one.drill.seen(), Seen::Told { .. }));
            assert_eq!(scene.objects(one.drill, &one.row).await.len(), changed);
        }
    }
);

on_both_databases!(
    async fn a_resolution_that_does_not_fit_is_refused_and_changes_nothing(scene: Scene) {
        let intents = drill("payment_intent.create");
        let other = intents.request(&scene.stage).await;
        let other = scene.stage.ask(intents, &other, "other").await.unwrap().is(201);
        let other = text(&other["payment"]["stripe_payment_intent_id"]);
        let one = scene.ask_all_in_vain(&[intents], &always("cut_before")).await.remove(0);
        scene.end_faults().await;
        // 1. Only what is held.
        scene.resolve(&one, &did_not()).await.is_problem(409, "stripe_request_not_unknown");
        scene.hold(&one).await;
        // 2. What is said must make sense.
        let reason = |reason: String| json!({"outcome": "did_not", "reason": reason});
        for body in [reason(String::new()), reason(" ".to_owned()), reason("x".repeat(501))] {
            scene.resolve(&one, &body).await.is_problem(422, "invalid_reason");
        }
        let nothing = json!({"outcome": "took_effect", "reason": "seen"});
        scene.resolve(&one, &nothing).await.is_problem(422, "stripe_object_id_required");
        let something = json!({"outcome": "did_not", "stripe_object_id": other, "reason": "seen"});
        scene.resolve(&one, &something).await.is_problem(422, "stripe_object_id_unexpected");
        // 3. The object must be one that it can have made.
        for (object, status, code) in [
            ("po_1", 422, "stripe_object_wrong_kind"),
            ("pi_none", 422, "stripe_object_not_found"),
            (other.as_str(), 409, "stripe_object_bound"),
        ] {
            scene.resolve(&one, &took_effect(object)).await.is_problem(status, code);
        }
        let nobody = json!({"outcome": "did_not", "reason": "seen"});
        let missing = format!(
            "/v1/stripe-requests/{}/resolve",
            souk_entity::StripeRequestId::from_uuid(uuid::Uuid::nil())
        );
        scene.stage.site.post(&missing, &nobody).await.is_problem(404, "not_found");
        // 4. Nor while somebody else is at it, or Stripe can't be asked.
        scene.set(&one.row, Column::LeaseUntil, Expr::value(scene.in_hours(1))).await;
        scene.resolve(&one, &did_not()).await.is_problem(409, "stripe_request_busy");
        scene.set(&one.row, Column::LeaseUntil, Expr::value(scene.in_hours(-1))).await;
        let made = scene.happens_after_all(&one).await;
        let made = text(&made["id"]);
        let away = json!({"kind": "error_503", "count": ALWAYS});
        scene.fault("/v1/payment_intents/*", "GET", away).await;
        scene.resolve(&one, &took_effect(&made)).await.is_problem(503, "stripe_unavailable");
        scene.end_faults().await;
        assert_eq!(scene.now(&one.row).await.state, State::Unknown);
        scene.resolve(&one, &took_effect(&made)).await.is(200);
        scene.ends_well(&[one]).await;
    }
);

on_both_databases!(
    /// What was taken for absent has turned up: the request that took its place may be bound to it, one that may
    /// still make its own may not lose it.
    async fn an_object_is_bound_whatever_its_metadata_says_but_not_taken_from_another(scene: Scene) {
        let intents = drill("payment_intent.create");
        let mut asked = scene.ask_all_in_vain(&[intents], &always("cut_before")).await;
        asked.extend(scene.ask_all_in_vain(&[intents], &always("cut_before")).await);
        scene.end_faults().await;
        let made = text(&scene.happens_after_all(&asked[1]).await["id"]);
        scene.hold(&asked[0]).await;
        scene.resolve(&asked[0], &took_effect(&made)).await.is_problem(409, "stripe_object_bound");
        scene.set(&asked[1].row, Column::State, Expr::value("refused")).await;
        scene.resolve(&asked[0], &took_effect(&made)).await.is(200);
        let order = scene.ask_again(&asked[0]).await.is(201);
        assert_eq!(order["payment"]["stripe_payment_intent_id"], json!(made));
    }
);

on_both_databases!(
    async fn requests_are_listed_by_what_is_known_of_them_page_by_page(scene: Scene) {
        let asked = scene.ask_all_in_vain(DRILLS, &always("cut_before")).await;
        for one in &asked {
            scene.hold(one).await;
        }
        let list = async |query: &str| {
            let list = scene.stage.site.try_get(&format!("/v1/stripe-requests{query}")).await.unwrap();
            (list["data"].as_array().unwrap().clone(), list["next_cursor"].clone())
        };
        let (held, _) = list("?state=unknown").await;
        assert_eq!(held.len(), DRILLS.len());
        for row in &held {
            assert!(row.get("body").is_none() && row["state"] == "unknown" && row["attempts"].is_u64());
        }
        let (mut pages, mut query) = (Vec::new(), "?state=unknown&limit=2".to_owned());
        loop {
            let (page, next) = list(&query).await;
            pages.push(page);
            let Some(next) = next.as_str() else { break };
            query = format!("?state=unknown&limit=2&cursor={next}");
        }
        assert!(pages.iter().all(|page| (1..=2).contains(&page.len())));
        assert_eq!(pages.concat(), held);
        assert!(list("").await.0.len() > held.len());
        assert!(scene.stage.site.try_get("/v1/stripe-requests?state=lost").await.is_none());
    }
);
