use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    webhooks::{Sink, endpoint},
    world::{DAY, World, config, text},
};

/// A directory of its own that is gone afterwards.
struct Dir(std::path::PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("souk-sandbox-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn start(dir: &Dir) -> World {
    World::start_with(souk_sandbox::Config { data_dir: Some(dir.0.clone()), ..config() }).await
}

#[tokio::test]
async fn a_dispute_loses_at_its_deadline_although_the_process_was_away() {
    let dir = Dir::new("dispute");
    let world = start(&dir).await;
    let charge = text(&world.shop().pay(10_000, &[]).await["latest_charge"]);
    world.control(reqwest::Method::POST, "disputes", json!({ "charge": charge })).await;
    let refunded = text(&world.shop().pay(5000, &[]).await["latest_charge"]);
    world.shop().post("refunds", &[("charge", &refunded)]).await.ok();
    world.sandbox.shutdown().await;

    let world = start(&dir).await;
    world.advance(10 * DAY).await;
    let dispute = &world.shop().list("disputes").await[0];
    assert_eq!(
        (&dispute["status"], &dispute["evidence_details"]["past_due"]),
        (&json!("lost"), &json!(true))
    );
    let refund = &world.shop().list("refunds").await[0];
    assert_eq!(refund["destination_details"]["card"]["reference_status"], "available");
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let dir = Dir::new("restart");
    let world = start(&dir).await;
    let seller = world.seller().await;
    world.shop().pay(10_000, &[("transfer_data[destination]", &seller)]).await;
    let first = world.shop().post_keyed("customers", &[("name", "A")], "k").await;
    world.advance(DAY - 60).await;
    let ledger = world.control(reqwest::Method::GET, "ledger", json!({})).await;
    world.sandbox.shutdown().await;

    let world = start(&dir).await;
    assert_eq!(world.control(reqwest::Method::GET, "ledger", json!({})).await, ledger);
    assert_eq!(world.shop().on(&seller).balance().await, (0, 10_000));
    let again = world.shop().post_keyed("customers", &[("name", "A")], "k").await;
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_ne!(again.header("request-id"), first.header("request-id"));
    world.advance(DAY + 60).await;
    assert_eq!(world.shop().on(&seller).balance().await, (10_000, 0), "what was due is still due");
    world.shop().pay(10_000, &[]).await;
    let mut ids: Vec<String> =
        world.shop().list("charges").await.iter().map(|charge| text(&charge["id"])).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2, "ids do not come twice");
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_after_a_restart() {
    let dir = Dir::new("undelivered");
    let world = start(&dir).await;
    let sink = Sink::start(&[503]).await;
    endpoint(&world, &sink.url, &[]).await;
    world.shop().post("customers", &[]).await.ok();
    sink.wait_for(1).await;
    world.sandbox.shutdown().await;
    let _world = start(&dir).await;
    let taken = sink.wait_for(2).await;
    assert_eq!(taken[0].1, taken[1].1);
}

#[tokio::test]
async fn a_torn_last_line_is_forgotten_and_nothing_else() {
    let dir = Dir::new("torn");
    let world = start(&dir).await;
    world.shop().post("customers", &[("name", "kept")]).await.ok();
    world.sandbox.shutdown().await;
    let file = dir.0.join("sandbox.jsonl");
    let mut journal = std::fs::read(&file).unwrap();
    journal.extend_from_slice(b"[[\"customers\",\"cus_torn\",99,{\"id\":\"cus_to");
    std::fs::write(&file, journal).unwrap();
    let world = start(&dir).await;
    let customers = world.shop().list("customers").await;
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0]["name"], "kept");
}

/// The program itself, and where it listens.
fn spawn(dir: &Dir) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_souk-sandbox"))
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&dir.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    (child, url)
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let dir = Dir::new("kill");
    let (mut child, url) = spawn(&dir);
    let client = World::start().await.client().clone();
    for name in ["one", "two", "three"] {
        let request = client.post(format!("{url}/v1/customers")).basic_auth("sk_test_shop", Some(""));
        assert_eq!(request.body(format!("name={name}")).send().await.unwrap().status(), 200);
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let (mut child, url) = spawn(&dir);
    let request = client.get(format!("{url}/v1/customers")).basic_auth("sk_test_shop", Some(""));
    let list: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    let names: Vec<String> = list["data"].as_array().unwrap().iter().map(|one| text(&one["name"])).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names, ["three", "two", "one"]);
}
