use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

async fn client_id(world: &World) -> String {
    text(&world.shop().get("account").await.ok()["id"]).replace("acct_", "ca_")
}

/// Submits the page, and answers with what the platform is told.
async fn decide(world: &World, action: &str, account: &str) -> BTreeMap<String, String> {
    let client = client_id(world).await;
    let form = [
        ("client_id", client.as_str()),
        ("response_type", "code"),
        ("scope", "read_write"),
        ("state", "s 1"),
        ("redirect_uri", "http://127.0.0.1:9/back"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let url = format!("{}/oauth/authorize", world.sandbox.url());
    let page = world.client().get(format!("{url}?{query}")).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Connect shop"));
    let body = url::form_urlencoded::Serializer::new(query)
        .extend_pairs([("action", action), ("account", account)])
        .finish();
    let answer = world.client().post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let location = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    location.query_pairs().into_owned().collect()
}

async fn oauth(world: &World, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let url = format!("{}/oauth/{path}", world.sandbox.url());
    let answer = world.client().post(url).bearer_auth("sk_test_shop").body(body).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_seller_connects_an_account_of_their_own_and_takes_it_back() {
    let world = World::start().await;
    let shop = world.shop();
    let told = decide(&world, "connect", "").await;
    assert_eq!((told["state"].as_str(), told["scope"].as_str()), ("s 1", "read_write"));
    assert!(shop.list("accounts").await.is_empty(), "nothing is connected before the code is redeemed");

    let form = [("grant_type", "authorization_code"), ("code", told["code"].as_str())];
    let (status, token) = oauth(&world, "token", &form).await;
    assert_eq!((status, &token["token_type"]), (200, &json!("bearer")));
    let seller = text(&token["stripe_user_id"]);
    let account = shop.get(&format!("accounts/{seller}")).await.ok();
    assert_eq!((&account["type"], &account["charges_enabled"]), (&json!("standard"), &json!(true)));
    assert_eq!(shop.on(&seller).event_types().await, ["account.application.authorized"]);
    let own = world.caller(&text(&token["access_token"])).get("account").await.ok();
    assert_eq!(own["id"], json!(seller), "the token acts in the seller's scope");
    let (status, error) = oauth(&world, "token", &form).await;
    assert_eq!((status, &error["error"]), (400, &json!("invalid_grant")));

    let client = client_id(&world).await;
    let form = [("client_id", client.as_str()), ("stripe_user_id", seller.as_str())];
    assert_eq!(oauth(&world, "deauthorize", &form).await, (200, json!({ "stripe_user_id": seller })));
    assert_eq!(shop.on(&seller).get("balance").await.refused(403)["code"], "account_invalid");
    assert_eq!(shop.get(&format!("accounts/{seller}")).await.refused(403)["code"], "account_invalid");
    world.caller(&text(&token["access_token"])).get("account").await.refused(403);
    let (status, error) = oauth(&world, "deauthorize", &form).await;
    assert_eq!((status, &error["error"]), (400, &json!("invalid_client")));
    let refresh = text(&token["refresh_token"]);
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    assert_eq!(oauth(&world, "token", &form).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn a_seller_who_left_can_come_back_with_the_same_account() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    world.control(Method::POST, &format!("accounts/{seller}/deauthorize"), json!({})).await;
    shop.get(&format!("accounts/{seller}")).await.refused(403);
    let told = decide(&world, "connect", &seller).await;
    let form = [("grant_type", "authorization_code"), ("code", told["code"].as_str())];
    assert_eq!(oauth(&world, "token", &form).await.1["stripe_user_id"], json!(seller));
    assert_eq!(shop.get(&format!("accounts/{seller}")).await.ok()["charges_enabled"], true);
    let types = shop.on(&seller).event_types().await;
    assert_eq!(
        types[types.len() - 2..],
        ["account.application.deauthorized", "account.application.authorized"]
    );
}

#[tokio::test]
async fn a_seller_who_declines_is_sent_back_with_the_reason() {
    let world = World::start().await;
    let told = decide(&world, "cancel", "").await;
    assert_eq!((told["error"].as_str(), told["state"].as_str()), ("access_denied", "s 1"));
    assert!(!told.contains_key("code"));
}

#[tokio::test]
async fn a_code_is_forgotten_after_five_minutes_and_useless_to_others() {
    let world = World::start().await;
    let code = decide(&world, "connect", "").await["code"].clone();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str())];
    let url = format!("{}/oauth/token", world.sandbox.url());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let other = world.client().post(url).bearer_auth("sk_test_other").body(body).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::BAD_REQUEST);
    world.advance(300).await;
    let (_, error) = oauth(&world, "token", &form).await;
    assert!(text(&error["error_description"]).contains("expired"));
}

#[tokio::test]
async fn the_page_sends_nobody_to_public_addresses() {
    let world = World::start().await;
    let client = client_id(&world).await;
    for wrong in [
        format!("client_id={client}&redirect_uri=https://example.com/"),
        format!("client_id={client}"),
        "client_id=ca_none&redirect_uri=http://127.0.0.1:9/".to_owned(),
    ] {
        let url = format!("{}/oauth/authorize?{wrong}", world.sandbox.url());
        let page = world.client().get(url).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
}
