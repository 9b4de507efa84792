//! `souk dev` beside what `processes` proves of it: the example shop, and Stripe itself in the sandbox's place.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    processes::{People, Process, SOUK, dev_file, free_address},
    scratch,
    world::{JWT_SECRET, text},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_is_stocked_once_and_its_page_told_what_it_needs() {
    let dir = scratch::directory().expect("a directory").join("dev-shop");
    let (listen, sandbox) = (free_address(), free_address());
    let (souk, stripe) = (format!("http://{listen}"), format!("http://{sandbox}"));
    let mut command = Command::new(SOUK);
    command.args(["dev", "--listen", &listen.to_string(), "--sandbox-listen", &sandbox.to_string()]);
    let running = Process::start(command.arg("--data-dir").arg(&dir));
    let dev = dev_file(&dir).await;
    let http = People::new(&souk, &stripe, JWT_SECRET).http;
    let get = async |path: &str| http.get(format!("{souk}{path}")).send().await.unwrap();

    let page = get("/shop/").await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains(&format!("script-src 'self' {stripe};")), "{policy}");
    assert!(page.text().await.unwrap().contains("shop.js"));
    for _ in 0..2 {
        let config: Value = get("/shop/config.json").await.json().await.unwrap();
        let token = &dev["tokens"]["buyer"];
        assert_eq!(config, json!({"api": "/", "token": token, "stripe_js": format!("{stripe}/v3/")}));
        let request = http.get(format!("{souk}/v1/listings")).bearer_auth(text(token));
        let listings: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(listings["data"].as_array().unwrap().len(), 4);
    }
    // The API beside it is as it is without.
    let nothing = get("/v1/nothing").await;
    assert_eq!(nothing.status(), 404);
    assert_eq!(nothing.headers()["content-type"], "application/problem+json");

    // What is there lives at the sandbox.
    running.stop_in_peace();
    let keys = [("STRIPE_SECRET_KEY", "sk_test_1"), ("STRIPE_PUBLISHABLE_KEY", "pk_test_1")];
    let error = at_stripe(&dir, &keys);
    assert!(error.contains("lives at another Stripe: give another --data-dir"), "{error}");
}

#[test]
fn stripe_itself_is_used_with_test_keys_only() {
    let dir = scratch::directory().expect("a directory").join("dev-stripe");
    let error = at_stripe(&dir, &[]);
    assert!(error.contains("needs STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY"), "{error}");
    let live = [("STRIPE_SECRET_KEY", "sk_live_1"), ("STRIPE_PUBLISHABLE_KEY", "pk_live_1")];
    let error = at_stripe(&dir, &live);
    assert!(error.contains("test keys only") && !error.contains("sk_live_1"), "{error}");
}

/// What `souk dev --stripe` says as it refuses to start: one line.
fn at_stripe(dir: &Path, settings: &[(&str, &str)]) -> String {
    let mut command = Command::new(SOUK);
    command.args(["dev", "--stripe", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir);
    let output = command.env_clear().envs(settings.iter().copied()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}
