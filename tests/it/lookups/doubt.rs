//! What can't be proved either way is neither bound nor sent anew.

use std::sync::Arc;

use sea_orm::sea_query::Expr;
use serde_json::json;
use souk::{
    clock::Clock,
    context::Context,
    outbox::{Driven, drive, look_up},
    stripe::Gateway,
};
use souk_entity::stripe_request::{self, Column, State};

use super::{
    ALWAYS, LONG_ENOUGH_FOR_PROOF_S, LONGER_THAN_KEYS_LIVE_S, Scene, always, stored, told_by_events,
};
use crate::{
    drills::{DRILLS, drill, traced},
    engines::on_both_databases,
    world::SECRET_KEY,
};

on_both_databases!(
    /// Our clock is the wall's, Stripe's is 25 hours on: what is not in the window may be outside of it.
    async fn clocks_that_differ_prove_no_absence(scene: Scene) {
        let asked = scene.ask_all_in_vain(&traced(), &always("cut_before")).await;
        scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
        scene.end_faults().await;
        let elsewhere = Context { clock: Clock::default(), ..scene.world.ctx.clone() };
        let actions = souk::worker::actions();
        for one in &asked {
            let spent = elsewhere.clock.business();
            scene.set(&one.row, Column::KeySpentAt, Expr::value(spent)).await;
            let action = actions.get(one.drill.kind()).unwrap();
            let looked = look_up(&elsewhere, action, one.row.id).await.unwrap();
            assert_eq!(looked, Driven::Pending);
            let row = scene.now(&one.row).await;
            assert_eq!(row.state, State::Pending);
            let doubt = row.error_message.unwrap();
            assert!(doubt.contains("clock"), "{doubt}");
            // With the right time it is a proof.
            scene.due(&one.row).await;
            scene.successor(&one.row).await;
        }
        scene.ends_well(&asked).await;
    }
);

on_both_databases!(
    async fn a_look_up_that_stripe_refuses_is_held(scene: Scene) {
        let payouts = &[drill("payout.create")];
        let asked = scene.ask_all_in_vain(payouts, &always("cut_before")).await;
        let deauthorize = format!("/_sandbox/accounts/{}/deauthorize", scene.stage.account);
        scene.stage.site.control(&deauthorize, &json!({})).await;
        scene.end_faults().await;
        scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
        scene.due(&asked[0].row).await;
        let held = scene.until(&asked[0].row, "is held", |row| row.state == State::Unknown).await;
        assert_eq!(held.error_code.as_deref(), Some("lookup_refused"));
        scene.ask_again(&asked[0]).await.is_problem(409, "outcome_unknown");
        // A person can't bind what Stripe doesn't show us, but can close it.
        let resolve = format!("/v1/stripe-requests/{}/resolve", held.id);
        let bind = json!({"outcome": "took_effect", "stripe_object_id": "po_1", "reason": "seen"});
        let site = &scene.stage.site;
        site.post(&resolve, &bind).await.is_problem(422, "stripe_object_unreadable");
        site.post(&resolve, &json!({"outcome": "did_not", "reason": "none is there"})).await.is(200);
    }
);

on_both_databases!(
    async fn three_days_without_proof_are_a_hold(scene: Scene) {
        let asked = scene.ask_all_in_vain(&traced(), &always("cut_before")).await;
        scene.end_faults().await;
        scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
        let long_ago = scene.world.ctx.clock.business() - chrono::Duration::days(3);
        for one in &asked {
            let list = json!({"kind": "error_503", "count": ALWAYS});
            scene.fault(one.drill.looked_up_at(), "GET", list).await;
            scene.set(&one.row, Column::KeySpentAt, Expr::value(long_ago)).await;
            scene.due(&one.row).await;
        }
        for one in &asked {
            let held = scene.until(&one.row, "is held", |row| row.state == State::Unknown).await;
            assert_eq!(held.error_code.as_deref(), Some("lookup_inconclusive"));
            assert!(held.error_message.unwrap().contains("503"));
        }
    }
);

on_both_databases!(
    /// Somebody has changed its metadata: an event says that the request made it, the object does not.
    async fn an_object_that_an_event_names_and_its_metadata_does_not_is_held(scene: Scene) {
        let drills = told_by_events();
        scene.webhooks("drop").await;
        let asked = scene.ask_all_in_vain(&drills, &always("cut_after")).await;
        scene.end_faults().await;
        for one in &asked {
            let made = scene.objects(one.drill, &one.row).await.remove(0);
            let traces = one.drill.traces();
            let url =
                format!("{}{}/{}", scene.stage.site.stripe, traces.stripe_path, made["id"].as_str().unwrap());
            let mut change = scene.stage.site.http.post(url).bearer_auth(SECRET_KEY);
            if traces.in_account {
                change = change.header("Stripe-Account", &scene.stage.account);
            }
            let form = [("metadata[souk_request]", "")];
            change.form(&form).send().await.unwrap().error_for_status().unwrap();
        }
        scene.advance(LONGER_THAN_KEYS_LIVE_S).await;
        for one in &asked {
            scene.due(&one.row).await;
            let held = scene.until(&one.row, "is held", |row| row.state == State::Unknown).await;
            assert_eq!(held.error_code.as_deref(), Some("lookup_mismatch"));
        }
    }
);

on_both_databases!(
    /// A worker that died while it looked up; another process has the row meanwhile, then nobody.
    async fn a_look_up_is_taken_over_when_its_lease_ends_and_not_before(scene: Scene) {
        let one = scene.ask_in_vain(drill("payout.create"), stored()).await;
        // Looked up once, too early; then nobody has it.
        let waits = |row: &stripe_request::Model| {
            row.error_message.as_deref().is_some_and(|doubt| doubt.contains("too recent"))
                && row.lease_until.is_none()
        };
        scene.until(&one.row, "waits", waits).await;
        scene.set(&one.row, Column::LeaseUntil, Expr::value(scene.in_hours(1))).await;
        scene.advance(LONG_ENOUGH_FOR_PROOF_S).await;
        scene.due(&one.row).await;
        let actions = souk::worker::actions();
        let action = actions.get(one.drill.kind()).unwrap();
        let looked = look_up(&scene.world.ctx, action, one.row.id).await.unwrap();
        assert_eq!((looked, scene.rows(one.drill).await.len()), (Driven::Pending, 1));
        scene.set(&one.row, Column::LeaseUntil, Expr::value(scene.in_hours(-1))).await;
        scene.successor(&one.row).await;
        // Who still holds on to the row that was replaced is not told that all is well.
        let late = drive(&scene.world.ctx, action, one.row.id, std::time::Duration::from_secs(1)).await;
        assert_eq!(late.unwrap(), Driven::Pending);
        scene.ends_well(&[one]).await;
    }
);

on_both_databases!(
    /// Nobody listens where Stripe should be: no attempt, and no rest of minutes.
    async fn what_was_not_sent_counts_as_no_attempt(scene: Scene) {
        let asked = scene.ask_all_in_vain(DRILLS, &always("cut_before")).await;
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = (*scene.world.ctx.config).clone();
        config.stripe_api_base = format!("http://{}", nobody.local_addr().unwrap());
        drop(nobody);
        let stripe = Gateway::new(&config, Clock::default()).unwrap();
        let cut_off = Context { stripe, config: Arc::new(config), ..scene.world.ctx.clone() };
        let actions = souk::worker::actions();
        let budget = std::time::Duration::from_millis(300);
        for one in &asked {
            let action = actions.get(one.drill.kind()).unwrap();
            // It may have been sent before.
            let driven = drive(&cut_off, action, one.row.id, budget).await.unwrap();
            let row = scene.now(&one.row).await;
            assert_eq!((driven, row.attempts), (Driven::Pending, one.row.attempts));
            assert_eq!(row.first_sent_at, one.row.first_sent_at);
            // It was not.
            scene.set(&row, Column::NextAt, Expr::value(scene.in_hours(1))).await;
            scene.set(&row, Column::Attempts, Expr::value(0)).await;
            drive(&cut_off, action, one.row.id, budget).await.unwrap();
            let row = scene.now(&row).await;
            assert_eq!((row.attempts, row.first_sent_at, row.last_attempt_at), (0, None, None));
            assert!(row.next_at <= scene.in_hours(0) + chrono::Duration::seconds(5), "{}", row.next_at);
        }
        scene.end_faults().await;
        for one in &asked {
            scene.until(&one.row, "is sent", |row| row.state == State::Succeeded).await;
        }
        scene.ends_well(&asked).await;
    }
);
