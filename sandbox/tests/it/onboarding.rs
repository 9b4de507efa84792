use reqwest::{Method, Response, StatusCode};

use crate::world::{Caller, World, text};

const GOOD: &[(&str, &str)] = &[
    ("action", "submit"),
    ("first_name", "Jenny"),
    ("last_name", "Rosen <script>"),
    ("dob_day", "1"),
    ("dob_month", "2"),
    ("dob_year", "1990"),
    ("line1", "510 Townsend Street"),
    ("city", "San Francisco"),
    ("state", "CA"),
    ("postal_code", "94103"),
    ("routing_number", "110000000"),
    ("account_number", "000123456789"),
    ("tos", "yes"),
];

async fn account(shop: &Caller) -> String {
    text(&shop.post("accounts", &[("type", "express"), ("country", "US")]).await.ok()["id"])
}

async fn link(shop: &Caller, account: &str) -> String {
    let form = [
        ("account", account),
        ("type", "account_onboarding"),
        ("refresh_url", "http://127.0.0.1:9/again"),
        ("return_url", "http://127.0.0.1:9/done"),
    ];
    let link = shop.post("account_links", &form).await.ok();
    assert_eq!(link["expires_at"].as_i64().unwrap() - link["created"].as_i64().unwrap(), 300);
    assert!(link.get("id").is_none());
    text(&link["url"])
}

fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// Visits a link as a browser does, and answers with the address of the form.
async fn visit(world: &World, link: &str) -> String {
    let answer = world.client().get(link).send().await.unwrap();
    let form = location(&answer);
    if form.starts_with('/') { format!("{}{form}", world.sandbox.url()) } else { form }
}

async fn submit(world: &World, form: &str, fields: &[(&str, &str)]) -> Response {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = world.client().request(Method::POST, form);
    request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap()
}

#[tokio::test]
async fn a_seller_who_submits_the_form_is_enabled_and_led_back() {
    let world = World::start().await;
    let seller = account(&world.shop()).await;
    let form = visit(&world, &link(&world.shop(), &seller).await).await;
    let page = world.client().get(&form).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("name=\"account_number\"") && page.contains("Get paid by shop"));

    let answer = submit(&world, &form, GOOD).await;
    assert_eq!(location(&answer), "http://127.0.0.1:9/done");
    let account = world.shop().get(&format!("accounts/{seller}")).await.ok();
    assert_eq!(account["details_submitted"], true);
    assert_eq!(account["charges_enabled"], true);
    assert_eq!(account["payouts_enabled"], true);
}

#[tokio::test]
async fn errors_are_shown_at_their_fields_and_what_was_typed_stays() {
    let world = World::start().await;
    let seller = account(&world.shop()).await;
    let form = visit(&world, &link(&world.shop(), &seller).await).await;
    let mut fields = GOOD.to_vec();
    fields[4] = ("dob_month", "13");
    fields[10] = ("routing_number", "12");
    fields.pop();
    let answer = submit(&world, &form, &fields).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text().await.unwrap();
    assert!(page.contains("Enter a real date of birth"));
    assert!(page.contains("Routing number must have 9 digits"));
    assert!(page.contains("Accept the agreement"));
    assert!(!page.contains("Enter your legal first name"));
    assert!(page.contains("value=\"Rosen &lt;script&gt;\""), "what was typed is shown, escaped");
    assert_eq!(world.shop().get(&format!("accounts/{seller}")).await.ok()["details_submitted"], false);
}

#[tokio::test]
async fn a_seller_may_save_and_return_later() {
    let world = World::start().await;
    let seller = account(&world.shop()).await;
    let form = visit(&world, &link(&world.shop(), &seller).await).await;
    let answer = submit(&world, &form, &[("action", "save"), ("first_name", "Jenny")]).await;
    assert_eq!(location(&answer), "http://127.0.0.1:9/done");
    assert_eq!(world.shop().get(&format!("accounts/{seller}")).await.ok()["details_submitted"], false);
    let form = visit(&world, &link(&world.shop(), &seller).await).await;
    let page = world.client().get(&form).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("value=\"Jenny\""));
}

#[tokio::test]
async fn a_link_works_once_and_for_five_minutes() {
    let world = World::start().await;
    let seller = account(&world.shop()).await;
    let used = link(&world.shop(), &seller).await;
    visit(&world, &used).await;
    assert_eq!(visit(&world, &used).await, "http://127.0.0.1:9/again");
    let late = link(&world.shop(), &seller).await;
    world.advance(301).await;
    assert_eq!(visit(&world, &late).await, "http://127.0.0.1:9/again");
    let wrong = format!("{}/setup/e/{seller}/nonsense", world.sandbox.url());
    assert_eq!(world.client().get(&wrong).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn links_need_an_account_and_places_to_go_to() {
    let world = World::start().await;
    let seller = account(&world.shop()).await;
    let refused = |form: Vec<(&'static str, String)>| {
        let shop = world.shop();
        async move {
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            shop.post("account_links", &form).await
        }
    };
    let base = |refresh: &str| {
        vec![
            ("account", seller.clone()),
            ("type", "account_onboarding".to_owned()),
            ("refresh_url", refresh.to_owned()),
            ("return_url", "http://127.0.0.1:9/".to_owned()),
        ]
    };
    assert_eq!(refused(base("nowhere")).await.refused(400)["code"], "url_invalid");
    assert_eq!(
        refused(base("http://127.0.0.1:9/")[1..].to_vec()).await.refused(400)["code"],
        "parameter_missing"
    );
    let mut other = base("http://127.0.0.1:9/");
    other[0].1 = "acct_nobody".to_owned();
    assert_eq!(refused(other).await.refused(403)["code"], "account_invalid");
}
