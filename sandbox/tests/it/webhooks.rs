use std::{collections::VecDeque, sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Mutex,
};

use crate::world::{World, config, text};

/// Listens, keeps what it is sent, and answers with the next of the given statuses, then with 200.
pub(crate) struct Sink {
    pub(crate) url: String,
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

impl Sink {
    pub(crate) async fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let taken: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (kept, mut answers) = (Arc::clone(&taken), VecDeque::from(answers.to_vec()));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let status = answers.pop_front().unwrap_or(200);
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let mut raw = Vec::new();
                    let (head, body) = loop {
                        let mut part = [0; 4096];
                        let read = stream.read(&mut part).await.unwrap();
                        raw.extend_from_slice(&part[..read]);
                        let all = String::from_utf8_lossy(&raw).into_owned();
                        let Some((head, body)) = all.split_once("\r\n\r\n") else { continue };
                        let head = head.to_ascii_lowercase();
                        let length =
                            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                        if body.len() >= length.parse::<usize>().unwrap() {
                            break (head.clone(), body.to_owned());
                        }
                    };
                    let signature =
                        head.lines().find_map(|line| line.strip_prefix("stripe-signature: ")).unwrap();
                    kept.lock().await.push((signature.to_owned(), body));
                    let answer =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        Self { url, taken }
    }

    /// Everything that came, once it is that many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<(String, String)> {
        for _ in 0..500 {
            if self.taken.lock().await.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let taken = self.taken.lock().await.clone();
        assert!(taken.len() >= count, "{} of {count} came", taken.len());
        taken
    }

    async fn types(&self, count: usize) -> Vec<String> {
        let mut types: Vec<String> =
            self.wait_for(count).await.iter().map(|(_, body)| text(&event(body)["type"])).collect();
        types.sort();
        types
    }
}

fn event(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

fn is_signed(secret: &str, signature: &str, body: &str) -> bool {
    let (at, v1) = signature.split_once(",v1=").unwrap();
    let at = at.strip_prefix("t=").unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes()) == v1
}

pub(crate) async fn endpoint(world: &World, url: &str, more: &[(&str, &str)]) -> Value {
    let mut form = vec![("url", url), ("enabled_events[]", "*")];
    form.extend_from_slice(more);
    world.shop().post("webhook_endpoints", &form).await.ok()
}

#[tokio::test]
async fn events_arrive_signed_and_split_between_platform_and_connect() {
    let world = World::start().await;
    let (platform, connect) = (Sink::start(&[]).await, Sink::start(&[]).await);
    let one = endpoint(&world, &platform.url, &[]).await;
    let two = endpoint(&world, &connect.url, &[("connect", "true")]).await;
    let seller = world.seller().await;
    world.shop().pay(2000, &[]).await;

    assert_eq!(
        platform.types(3).await,
        ["charge.succeeded", "payment_intent.created", "payment_intent.succeeded"]
    );
    let connected = connect.wait_for(4).await;
    for (secret, taken) in [(&one["secret"], platform.wait_for(3).await), (&two["secret"], connected.clone())]
    {
        for (signature, body) in taken {
            assert!(is_signed(&text(secret), &signature, &body));
            assert!(!is_signed("whsec_other", &signature, &body));
        }
    }
    assert!(connected.iter().all(|(_, body)| event(body)["account"] == json!(seller)));
}

#[tokio::test]
async fn what_is_not_taken_comes_again() {
    let world = World::start().await;
    let sink = Sink::start(&[500, 302]).await;
    endpoint(&world, &sink.url, &[]).await;
    world.shop().post("customers", &[]).await.ok();
    let taken = sink.wait_for(3).await;
    assert_eq!(taken.len(), 3);
    let ids: Vec<Value> = taken.iter().map(|(_, body)| event(body)["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    let pending = &world.shop().list("events?delivery_success=true").await;
    assert_eq!(pending.len(), 1);
}

#[tokio::test]
async fn the_clock_answers_after_the_events_it_caused_were_sent() {
    let mut config = config();
    config.settings.async_capture_ms = 3_600_000;
    let world = World::start_with(config).await;
    let sink = Sink::start(&[]).await;
    endpoint(&world, &sink.url, &[]).await;
    world.shop().pay(2000, &[("capture_method", "automatic_async")]).await;
    sink.wait_for(3).await;
    world.advance(3600).await;
    let taken = sink.taken.lock().await.clone();
    assert_eq!(event(&taken.last().unwrap().1)["type"], "charge.updated");
}

#[tokio::test]
async fn deliveries_are_lost_doubled_and_forged_on_order() {
    let world = World::start().await;
    let sink = Sink::start(&[]).await;
    let secret = text(&endpoint(&world, &sink.url, &[]).await["secret"]);
    let shop = world.shop();
    world.control(Method::POST, "webhooks", json!({ "mode": "drop", "count": 1 })).await;
    shop.post("customers", &[("name", "lost")]).await.ok();
    world.advance(0).await;
    world.control(Method::POST, "webhooks", json!({ "mode": "duplicate", "count": 1 })).await;
    shop.post("customers", &[("name", "double")]).await.ok();
    sink.wait_for(2).await;
    world.advance(0).await;
    world.control(Method::POST, "webhooks", json!({ "mode": "wrong_secret", "count": 1 })).await;
    shop.post("customers", &[("name", "forged")]).await.ok();
    let taken = sink.wait_for(3).await;
    let names: Vec<String> =
        taken.iter().map(|(_, body)| text(&event(body)["data"]["object"]["name"])).collect();
    assert_eq!(names, ["double", "double", "forged"]);
    assert!(is_signed(&secret, &taken[1].0, &taken[1].1));
    assert!(!is_signed(&secret, &taken[2].0, &taken[2].1));
    assert_eq!(shop.list("events?type=customer.created").await.len(), 3);
}

#[tokio::test]
async fn endpoints_tell_their_secret_once_and_hear_only_what_they_want() {
    let world = World::start().await;
    let shop = world.shop();
    let sink = Sink::start(&[]).await;
    let form = [("url", sink.url.as_str()), ("enabled_events[]", "customer.created")];
    let created = shop.post("webhook_endpoints", &form).await.ok();
    assert!(text(&created["secret"]).starts_with("whsec_"));
    let path = format!("webhook_endpoints/{}", text(&created["id"]));
    assert!(shop.get(&path).await.ok().get("secret").is_none());
    shop.pay(2000, &[]).await;
    shop.post("customers", &[]).await.ok();
    assert_eq!(sink.types(1).await, ["customer.created"]);
    assert_eq!(shop.post(&path, &[("disabled", "true")]).await.ok()["status"], "disabled");
    shop.post("customers", &[]).await.ok();
    assert_eq!(shop.delete(&path).await.ok()["deleted"], true);
    shop.get(&path).await.refused(404);
    assert_eq!(sink.wait_for(1).await.len(), 1);
    for url in ["https://127.0.0.1/x", "http://8.8.8.8/x", "nonsense"] {
        let form = [("url", url), ("enabled_events[]", "*")];
        assert_eq!(shop.post("webhook_endpoints", &form).await.refused(400)["code"], "url_invalid");
    }
}
