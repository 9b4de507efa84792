//! The stand-in for Stripe.js as files: what it does in a browser is tested there (`./scripts/test --browser`).

use crate::world::{World, text};

#[tokio::test]
async fn any_page_may_load_the_script_and_hold_the_element() {
    let world = World::start().await;
    let url = |path: &str| format!("{}{path}", world.sandbox.url());
    for (path, kind) in [
        ("/v3/", "text/javascript; charset=utf-8"),
        ("/v3", "text/javascript; charset=utf-8"),
        ("/v3/api.js", "text/javascript; charset=utf-8"),
        ("/v3/payment-element.html", "text/html; charset=utf-8"),
    ] {
        let answer = world.client().get(url(path)).send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((answer.status().as_u16(), header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(header("x-frame-options"), None, "{path}");
        assert!(header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
    }
    assert_eq!(world.client().get(url("/v3/nothing.js")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_banks_question_may_stand_in_a_frame_and_no_other_page() {
    let world = World::start().await;
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_authenticationRequired"),
    ];
    let intent = world.shop().post("payment_intents", &form).await.ok();
    let bank = text(&intent["next_action"]["use_stripe_sdk"]["stripe_js"]);
    let framing = async |url: &str| {
        let answer = world.client().get(url).send().await.unwrap();
        answer.headers().get("x-frame-options").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(framing(&bank).await, None);
    assert_eq!(framing(&world.sandbox.url()).await.as_deref(), Some("DENY"));
}
