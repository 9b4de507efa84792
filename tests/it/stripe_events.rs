//! The inbox, for operators: what became of Stripe's events, their replay, and the figures.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    engines::{Engine, on_both_databases},
    webhooks::sign,
    world::{Answer, World, eventually, text},
};

const PLATFORM: &str = "/webhooks/stripe/platform";

on_both_databases!(
    async fn operators_see_what_became_of_stripes_events_and_replay_them(world: World) {
        world.active_seller().await;
        deliver_unhandled(&world).await;
        let ignored = "/v1/stripe-events?state=ignored&type=customer.created";
        let of_id = |list: &Value| list["data"][0].clone();
        let first =
            of_id(&world.until(ignored, "it is ignored", |list| list["data"][0]["id"] == "evt_x").await);
        assert_eq!((&first["reason"], &first["object_id"]), (&json!("no_room"), &json!("cus_1")));
        assert_eq!((&first["attempts"], &first["next_attempt_at"]), (&json!(1), &Value::Null));

        // One, and all that a filter names: each is handled once more, and again nobody handles it.
        for (path, body, told) in [
            ("/v1/stripe-events/evt_x/replay", json!({}), json!("evt_x")),
            ("/v1/stripe-events/replay", json!({"state": "ignored", "type": "customer.created"}), json!(1)),
        ] {
            let before = of_id(&world.operator().get(ignored).await.is(200))["processed_at"].clone();
            let answer = world.operator().post(path, &body).await.is(200);
            assert!(answer["id"] == told || answer["replayed"] == told, "{answer}");
            let is_handled =
                |list: &Value| of_id(list)["id"] == "evt_x" && of_id(list)["processed_at"] != before;
            world.until(ignored, "it was handled once more", is_handled).await;
        }
        let none = json!({"state": "dead", "limit": 1_000});
        let answer = world.operator().post("/v1/stripe-events/replay", &none).await.is(200);
        assert_eq!(answer, json!({"replayed": 0, "remaining": 0}));
    }
);

on_both_databases!(
    /// Nobody handles them, so each is ignored again at once: a replay without a cursor would begin anew for ever.
    async fn many_events_are_replayed_call_by_call_each_once(world: World) {
        const EVENTS: usize = 7;
        for number in 0..EVENTS {
            deliver(&world, &format!("evt_{number}")).await;
        }
        let handled = "SELECT COUNT(*) AS count FROM stripe_events WHERE state = 'ignored' AND event_type = 'customer.created'";
        let are_handled = async || world.count(handled).await == i64::try_from(EVENTS).unwrap();
        eventually("all are ignored", are_handled).await;
        let mut body = json!({"state": "ignored", "type": "customer.created", "limit": 3});
        let mut told = Vec::new();
        loop {
            let answer = world.operator().post("/v1/stripe-events/replay", &body).await.is(200);
            told.push([answer["replayed"].clone(), answer["remaining"].clone()]);
            eventually("they are ignored again", are_handled).await;
            let Some(cursor) = answer.get("next_cursor") else { break };
            body["cursor"] = cursor.clone();
        }
        assert_eq!(json!(told), json!([[3, 4], [3, 1], [1, 0]]));
    }
);

on_both_databases!(
    async fn what_cannot_be_replayed_is_refused(world: World) {
        world.active_seller().await;
        let operator = world.operator();
        let done = operator.get("/v1/stripe-events?state=done&limit=1").await.is(200);
        let done = format!("/v1/stripe-events/{}/replay", text(&done["data"][0]["id"]));
        operator.post(&done, &json!({})).await.is_problem(409, "stripe_event_not_replayable");
        operator.post("/v1/stripe-events/evt_nobodys/replay", &json!({})).await.is_problem(404, "not_found");
        for (body, status, code) in [
            (json!({"state": "done"}), 409, "stripe_event_not_replayable"),
            (json!({"state": "pending"}), 409, "stripe_event_not_replayable"),
            (json!({"state": "lost"}), 400, "invalid_request"),
            (json!({}), 400, "invalid_request"),
            (json!({"state": "dead", "limit": 0}), 400, "invalid_request"),
            (json!({"state": "dead", "limit": 1_001}), 400, "invalid_request"),
            (json!({"state": "dead", "since": "ever"}), 400, "invalid_request"),
        ] {
            operator.post("/v1/stripe-events/replay", &body).await.is_problem(status, code);
        }
        operator.get("/v1/stripe-events?state=lost").await.is_problem(400, "invalid_parameter");
    }
);

on_both_databases!(
    async fn the_figures_tell_what_was_stored_refused_and_is_open(world: World) {
        let forged =
            world.http.post(format!("{}{PLATFORM}", world.url)).header("Stripe-Signature", "t=1,v1=00");
        Answer::of(forged.body("{}")).await.is_problem(400, "webhook_signature_mismatch");
        deliver_unhandled(&world).await;
        let refused =
            "souk_webhook_refusals_total{endpoint=\"platform\",reason=\"webhook_signature_mismatch\"} 1\n";
        let text = world.metrics().await;
        for line in [refused, "souk_webhook_events_stored_total 1\n", "souk_jobs{state=\"dead\"} 0\n"] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        eventually("nothing is open", async || {
            world.metrics().await.contains("souk_inbox_events{state=\"pending\"} 0\n")
        })
        .await;
    }
);

/// What is compressed is not unpacked, what is too long is not read to its end, and nobody is waited for for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_neither_compressed_nor_long_nor_slow() {
    let world = World::start(Engine::Sqlite).await;
    let compressed = world.http.post(format!("{}{PLATFORM}", world.url)).header("Content-Encoding", "gzip");
    let compressed = Answer::of(compressed.body(vec![0x1f, 0x8b, 0x08])).await;
    compressed.is_problem(415, "content_encoding_unsupported");
    // Said to be long, and long without having said so.
    let said = answer_to(&world, "Content-Length: 3145728\r\n\r\n", &[]).await;
    assert!(said.contains(" 413 ") && said.contains("body_too_large"), "{said}");
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let unsaid = answer_to(&world, "Transfer-Encoding: chunked\r\n\r\n", &[&chunk, &chunk]).await;
    assert!(unsaid.contains(" 413 ") && unsaid.contains("body_too_large"), "{unsaid}");
    // Begun, and never ended.
    let slow = answer_to(&world, "Content-Length: 100\r\n\r\n{", &[]).await;
    assert!(slow.contains(" 408 ") && slow.contains("body_too_slow"), "{slow}");
}

/// What the service answers to a delivery as it stands.
async fn answer_to(world: &World, headers: &str, body: &[&str]) -> String {
    let host = world.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!("POST {PLATFORM} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}");
    stream.write_all(head.as_bytes()).await.unwrap();
    for part in body {
        // It may hang up before the end.
        if stream.write_all(part.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..length]);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), read).await.expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

/// An event that nothing here handles.
async fn deliver_unhandled(world: &World) {
    deliver(world, "evt_x").await;
}

async fn deliver(world: &World, id: &str) {
    let event = json!({
        "id": id, "object": "event", "api_version": "2026-09-30.endive", "created": 1_795_240_800,
        "data": {"object": {"id": "cus_1", "object": "customer"}}, "livemode": false, "type": "customer.created",
    });
    let body = event.to_string().into_bytes();
    let (secret, now) = (&world.ctx.config.platform_webhook_secrets[0], world.ctx.clock.wall().timestamp());
    let request = world.http.post(format!("{}{PLATFORM}", world.url));
    let request = request.header("Stripe-Signature", sign(&body, secret, now)).body(body);
    assert_eq!(Answer::of(request).await.status, 200);
}
