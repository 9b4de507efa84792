//! Sellers: what is refused, what is shown, and the pages that Stripe sends a seller's browser back to.

use reqwest::{Client, Method, Response, header::LOCATION, redirect};
use serde_json::{Value, json};
use souk::seal::Seal;

use crate::{
    engines::on_both_databases,
    refusals::{Rows, keeps_idempotency_keys, malformed, refuses, refuses_ill_formed_bodies, refuses_reads},
    shape::shape,
    world::{Answer, World, text},
};

/// A seller that nobody has.
const NOBODY: &str = "seller_01h455vb4pex5vsknk084sn02q";

on_both_databases!(
    async fn a_seller_who_cannot_be_is_refused_and_leaves_nothing(world: World) {
        let service = world.service();
        let with = |field: &str, value: Value| {
            let mut body = json!({"email": "ada@example.com", "country": "US"});
            body[field] = value;
            body
        };
        let metadata = |value: Value| with("metadata", value);
        let many: serde_json::Map<_, _> = (0..21).map(|n| (format!("k{n}"), json!("v"))).collect();
        let (long_key, long_value) = (json!({"k".repeat(41): "v"}), json!({"k": "v".repeat(501)}));
        let long_email = format!("{}@example.com", "a".repeat(250));
        let cases = [
            malformed("no email", json!({"country": "US"}), "email"),
            malformed("no country", json!({"email": "ada@example.com"}), "country"),
            malformed("an email without @", with("email", json!("ada")), "email"),
            malformed("two emails", with("email", json!("a@b.c, d@e.f")), "email"),
            malformed("a long email", with("email", json!(long_email)), "email"),
            malformed("an email that is a number", with("email", json!(7)), "email"),
            malformed("an email with NUL", with("email", json!("a\0@b.co")), "email"),
            malformed("a country in lower case", with("country", json!("us")), "country"),
            malformed("a country's name", with("country", json!("Utopia")), "country"),
            malformed("another type", with("account_type", json!("custom")), "account_type"),
            malformed("no name", with("display_name", json!("")), "display_name"),
            malformed("a long name", with("display_name", json!("x".repeat(101))), "display_name"),
            malformed("a name with NUL", with("display_name", json!("A\0")), "display_name"),
            malformed("a wrong business", with("business_type", json!("guild")), "business_type"),
            malformed("a business with NUL", with("business_type", json!("\0")), "business_type"),
            malformed("an unknown field", with("colour", json!("red")), "colour"),
            malformed("metadata of numbers", metadata(json!({"k": 1})), "metadata.k"),
            malformed("a metadata list", metadata(json!([])), "metadata"),
            malformed("a value with NUL", metadata(json!({"k": "\0"})), "metadata.k"),
            malformed("a key with NUL", metadata(json!({"k\0": "v"})), "metadata.k\0"),
            ("a reserved key", metadata(json!({"souk_x": "v"})), 422, "invalid_metadata", "metadata"),
            ("too many keys", metadata(many.into()), 422, "invalid_metadata", "metadata"),
            ("a long key", metadata(long_key), 422, "invalid_metadata", "metadata"),
            ("an empty key", metadata(json!({"": "v"})), 422, "invalid_metadata", "metadata"),
            ("a long value", metadata(long_value), 422, "invalid_metadata", "metadata"),
        ];
        refuses(&world, &service, Method::POST, "/v1/sellers", &cases).await;
        let good = with("country", json!("US"));
        refuses_ill_formed_bodies(&world, &service, "/v1/sellers", &good, "email").await;
    }
);

on_both_databases!(
    async fn a_seller_is_created_once_under_a_key(world: World) {
        let good = json!({"email": "ada@example.com", "country": "US"});
        let other = json!({"email": "eve@example.com", "country": "US"});
        let callers = [&world.service(), &world.operator()];
        keeps_idempotency_keys(&world, "/v1/sellers", callers, [&good, &other]).await;
        // Without a key it is no retry but another seller.
        let before = world.rows("sellers").await;
        for _ in 0..2 {
            world.service().call(Method::POST, "/v1/sellers", Some(good.to_string()), None).await.is(201);
        }
        assert_eq!(world.rows("sellers").await, before + 2);
    }
);

on_both_databases!(
    async fn a_seller_is_shown_to_the_back_office_and_to_themself(world: World) {
        let seller = world.active_seller().await;
        let id = text(&seller["id"]);
        let own = world.seller(&id).get(&format!("/v1/sellers/{id}")).await.is(200);
        assert_eq!(own, seller);
        let mut shown = shape(&seller);
        // What Stripe asks of an active account is its own matter.
        shown["requirements"] = json!({});
        assert_eq!(
            shown,
            json!({
                "id": "<seller>",
                "email": "ada@example.com",
                "country": "US",
                "account_type": "express",
                "status": "active",
                "payable": {"destination": true, "separate": true, "direct": true},
                "charges_enabled": true,
                "payouts_enabled": true,
                "capabilities": {"card_payments": "active", "transfers": "active"},
                "requirements": {},
                "stripe_account_id": "<acct>",
                "metadata": {},
                "created_at": "<time>",
                "updated_at": "<time>",
            })
        );
        let balance = world.seller(&id).get(&format!("/v1/sellers/{id}/balance")).await.is(200);
        let nothing = json!([{"amount": 0, "currency": "usd"}]);
        assert_eq!(
            balance,
            json!({
                "available": nothing, "pending": nothing, "instant_available": nothing, "owed_to_platform": [],
            })
        );
        let other = world.active_seller().await;
        let page = world.service().get("/v1/sellers?limit=1").await.is(200);
        assert_eq!(page["data"], json!([other]), "newest first");
        let next = format!("/v1/sellers?limit=1&cursor={}", text(&page["next_cursor"]));
        assert_eq!(world.service().get(&next).await.is(200), json!({"data": [seller]}));

        refuses_reads(
            &world.operator(),
            &[
                (&format!("/v1/sellers/{NOBODY}"), 404, "not_found"),
                (&format!("/v1/sellers/{NOBODY}/balance"), 404, "not_found"),
                ("/v1/sellers/buyer_01h455vb4pex5vsknk084sn02q", 404, "not_found"),
                ("/v1/sellers/1", 404, "not_found"),
                ("/v1/sellers/seller_%00", 404, "not_found"),
                ("/v1/sellers/..%2fbuyers", 404, "not_found"),
                ("/v1/sellers?limit=0", 400, "invalid_parameter"),
                ("/v1/sellers?limit=101", 400, "invalid_parameter"),
                ("/v1/sellers?limit=-1", 400, "invalid_parameter"),
                ("/v1/sellers?limit=ten", 400, "invalid_parameter"),
                ("/v1/sellers?limit=", 400, "invalid_parameter"),
                ("/v1/sellers?cursor=next", 400, "invalid_cursor"),
                ("/v1/sellers?cursor=", 400, "invalid_cursor"),
                ("/v1/sellers?cursor=%00", 400, "invalid_cursor"),
                ("/v1/sellers?cursor=order_01h455vb4pex5vsknk084sn02q", 400, "invalid_cursor"),
            ],
        )
        .await;
        // To another seller they don't exist.
        let other = world.seller(&text(&other["id"]));
        for path in [format!("/v1/sellers/{id}"), format!("/v1/sellers/{id}/balance")] {
            other.get(&path).await.is_problem(404, "not_found");
        }
        other.get("/v1/sellers").await.is_problem(403, "forbidden");
    }
);

on_both_databases!(
    async fn a_seller_is_led_back_to_the_marketplace_only(world: World) {
        let seller = new_seller(&world).await;
        let path = format!("/v1/sellers/{}/onboarding-links", text(&seller["id"]));
        let evil = [
            "//evil.example/",
            "/relative",
            "evil.example",
            "",
            "https://evil.example/",
            "https://app.example.com@evil.example/",
            "https://user:secret@app.example.com/",
            "https://evil.example\\@app.example.com/",
            "https://app.example.com.evil.example/",
            "https://app.example.com\t.evil.example/",
            "https://app.example.com/\r\nSet-Cookie: a=b",
            "https://\u{430}pp.example.com/",
            "https://xn--pp-7kc.example.com/",
            "https://app\u{ff0e}example\u{ff0e}com.evil.example/",
            "javascript:alert(1)",
            "data:text/html,hello",
            "file:///etc/passwd",
            "http://app.example.com/",
            "https://app.example.com:8443/",
            "https://169.254.169.254/latest/meta-data/",
            "https://10.0.0.1/",
            "https://127.0.0.1/",
            "http://localhost/",
            "http://[::1]/",
        ];
        for field in ["return_url", "refresh_url"] {
            let cases = evil.map(|url| (url, json!({field: url}), 422, "redirect_not_allowed", field));
            refuses(&world, &world.service(), Method::POST, &path, &cases).await;
        }
        let cases = [
            malformed("NUL", json!({"return_url": "https://app.example.com/\0"}), "return_url"),
            malformed("too long", json!({"return_url": "x".repeat(2049)}), "return_url"),
            malformed("no text", json!({"refresh_url": 1}), "refresh_url"),
            malformed("an unknown field", json!({"url": "https://app.example.com"}), "url"),
        ];
        refuses(&world, &world.service(), Method::POST, &path, &cases).await;
        let good = json!({"return_url": "https://app.example.com/done?a=b"});
        refuses_ill_formed_bodies(&world, &world.service(), &path, &good, "return_url").await;
        let link = world.service().post(&path, &good).await.is(201);
        assert!(text(&link["url"]).starts_with(&world.sandbox.url()), "{link}");
        assert_eq!(shape(&link["expires_at"]), "<time>");
        // For nobody there is no link, nor for another seller than oneself.
        let nobodys = format!("/v1/sellers/{NOBODY}/onboarding-links");
        world.service().post(&nobodys, &json!({})).await.is_problem(404, "not_found");
        world.seller(NOBODY).post(&path, &json!({})).await.is_problem(404, "not_found");
    }
);

on_both_databases!(
    async fn a_dashboard_is_for_sellers_who_have_onboarded(world: World) {
        let seller = new_seller(&world).await;
        let id = text(&seller["id"]);
        let path = format!("/v1/sellers/{id}/dashboard-links");
        world.seller(&id).post(&path, &json!({})).await.is_problem(409, "onboarding_incomplete");
        world.seller(NOBODY).post(&path, &json!({})).await.is_problem(404, "not_found");
        let nobodys = format!("/v1/sellers/{NOBODY}/dashboard-links");
        world.operator().post(&nobodys, &json!({})).await.is_problem(404, "not_found");

        let id = text(&world.active_seller().await["id"]);
        let path = format!("/v1/sellers/{id}/dashboard-links");
        let link = world.seller(&id).post(&path, &json!({})).await.is(201);
        assert!(text(&link["url"]).starts_with(&world.sandbox.url()), "{link}");
    }
);

on_both_databases!(
    async fn a_link_that_was_used_leads_to_a_new_one_for_the_same_seller(world: World) {
        let browser = browser();
        let (seller, _other) = (new_seller(&world).await, new_seller(&world).await);
        let link = onboarding_link(&world, &seller, &json!({})).await;
        let (_, form) = goes_to(browser.get(&link).send().await.unwrap());
        assert!(form.contains("/onboarding/"), "{form}");
        // The second time Stripe sends the browser back to us, and we make a new link.
        let (_, refresh) = goes_to(browser.get(&link).send().await.unwrap());
        assert!(refresh.starts_with(&format!("{}/onboarding/refresh?state=", world.url)), "{refresh}");
        let (status, fresh) = goes_to(browser.get(&refresh).send().await.unwrap());
        assert_eq!(status, 303);
        assert_ne!(fresh, link);
        let account = text(&seller["stripe_account_id"]);
        assert!(fresh.contains(&account), "{fresh} is not a link of {account}");

        // Back without having filled in anything: what is missing is shown, and where to go on.
        let back = refresh.replace("/refresh?", "/return?");
        let page = browser.get(&back).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        assert!(page.contains("A few things are still missing"), "{page}");
        assert!(
            page.contains("<li>A bank account to be paid to</li>")
                && page.contains("/onboarding/refresh?state="),
            "{page}"
        );
        // Once all is there the same page says so.
        world.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await;
        let page = browser.get(&back).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("You are ready to sell"), "{page}");
    }
);

on_both_databases!(
    async fn a_seller_comes_back_to_where_the_marketplace_wants_them(world: World) {
        let browser = browser();
        let seller = new_seller(&world).await;
        let (done, again) = ("https://app.example.com/done?a=b", "https://app.example.com/again");
        let link = onboarding_link(&world, &seller, &json!({"return_url": done, "refresh_url": again})).await;
        drop(browser.get(&link).send().await.unwrap());
        let (_, refresh) = goes_to(browser.get(&link).send().await.unwrap());
        assert_eq!(goes_to(browser.get(&refresh).send().await.unwrap()), (303, again.to_owned()));
        let back = refresh.replace("/refresh?", "/return?");
        assert_eq!(goes_to(browser.get(&back).send().await.unwrap()), (303, done.to_owned()));
    }
);

on_both_databases!(
    async fn a_state_that_was_not_made_here_leads_nowhere(world: World) {
        let browser = browser();
        let seller = new_seller(&world).await;
        let link = onboarding_link(&world, &seller, &json!({})).await;
        drop(browser.get(&link).send().await.unwrap());
        let (_, refresh) = goes_to(browser.get(&link).send().await.unwrap());
        let (_, good) = refresh.split_once("state=").unwrap();
        let state = |expires_at: &str| {
            let id = &seller["id"];
            json!({"seller": id, "return_url": null, "refresh_url": null, "expires_at": expires_at})
        };
        let sealed = |seal: &Seal, row: &str, state: Value| {
            hex::encode(seal.seal(row, state.to_string().as_bytes()).unwrap())
        };
        let another_installation = Seal::from_hex(&"a7".repeat(32)).unwrap();
        let (later, earlier) = ("2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z");
        let last = if good.ends_with('0') { "1" } else { "0" };
        let before = Rows::of(&world).await;
        for (what, query) in [
            ("none", String::new()),
            ("an empty one", "?state=".to_owned()),
            ("garbage", "?state=garbage".to_owned()),
            ("hexadecimal garbage", format!("?state={}", "5e".repeat(80))),
            ("NUL", "?state=%00".to_owned()),
            ("two", format!("?state={good}&state={good}")),
            ("an account's id", format!("?state={}", text(&seller["stripe_account_id"]))),
            ("one that was changed", format!("?state={}{last}", &good[..good.len() - 1])),
            ("one that was cut off", format!("?state={}", &good[..good.len() - 2])),
            (
                "another installation's",
                format!("?state={}", sealed(&another_installation, "onboarding_state", state(later))),
            ),
            ("another seal's", format!("?state={}", sealed(&world.ctx.seal, "client_secret", state(later)))),
            ("an old one", format!("?state={}", sealed(&world.ctx.seal, "onboarding_state", state(earlier)))),
        ] {
            for page in ["return", "refresh"] {
                let answer = browser.get(format!("{}/onboarding/{page}{query}", world.url));
                let answer = answer.send().await.unwrap();
                assert_eq!(answer.status(), 400, "{page}, {what}");
                assert!(!answer.headers().contains_key(LOCATION), "{page}, {what}");
                assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{page}, {what}");
                let html = answer.text().await.unwrap();
                assert!(html.contains("This link has expired"), "{page}, {what}: {html}");
            }
        }
        assert_eq!(Rows::of(&world).await, before);
        // The table's own seal is the right one.
        let good = sealed(&world.ctx.seal, "onboarding_state", state(later));
        let answer = browser.get(format!("{}/onboarding/return?state={good}", world.url));
        assert_eq!(answer.send().await.unwrap().status(), 200);
    }
);

/// A seller who has not onboarded.
async fn new_seller(world: &World) -> Value {
    let body = json!({"email": "ada@example.com", "country": "US"});
    world.service().post("/v1/sellers", &body).await.is(201)
}

async fn onboarding_link(world: &World, seller: &Value, body: &Value) -> String {
    let path = format!("/v1/sellers/{}/onboarding-links", text(&seller["id"]));
    let link: Answer = world.service().post(&path, body).await;
    text(&link.is(201)["url"])
}

/// A browser that goes nowhere by itself.
fn browser() -> Client {
    Client::builder().redirect(redirect::Policy::none()).build().unwrap()
}

/// Where a browser is sent.
#[track_caller]
fn goes_to(answer: Response) -> (u16, String) {
    let to = answer.headers().get(LOCATION).expect("a redirect").to_str().unwrap().to_owned();
    (answer.status().as_u16(), to)
}
