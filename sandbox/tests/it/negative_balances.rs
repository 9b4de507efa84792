use serde_json::json;

use crate::{
    books,
    world::{Caller, DAY, World, text},
};

/// A seller who was paid out what is then refunded.
async fn below_zero(world: &World) -> String {
    let (shop, seller) = (world.shop(), world.seller().await);
    shop.pay(20_000, &[("payment_method", "pm_card_bypassPending")]).await;
    let form = [("transfer_data[destination]", seller.as_str()), ("payment_method", "pm_card_bypassPending")];
    let intent = shop.pay(10_000, &form).await;
    shop.on(&seller).post("payouts", &[("amount", "10000"), ("currency", "usd")]).await.ok();
    let refund = [("payment_intent", intent["id"].as_str().unwrap()), ("reverse_transfer", "true")];
    shop.post("refunds", &refund).await.ok();
    seller
}

async fn reserved(shop: &Caller) -> i64 {
    shop.get("balance").await.ok()["connect_reserved"][0]["amount"].as_i64().unwrap()
}

#[tokio::test]
async fn a_seller_below_zero_is_reserved_on_the_platform_and_debited_the_next_day() {
    let world = World::start().await;
    let seller = below_zero(&world).await;
    let (shop, on_seller) = (world.shop(), world.shop().on(&seller));
    assert_eq!(on_seller.balance().await, (-10_000, 0));
    assert_eq!(reserved(&shop).await, 10_000);
    // 20,000 less its fee of 610, less the refunded charge's fee of 320, less the reserve.
    assert_eq!(shop.balance().await, (9070, 0));
    let form = [("amount", "9071"), ("currency", "usd"), ("destination", seller.as_str())];
    assert_eq!(shop.post("transfers", &form).await.refused(400)["code"], "balance_insufficient");
    books::check(&world, &seller).await;

    world.advance(DAY).await;
    let debit = &on_seller.list("payouts").await[0];
    assert_eq!((&debit["amount"], &debit["automatic"]), (&json!(-10_000), &json!(true)));
    assert_eq!(on_seller.balance().await, (-10_000, 10_000));
    world.advance(2 * DAY).await;
    assert_eq!(on_seller.balance().await, (0, 0));
    assert_eq!(reserved(&shop).await, 0);
    assert_eq!(shop.balance().await, (19_070, 0));
    books::check(&world, &seller).await;
}

#[tokio::test]
async fn a_seller_whose_settings_forbid_it_is_not_debited() {
    let world = World::start().await;
    let seller = below_zero(&world).await;
    let form = [("settings[payouts][debit_negative_balances]", "false")];
    world.shop().post(&format!("accounts/{seller}"), &form).await.ok();
    world.advance(5 * DAY).await;
    assert_eq!(world.shop().on(&seller).balance().await, (-10_000, 0));
    assert_eq!(reserved(&world.shop()).await, 10_000);
}

#[tokio::test]
async fn an_account_with_money_or_debts_cannot_be_deleted() {
    let world = World::start().await;
    let seller = below_zero(&world).await;
    let error = world.shop().delete(&format!("accounts/{seller}")).await.refused(400);
    assert_eq!(error["code"], "account_balance_not_zero");
    let other = text(&world.shop().post("accounts", &[("type", "custom")]).await.ok()["id"]);
    let account = world.shop().get(&format!("accounts/{other}")).await.ok();
    assert_eq!(account["settings"]["payouts"]["debit_negative_balances"], false);
    world.shop().delete(&format!("accounts/{other}")).await.ok();
}
