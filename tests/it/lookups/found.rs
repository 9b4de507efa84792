//! What is found is bound; what is provably absent is sent anew, once.

use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::Expr};
use souk_entity::{
    idempotency_key, stripe_event,
    stripe_request::{Column, State},
};

use super::{LONG_ENOUGH_FOR_PROOF_S, LONGER_THAN_KEYS_LIVE_S, Scene, always, stored, told_by_events};
use crate::{
    drills::{DRILLS, drill, traced},
    engines::on_both_databases,
    world::{SECRET_KEY, text},
};

on_both_databases!(
    async fn what_took_effect_unheard_of_is_bound_25_hours_later(scene: Scene) {
        let prepared = scene.prepare(&traced()).await;
        scene.webhooks("drop").await;
        let asked = scene.ask_prepared_in_vain(prepared, &always("cut_after")).await;
        scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
        scene.end_faults().await;
        scene.webhooks("normal").await;
        for one in &asked {
            scene.due(&one.row).await;
            let bound = scene.until(&one.row, "is bound", |row| row.state == State::Succeeded).await;
            assert_eq!(bound.attempts, one.row.attempts, "it was not sent again");
            assert!(bound.key_spent_at.is_some());
            let answer = scene.ask_again(one).await;
            answer.is(one.drill.success());
            // Where the key waits for a later request, that is sent only now.
            assert_eq!(answer.is_replayed(), one.row.idempotency_id.is_some());
        }
        scene.ends_well(&asked).await;
    }
);

on_both_databases!(
    async fn what_never_happened_is_sent_anew_25_hours_later_under_a_new_key(scene: Scene) {
        let asked = scene.ask_all_in_vain(DRILLS, &always("cut_before")).await;
        scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
        scene.end_faults().await;
        for one in &asked {
            scene.due(&one.row).await;
            let new = scene.successor(&one.row).await;
            let old = scene.now(&one.row).await;
            assert_eq!((old.state, old.error_code.as_deref()), (State::Refused, Some("absent_at_stripe")));
            assert_eq!((old.idempotency_id, new.idempotency_id), (None, one.row.idempotency_id));
            if let Some(key) = new.idempotency_id {
                let key = idempotency_key::Entity::find_by_id(key).one(&scene.world.ctx.db).await.unwrap();
                let waits_for = key.expect("the caller's key").stripe_request_id;
                assert_eq!(waits_for, Some(new.id), "who asks again waits for the new one");
            }
            assert_eq!((&new.subject, &new.scope, &new.path), (&old.subject, &old.scope, &old.path));
            let renamed = String::from_utf8(old.body).unwrap();
            let renamed = renamed.replace(&old.id.uuid().to_string(), &new.id.uuid().to_string());
            assert_eq!(String::from_utf8(new.body).unwrap(), renamed, "the same but for the request's name");
        }
        scene.ends_well(&asked).await;
    }
);

on_both_databases!(
    /// Nobody has to find out what became of it, nor wait.
    async fn what_leaves_no_trace_and_does_no_harm_is_sent_anew_at_once(scene: Scene) {
        let drill = drill("payment_method.copy");
        for fault in [stored(), always("cut_after")] {
            let one = scene.ask_in_vain(drill, fault).await;
            scene.end_faults().await;
            if one.row.error_code.is_none() {
                scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
            }
            scene.due(&one.row).await;
            scene.successor(&one.row).await;
            scene.ends_well(&[one]).await;
        }
    }
);

on_both_databases!(
    async fn a_failure_that_stripe_stored_is_looked_up_and_absence_takes_15_minutes(scene: Scene) {
        let mut asked = Vec::new();
        for drill in &traced() {
            let one = scene.ask_in_vain(*drill, stored()).await;
            // The completer has looked at once; it is too early to conclude anything.
            let doubtful = |row: &souk_entity::stripe_request::Model| {
                row.error_message.as_deref().is_some_and(|doubt| doubt.contains("too recent"))
            };
            let row = scene.until(&one.row, "was looked up", doubtful).await;
            assert_eq!((row.state, row.error_code.as_deref()), (State::Pending, Some("key_spent")));
            scene.ask_again(&one).await.is_problem(503, "stripe_unavailable");
            assert_eq!(scene.objects(*drill, &one.row).await.len(), 0);
            asked.push(one);
        }
        scene.advance(LONG_ENOUGH_FOR_PROOF_S).await;
        for one in &asked {
            scene.due(&one.row).await;
            scene.successor(&one.row).await;
        }
        scene.ends_well(&asked).await;
    }
);

on_both_databases!(
    async fn a_failure_that_stripe_stored_after_the_effect_is_found_at_once(scene: Scene) {
        let mut asked = Vec::new();
        for drill in &traced() {
            // As long as the lists don't answer, nothing can be found.
            scene.fault(drill.looked_up_at(), "GET", always("error_503")).await;
            scene.fault("/v1/events", "GET", always("error_503")).await;
            let one = scene.ask_in_vain(*drill, stored()).await;
            scene.happens_after_all(&one).await;
            scene.end_faults().await;
            scene.due(&one.row).await;
            let bound = scene.until(&one.row, "is bound", |row| row.state == State::Succeeded).await;
            assert_eq!(bound.error_code, None);
            asked.push(one);
        }
        scene.ends_well(&asked).await;
    }
);

on_both_databases!(
    async fn stripes_events_prove_it_where_the_list_does_not_answer(scene: Scene) {
        let drills = told_by_events();
        scene.webhooks("drop").await;
        let asked = scene.ask_all_in_vain(&drills, &always("cut_after")).await;
        scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
        scene.end_faults().await;
        scene.webhooks("normal").await;
        for one in &asked {
            scene.fault(one.drill.traces().stripe_path, "GET", always("error_503")).await;
            scene.due(&one.row).await;
            scene.until(&one.row, "is bound", |row| row.state == State::Succeeded).await;
        }
        scene.end_faults().await;
        scene.ends_well(&asked).await;
    }
);

on_both_databases!(
    async fn our_own_inbox_proves_it_where_stripe_lists_nothing(scene: Scene) {
        let drills = told_by_events();
        scene.webhooks("drop").await;
        let asked = scene.ask_all_in_vain(&drills, &always("cut_after")).await;
        scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
        scene.end_faults().await;
        scene.webhooks("normal").await;
        scene.fault("/v1/events", "GET", always("error_503")).await;
        let mut made = Vec::new();
        for one in &asked {
            made.push(text(&scene.objects(one.drill, &one.row).await[0]["id"]));
        }
        for (one, made) in asked.iter().zip(&made) {
            scene.fault(one.drill.traces().stripe_path, "GET", always("error_503")).await;
            // An event of it that was given up here.
            let row = stripe_event::ActiveModel {
                id: Set(format!("evt_{}", one.row.id.uuid().simple())),
                scope: Set(one.row.scope.clone()),
                event_type: Set("test".to_owned()),
                object_id: Set(made.clone()),
                api_version: Set(None),
                idempotency_key: Set(Some(one.row.id.uuid().to_string())),
                stripe_created_at: Set(scene.in_hours(0)),
                payload_sealed: Set(Vec::new()),
                state: Set(stripe_event::State::Ignored),
                reason: Set(None),
                attempts: Set(0),
                next_at: Set(scene.in_hours(0)),
                received_at: Set(scene.in_hours(0)),
                processed_at: Set(None),
            };
            stripe_event::Entity::insert(row).exec_without_returning(&scene.world.ctx.db).await.unwrap();
            scene.due(&one.row).await;
            let bound = scene.until(&one.row, "is bound", |row| row.state == State::Succeeded).await;
            assert_eq!(bound.stripe_object_id.as_ref(), Some(made));
        }
        scene.end_faults().await;
        scene.ends_well(&asked).await;
    }
);

on_both_databases!(
    /// More than a page of other accounts was made after it, and no event tells of it.
    async fn every_page_of_the_list_is_read(scene: Scene) {
        scene.webhooks("drop").await;
        let asked = scene.ask_all_in_vain(&[drill("account.create")], &always("cut_after")).await;
        scene.end_faults().await;
        let url = format!("{}/v1/accounts", scene.stage.site.stripe);
        for _ in 0..105 {
            let form = [("type", "express"), ("country", "US")];
            let made = scene.stage.site.http.post(&url).bearer_auth(SECRET_KEY).form(&form).send().await;
            made.unwrap().error_for_status().unwrap();
        }
        let row = &asked[0].row;
        scene.set(row, Column::KeySpentAt, Expr::value(scene.world.ctx.clock.business())).await;
        scene.due(row).await;
        scene.until(row, "is bound", |row| row.state == State::Succeeded).await;
        scene.webhooks("normal").await;
        scene.ends_well(&asked).await;
    }
);
