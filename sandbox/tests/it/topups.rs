use serde_json::json;

use crate::{
    books,
    world::{DAY, World, text},
};

#[tokio::test]
async fn a_top_up_arrives_a_day_later() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let form = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("source", "btok_us_verified"),
        ("description", "Float"),
        ("payment_method_options[us_bank_account][network]", "ach"),
    ];
    let topup = shop.post("topups", &form).await.ok();
    assert_eq!((&topup["status"], &topup["balance_transaction"]), (&json!("pending"), &json!(null)));
    assert_eq!(shop.balance().await, (0, 0));
    world.advance(DAY).await;
    let path = format!("topups/{}?expand[]=balance_transaction", text(&topup["id"]));
    let arrived = shop.get(&path).await.ok();
    assert_eq!(arrived["status"], "succeeded");
    assert_eq!(arrived["balance_transaction"]["type"], "topup");
    assert_eq!(arrived["balance_transaction"]["net"], 2000);
    assert_eq!(shop.balance().await, (2000, 0));
    assert_eq!(shop.event_types().await, ["topup.created", "topup.succeeded"]);
    books::check(&world, &seller).await;
}

#[tokio::test]
async fn a_top_up_from_a_bank_that_refuses_fails() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [("amount", "2000"), ("currency", "usd"), ("source", "btok_us_insufficientFunds")];
    let topup = shop.post("topups", &form).await.ok();
    world.advance(DAY).await;
    let failed = shop.get(&format!("topups/{}", text(&topup["id"]))).await.ok();
    assert_eq!(
        (&failed["status"], &failed["failure_code"]),
        (&json!("failed"), &json!("insufficient_funds"))
    );
    assert_eq!(shop.balance().await, (0, 0));
    assert_eq!(shop.list("topups?status=failed").await.len(), 1);
}

#[tokio::test]
async fn a_pending_top_up_can_be_canceled_and_no_other() {
    let world = World::start().await;
    let shop = world.shop();
    let topup = shop.post("topups", &[("amount", "2000"), ("currency", "usd")]).await.ok();
    let path = format!("topups/{}/cancel", text(&topup["id"]));
    assert_eq!(shop.post(&path, &[]).await.ok()["status"], "canceled");
    shop.post(&path, &[]).await.refused(400);
    world.advance(DAY).await;
    assert_eq!(shop.balance().await, (0, 0));
    assert_eq!(shop.event_types().await, ["topup.created", "topup.canceled"]);
    let missing = shop.post("topups", &[("currency", "usd")]).await.refused(400);
    assert_eq!((&missing["code"], &missing["param"]), (&json!("parameter_missing"), &json!("amount")));
}
