//! Stripe's webhooks, from the outside: what isn't Stripe's is refused and leaves nothing, what is Stripe's is
//! kept once.

use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    engines::on_both_databases,
    shape::shape,
    world::{Answer, World, eventually, text},
};

const PLATFORM: &str = "/webhooks/stripe/platform";
const CONNECT: &str = "/webhooks/stripe/connect";
/// Longer than any event may be.
const TOO_LONG: usize = 3 * 1024 * 1024;

on_both_databases!(
    async fn what_stripe_did_not_sign_is_refused_and_leaves_no_row(world: World) {
        let (platform, connect) = secrets(&world);
        let body = event("evt_forged").to_string().into_bytes();
        let now = world.ctx.clock.wall().timestamp();
        let good = sign(&body, &platform, now);
        let signature = good.split_once("v1=").unwrap().1.to_owned();
        let tampered = String::from_utf8(body.clone()).unwrap().replace("cus_1", "cus_2").into_bytes();
        let spaced = [&body[..], b"\n"].concat();
        let dated = good.replace(&now.to_string(), &(now + 1).to_string());
        let stranger = SecretString::from("whsec_of_somebody_else");
        let flood = format!("t={now}{}", ",v1=00".repeat(17));
        let (old, ahead) = (sign(&body, &platform, now - 301), sign(&body, &platform, now + 305));
        for (what, body, header, code) in [
            ("no header", &body, None, "webhook_signature_missing"),
            ("an empty header", &body, Some(String::new()), "webhook_signature_malformed"),
            ("garbage", &body, Some("garbage".to_owned()), "webhook_signature_malformed"),
            ("no time", &body, Some(format!("v1={signature}")), "webhook_signature_malformed"),
            ("no signature", &body, Some(format!("t={now}")), "webhook_signature_malformed"),
            (
                "a time that is none",
                &body,
                Some(format!("t=now,v1={signature}")),
                "webhook_signature_mismatch",
            ),
            ("many signatures", &body, Some(flood), "webhook_signature_malformed"),
            (
                "an older scheme",
                &body,
                Some(format!("t={now},v0={signature}")),
                "webhook_signature_malformed",
            ),
            ("an empty signature", &body, Some(format!("t={now},v1=")), "webhook_signature_mismatch"),
            (
                "half a signature",
                &body,
                Some(good[..good.len() - 32].to_owned()),
                "webhook_signature_mismatch",
            ),
            ("another time", &body, Some(dated), "webhook_signature_mismatch"),
            ("another body", &tampered, Some(good.clone()), "webhook_signature_mismatch"),
            ("a line end more", &spaced, Some(good.clone()), "webhook_signature_mismatch"),
            ("a stranger's", &body, Some(sign(&body, &stranger, now)), "webhook_signature_mismatch"),
            ("the other endpoint's", &body, Some(sign(&body, &connect, now)), "webhook_signature_mismatch"),
            ("301 s old", &body, Some(old), "webhook_signature_stale"),
            ("more than 300 s ahead", &body, Some(ahead), "webhook_signature_stale"),
        ] {
            let answer = deliver(&world, PLATFORM, body.clone(), header).await;
            assert_eq!(answer.body()["code"], code, "{what}");
            answer.is_problem(400, code);
        }
        // The same the other way round.
        let on_connect = deliver(&world, CONNECT, body.clone(), Some(good.clone())).await;
        on_connect.is_problem(400, "webhook_signature_mismatch");
        assert_eq!(kept(&world, "evt_forged").await, 0);
        // The table's own signer is a good one, also at the edge of what may be late.
        deliver(&world, PLATFORM, body.clone(), Some(good)).await.is_taken();
        deliver(&world, PLATFORM, body.clone(), Some(sign(&body, &platform, now - 290))).await.is_taken();
        assert_eq!(kept(&world, "evt_forged").await, 1);
    }
);

on_both_databases!(
    async fn what_is_signed_but_does_not_belong_here_is_refused_and_leaves_no_row(world: World) {
        let (platform, connect) = secrets(&world);
        let now = world.ctx.clock.wall().timestamp();
        let with = |field: &str, value: Value| {
            let mut event = event("evt_stray");
            event[field] = value;
            event.to_string().into_bytes()
        };
        let of_account = with("account", json!("acct_1SoukSeller"));
        let gzip: Vec<u8> = vec![0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00];
        let not_an_event = "webhook_not_an_event";
        for (what, endpoint, body, code) in [
            ("not JSON", PLATFORM, b"hello".to_vec(), not_an_event),
            ("nothing", PLATFORM, Vec::new(), not_an_event),
            ("compressed", PLATFORM, gzip, not_an_event),
            ("no event", PLATFORM, br#"{"object": "customer", "id": "cus_1"}"#.to_vec(), not_an_event),
            ("a list of events", PLATFORM, format!("[{}]", event("evt_stray")).into_bytes(), not_an_event),
            ("a thin event", PLATFORM, with("object", json!("v2.core.event")), not_an_event),
            ("no id", PLATFORM, with("id", json!(null)), not_an_event),
            ("an empty id", PLATFORM, with("id", json!("")), not_an_event),
            ("an id with NUL", PLATFORM, with("id", json!("evt_stray\0")), not_an_event),
            ("a long id", PLATFORM, with("id", json!("evt_stray".repeat(30))), not_an_event),
            ("a type with NUL", PLATFORM, with("type", json!("a\0b")), not_an_event),
            ("no time", PLATFORM, with("created", json!("today")), not_an_event),
            ("a time beyond time", PLATFORM, with("created", json!(i64::MAX)), not_an_event),
            ("no data", PLATFORM, with("data", json!({})), not_an_event),
            ("an account on the platform's", PLATFORM, of_account, "webhook_account_on_platform_endpoint"),
            ("a live one", PLATFORM, with("livemode", json!(true)), "webhook_livemode_mismatch"),
            ("no account", CONNECT, with("id", json!("evt_stray")), "webhook_no_account_on_connect_endpoint"),
            ("a bad account", CONNECT, with("account", json!("seller\0")), not_an_event),
        ] {
            let secret = if endpoint == PLATFORM { &platform } else { &connect };
            let header = sign(&body, secret, now);
            let answer = deliver(&world, endpoint, body, Some(header)).await;
            assert_eq!(answer.body()["code"], code, "{what}");
            answer.is_problem(400, code);
        }
        // Stripe does send live platforms' Connect endpoints test events: taken, and dropped.
        let mut other_mode = event("evt_stray");
        (other_mode["account"], other_mode["livemode"]) = (json!("acct_1SoukSeller"), json!(true));
        let other_mode = other_mode.to_string().into_bytes();
        let header = sign(&other_mode, &connect, now);
        deliver(&world, CONNECT, other_mode, Some(header)).await.is_taken();

        let huge = vec![b' '; TOO_LONG];
        let header = sign(&huge, &platform, now);
        deliver(&world, PLATFORM, huge, Some(header)).await.is_problem(413, "body_too_large");
        assert_eq!(kept(&world, "evt_stray").await, 0);
        // Whoever comes without an event is told how to come.
        let answer = Answer::of(world.http.get(format!("{}{PLATFORM}", world.url))).await;
        answer.is_problem(405, "method_not_allowed");
        assert_eq!(answer.headers["allow"], "POST");
    }
);

on_both_databases!(
    async fn an_event_that_comes_fifty_times_at_once_is_kept_once(world: World) {
        let (platform, _) = secrets(&world);
        let body = event("evt_flood").to_string().into_bytes();
        let header = sign(&body, &platform, world.ctx.clock.wall().timestamp());
        let all = (0..50).map(|_| deliver(&world, PLATFORM, body.clone(), Some(header.clone())));
        for answer in join_all(all).await {
            answer.is_taken();
        }
        assert_eq!(kept(&world, "evt_flood").await, 1);
    }
);

on_both_databases!(
    async fn an_event_that_nobody_handles_is_kept_to_be_replayed(world: World) {
        let (platform, connect) = secrets(&world);
        let now = world.ctx.clock.wall().timestamp();
        let body = event("evt_unhandled").to_string().into_bytes();
        let header = sign(&body, &platform, now);
        deliver(&world, PLATFORM, body, Some(header)).await.is_taken();
        // Text that PostgreSQL can't store is only in what is sealed, and harms nothing.
        let mut strange = event("evt_unhandled_strange");
        strange["account"] = json!("acct_1SoukSeller");
        strange["data"]["object"] = json!({"id": "cus\0", "name": "\0", "object": "customer"});
        let strange = strange.to_string().into_bytes();
        let header = sign(&strange, &connect, now);
        deliver(&world, CONNECT, strange, Some(header)).await.is_taken();
        let ignored = "SELECT COUNT(*) AS count FROM stripe_events WHERE id LIKE 'evt_unhandled%' \
                       AND state = 'ignored' AND reason = 'no_room'";
        eventually("both are ignored", async || world.count(ignored).await == 2).await;
    }
);

on_both_databases!(
    async fn what_happened_is_told_to_the_marketplaces_backend(world: World) {
        let seller = world.active_seller().await;
        let order = world.pay(&world.order(&world.listing(&seller, 10_000, "usd").await).await).await;
        let events = world.service().get("/v1/events?limit=100").await.is(200);
        let events = events["data"].as_array().unwrap();
        let paid: Vec<&Value> = events.iter().filter(|event| event["type"] == "order.paid").collect();
        assert_eq!(paid.len(), 1);
        assert_eq!(paid[0]["object_id"], order["id"]);
        assert_eq!(
            shape(paid[0]),
            json!({
                "id": "<event>",
                "type": "order.paid",
                "object_id": "<order>",
                "seller_id": "<seller>",
                "buyer_id": "<buyer>",
                "data": {
                    "amount": {"amount": 10_000, "currency": "usd"},
                    "status": "paid",
                    "stripe_payment_intent_id": "<pi>",
                },
                "created_at": "<time>",
            })
        );
        let page = world.operator().get("/v1/events?limit=2").await.is(200);
        let next = format!("/v1/events?limit=2&cursor={}", text(&page["next_cursor"]));
        let next = world.operator().get(&next).await.is(200);
        let ids: Vec<_> = [&page, &next].iter().flat_map(|page| page["data"].as_array().unwrap()).collect();
        assert_eq!(ids.len(), 4);
        assert!(ids.is_sorted_by(|newer, older| newer["id"].as_str() > older["id"].as_str()), "{ids:?}");
        let (seller, buyer) = (text(&seller["id"]), text(&order["buyer_id"]));
        for person in [world.seller(&seller), world.buyer(&buyer)] {
            person.get("/v1/events").await.is_problem(403, "forbidden");
        }
        world.stranger().get("/v1/events").await.is_problem(401, "unauthenticated");
        let wrong = world.service().get("/v1/events?cursor=order_01h455vb4pex5vsknk084sn02q").await;
        wrong.is_problem(400, "invalid_cursor");
    }
);

impl Answer {
    /// Acknowledged to Stripe.
    #[track_caller]
    fn is_taken(&self) {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.bytes));
    }
}

/// An event of the platform's own that nothing here handles.
fn event(id: &str) -> Value {
    json!({
        "id": id,
        "object": "event",
        "api_version": "2026-09-30.endive",
        "created": 1_795_240_800,
        "data": {"object": {"id": "cus_1", "object": "customer"}},
        "livemode": false,
        "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": null},
        "type": "customer.created",
    })
}

/// The signing secrets of the platform's and the Connect endpoint.
fn secrets(world: &World) -> (SecretString, SecretString) {
    let config = &world.ctx.config;
    (config.platform_webhook_secrets[0].clone(), config.connect_webhook_secrets[0].clone())
}

/// The `Stripe-Signature` of a body.
pub(crate) fn sign(body: &[u8], secret: &SecretString, at: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

async fn deliver(world: &World, path: &str, body: Vec<u8>, signature: Option<String>) -> Answer {
    let request = world.http.post(format!("{}{path}", world.url)).header("Content-Type", "application/json");
    let request = match signature {
        Some(signature) => request.header("Stripe-Signature", signature),
        None => request,
    };
    Answer::of(request.body(body)).await
}

/// How many events are kept whose ids begin so.
async fn kept(world: &World, id: &str) -> i64 {
    world.count(&format!("SELECT COUNT(*) AS count FROM stripe_events WHERE id LIKE '{id}%'")).await
}
