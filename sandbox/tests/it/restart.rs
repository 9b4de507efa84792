use serde_json::json;

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
