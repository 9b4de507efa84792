use serde_json::json;

use crate::world::{DAY, World, text};

async fn with_money(world: &World, bank: serde_json::Value) -> String {
    let seller = world.seller_with(bank).await;
    let form = [("transfer_data[destination]", seller.as_str()), ("payment_method", "pm_card_bypassPending")];
    world.shop().pay(10_000, &form).await;
    seller
}

#[tokio::test]
async fn a_payout_leaves_at_once_and_arrives_when_its_day_comes() {
    let world = World::start().await;
    let seller = with_money(&world, json!({})).await;
    let on_seller = world.shop().on(&seller);
    let payout = on_seller.post("payouts", &[("amount", "4000"), ("currency", "usd")]).await.ok();
    assert_eq!((&payout["status"], &payout["method"]), (&json!("pending"), &json!("standard")));
    assert_eq!(on_seller.balance().await, (6000, 0));
    let path = format!("payouts/{}", text(&payout["id"]));
    world.advance(DAY).await;
    assert_eq!(on_seller.get(&path).await.ok()["status"], "in_transit");
    world.advance(DAY).await;
    assert_eq!(on_seller.get(&path).await.ok()["status"], "paid");
    let types: Vec<String> =
        on_seller.event_types().await.into_iter().filter(|kind| kind.starts_with("payout")).collect();
    assert_eq!(types, ["payout.created", "payout.updated", "payout.paid"]);
    let paid = &on_seller.list("events?type=payout.paid").await[0];
    assert_eq!(paid["created"], payout["arrival_date"], "it happens when it is due");
}

#[tokio::test]
async fn an_instant_payout_is_there_within_the_hour() {
    let world = World::start().await;
    let seller = with_money(&world, json!({})).await;
    let on_seller = world.shop().on(&seller);
    let form = [("amount", "4000"), ("currency", "usd"), ("method", "instant")];
    let payout = on_seller.post("payouts", &form).await.ok();
    world.advance(3600).await;
    assert_eq!(on_seller.get(&format!("payouts/{}", text(&payout["id"]))).await.ok()["status"], "paid");
}

#[tokio::test]
async fn a_bank_that_does_not_exist_sends_the_money_back() {
    let world = World::start().await;
    let seller = with_money(&world, json!({ "account_number": "000111111116" })).await;
    let on_seller = world.shop().on(&seller);
    let payout = on_seller.post("payouts", &[("amount", "4000"), ("currency", "usd")]).await.ok();
    world.advance(2 * DAY).await;
    let path = format!("payouts/{}?expand[]=failure_balance_transaction", text(&payout["id"]));
    let failed = on_seller.get(&path).await.ok();
    assert_eq!((&failed["status"], &failed["failure_code"]), (&json!("failed"), &json!("no_account")));
    assert_eq!(failed["failure_balance_transaction"]["type"], "payout_failure");
    assert_eq!(on_seller.balance().await, (10_000, 0));
    let account = world.shop().get(&format!("accounts/{seller}")).await.ok();
    assert_eq!(account["payouts_enabled"], false);
    assert_eq!(account["charges_enabled"], true);
    assert_eq!(account["requirements"]["past_due"], json!(["external_account"]));
    assert_eq!(account["external_accounts"]["data"][0]["status"], "errored");

    let again = on_seller.post("payouts", &[("amount", "4000"), ("currency", "usd")]).await.refused(400);
    assert_eq!(again["code"], "payouts_not_allowed");
    let form = [("external_account", "btok_us_verified")];
    world.shop().post(&format!("accounts/{seller}/external_accounts"), &form).await.ok();
    let payout = on_seller.post("payouts", &[("amount", "4000"), ("currency", "usd")]).await.ok();
    world.advance(2 * DAY).await;
    assert_eq!(on_seller.get(&format!("payouts/{}", text(&payout["id"]))).await.ok()["status"], "paid");
}

#[tokio::test]
async fn a_pending_payout_can_be_canceled_and_no_other() {
    let world = World::start().await;
    let seller = with_money(&world, json!({})).await;
    let on_seller = world.shop().on(&seller);
    let form = [("amount", "4000"), ("currency", "usd")];
    let path = format!("payouts/{}/cancel", text(&on_seller.post("payouts", &form).await.ok()["id"]));
    assert_eq!(on_seller.post(&path, &[]).await.ok()["status"], "canceled");
    assert_eq!(on_seller.balance().await, (10_000, 0));
    on_seller.post(&path, &[]).await.refused(400);
    assert_eq!(on_seller.list("payouts?status=canceled").await.len(), 1);
}

#[tokio::test]
async fn nobody_is_paid_more_than_there_is() {
    let world = World::start().await;
    let seller = with_money(&world, json!({})).await;
    let on_seller = world.shop().on(&seller);
    let error = on_seller.post("payouts", &[("amount", "10001"), ("currency", "usd")]).await.refused(400);
    assert_eq!(error["code"], "balance_insufficient");
    on_seller.post("payouts", &[("amount", "100"), ("currency", "eur")]).await.refused(400);
    let fresh = text(&world.shop().post("accounts", &[("type", "express")]).await.ok()["id"]);
    let error =
        world.shop().on(&fresh).post("payouts", &[("amount", "100"), ("currency", "usd")]).await.refused(400);
    assert_eq!(error["code"], "payouts_not_allowed");
}

#[tokio::test]
async fn a_daily_schedule_pays_out_all_that_is_available() {
    let world = World::start().await;
    let seller = with_money(&world, json!({})).await;
    let (shop, on_seller) = (world.shop(), world.shop().on(&seller));
    let form = [("settings[payouts][schedule][interval]", "daily")];
    shop.post(&format!("accounts/{seller}"), &form).await.ok();
    shop.pay(3000, &[("transfer_data[destination]", &seller)]).await;
    world.advance(DAY).await;
    let payout = &on_seller.list("payouts").await[0];
    assert_eq!((&payout["amount"], &payout["automatic"]), (&json!(10_000), &json!(true)));
    assert_eq!(on_seller.balance().await, (0, 3000));
    let path = format!("balance_transactions?payout={}", text(&payout["id"]));
    let nets: Vec<i64> = on_seller.list(&path).await.iter().map(|t| t["net"].as_i64().unwrap()).collect();
    assert_eq!(nets, [-10_000, 10_000]);
    shop.post(&format!("accounts/{seller}"), &[("settings[payouts][schedule][interval]", "manual")])
        .await
        .ok();
    world.advance(7 * DAY).await;
    assert_eq!(on_seller.balance().await, (3000, 0));
}
