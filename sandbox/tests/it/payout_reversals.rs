use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    books,
    world::{Caller, DAY, World, text},
};

async fn with_money(world: &World) -> String {
    let seller = world.seller().await;
    let form = [("transfer_data[destination]", seller.as_str()), ("payment_method", "pm_card_bypassPending")];
    world.shop().pay(10_000, &form).await;
    seller
}

async fn paid(world: &World, on_seller: &Caller) -> Value {
    let payout = on_seller.post("payouts", &[("amount", "4000"), ("currency", "usd")]).await.ok();
    world.advance(2 * DAY).await;
    on_seller.get(&format!("payouts/{}", text(&payout["id"]))).await.ok()
}

#[tokio::test]
async fn a_paid_payout_can_be_reversed_once() {
    let world = World::start().await;
    let seller = with_money(&world).await;
    let on_seller = world.shop().on(&seller);
    let payout = paid(&world, &on_seller).await;
    assert_eq!((&payout["status"], &payout["trace_id"]["status"]), (&json!("paid"), &json!("supported")));
    let path = format!("payouts/{}", text(&payout["id"]));
    let reversal = on_seller.post(&format!("{path}/reverse"), &[("metadata[why]", "wrong")]).await.ok();
    assert_eq!((&reversal["amount"], &reversal["original_payout"]), (&json!(-4000), &payout["id"]));
    assert_eq!(on_seller.get(&path).await.ok()["reversed_by"], reversal["id"]);
    assert_eq!(on_seller.balance().await, (6000, 4000));
    on_seller.post(&format!("{path}/reverse"), &[]).await.refused(400);
    world.advance(2 * DAY).await;
    assert_eq!(on_seller.balance().await, (10_000, 0));
    let status = on_seller.get(&format!("payouts/{}", text(&reversal["id"]))).await.ok();
    assert_eq!(status["status"], "paid");
    books::check(&world, &seller).await;
}

#[tokio::test]
async fn a_payout_that_is_not_paid_cannot_be_reversed() {
    let world = World::start().await;
    let seller = with_money(&world).await;
    let on_seller = world.shop().on(&seller);
    let payout = on_seller.post("payouts", &[("amount", "4000"), ("currency", "usd")]).await.ok();
    let path = format!("payouts/{}/reverse", text(&payout["id"]));
    assert_eq!(on_seller.post(&path, &[]).await.refused(400)["code"], "payout_not_reversible");
}

#[tokio::test]
async fn a_bank_can_return_a_payout_that_was_paid() {
    let world = World::start().await;
    let seller = with_money(&world).await;
    let on_seller = world.shop().on(&seller);
    let payout = paid(&world, &on_seller).await;
    assert_eq!(on_seller.balance().await, (6000, 0));
    let path = format!("payouts/{}/fail", text(&payout["id"]));
    let failed = world.control(Method::POST, &path, json!({ "failure_code": "account_closed" })).await;
    assert_eq!((&failed["status"], &failed["failure_code"]), (&json!("failed"), &json!("account_closed")));
    assert_eq!(on_seller.balance().await, (10_000, 0));
    let transaction = on_seller
        .get(&format!("balance_transactions/{}", text(&failed["failure_balance_transaction"])))
        .await;
    let transaction = transaction.ok();
    assert_eq!((&transaction["type"], &transaction["net"]), (&json!("payout_failure"), &json!(4000)));
    assert_eq!(on_seller.event_types().await.last().unwrap(), "account.updated");
    assert_eq!(world.shop().get(&format!("accounts/{seller}")).await.ok()["payouts_enabled"], false);
    books::check(&world, &seller).await;
}

#[tokio::test]
async fn the_fee_of_an_instant_payout_falls_on_the_platform_of_an_express_seller() {
    let world = World::start().await;
    let seller = with_money(&world).await;
    let (shop, on_seller) = (world.shop(), world.shop().on(&seller));
    let before = shop.balance().await.0;
    let form = [("amount", "8000"), ("currency", "usd"), ("method", "instant")];
    on_seller.post("payouts", &form).await.ok();
    assert_eq!(on_seller.balance().await, (2000, 0));
    assert_eq!(shop.balance().await, (before - 80, 0));
    books::check(&world, &seller).await;
}

#[tokio::test]
async fn a_seller_who_pays_stripe_bears_the_fee_of_an_instant_payout() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [("controller[fees][payer]", "account"), ("controller[losses][payments]", "application")];
    let seller = text(&shop.post("accounts", &form).await.ok()["id"]);
    world.control(Method::POST, &format!("accounts/{seller}/complete-onboarding"), json!({})).await;
    let form = [("transfer_data[destination]", seller.as_str()), ("payment_method", "pm_card_bypassPending")];
    shop.pay(10_000, &form).await;
    let on_seller = shop.on(&seller);
    let instant = |amount: &'static str| [("amount", amount), ("currency", "usd"), ("method", "instant")];
    let all = on_seller.post("payouts", &instant("10000")).await.refused(400);
    assert_eq!(all["code"], "balance_insufficient");
    let payout = on_seller.post("payouts", &instant("8000")).await.ok();
    let path = format!("balance_transactions/{}", text(&payout["balance_transaction"]));
    let transaction = on_seller.get(&path).await.ok();
    assert_eq!(
        (&transaction["amount"], &transaction["fee"], &transaction["net"]),
        (&json!(-8000), &json!(80), &json!(-8080))
    );
    assert_eq!(on_seller.balance().await, (1920, 0));
    books::check(&world, &seller).await;
}
