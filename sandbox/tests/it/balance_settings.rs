use serde_json::json;

use crate::{
    books,
    world::{DAY, World, text},
};

#[tokio::test]
async fn balance_settings_and_account_settings_are_one() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let on_seller = shop.on(&seller);
    let form = [
        ("payments[payouts][schedule][interval]", "weekly"),
        ("payments[payouts][schedule][weekly_payout_days][]", "tuesday"),
        ("payments[debit_negative_balances]", "false"),
        ("payments[settlement_timing][delay_days_override]", "7"),
    ];
    let settings = on_seller.post("balance_settings", &form).await.ok();
    let payouts = &settings["payments"]["payouts"];
    assert_eq!(payouts["schedule"], json!({ "interval": "weekly", "weekly_payout_days": ["tuesday"] }));
    assert_eq!(payouts["status"], "enabled");
    assert_eq!(settings["payments"]["settlement_timing"]["delay_days"], 7);
    let account = shop.get(&format!("accounts/{seller}")).await.ok();
    assert_eq!(account["settings"]["payouts"]["schedule"]["weekly_anchor"], "tuesday");
    assert_eq!(account["settings"]["payouts"]["debit_negative_balances"], false);
    let types = on_seller.event_types().await;
    assert_eq!(types[types.len() - 2..], ["balance_settings.updated", "account.updated"]);
    let error =
        on_seller.post("balance_settings", &[("payments[payouts][schedule][interval]", "yearly")]).await;
    assert_eq!(error.refused(400)["param"], "payments[payouts][schedule][interval]");
}

#[tokio::test]
async fn a_minimum_stays_behind_and_each_payout_is_the_sum_of_its_transactions() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let on_seller = shop.on(&seller);
    let form = [
        ("payments[payouts][schedule][interval]", "daily"),
        ("payments[payouts][minimum_balance_by_currency][usd]", "1000"),
    ];
    on_seller.post("balance_settings", &form).await.ok();
    let pay = [("transfer_data[destination]", seller.as_str()), ("payment_method", "pm_card_bypassPending")];
    shop.pay(5000, &pay).await;
    world.advance(DAY).await;
    assert_eq!(on_seller.balance().await, (1000, 0));
    shop.pay(2000, &pay).await;
    world.advance(DAY).await;
    assert_eq!(on_seller.balance().await, (1000, 0));
    let payouts = on_seller.list("payouts").await;
    let amounts: Vec<i64> = payouts.iter().map(|payout| payout["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [2000, 4000]);
    for payout in &payouts {
        let path = format!("balance_transactions?payout={}", text(&payout["id"]));
        let sum: i64 = on_seller.list(&path).await.iter().map(|found| found["net"].as_i64().unwrap()).sum();
        assert_eq!(sum, 0, "what came in and what went out");
    }
    books::check(&world, &seller).await;
}

#[tokio::test]
async fn the_platform_is_paid_out_on_its_own_schedule() {
    let world = World::start().await;
    let shop = world.shop();
    shop.pay(5000, &[("payment_method", "pm_card_bypassPending")]).await;
    shop.post("balance_settings", &[("payments[payouts][schedule][interval]", "daily")]).await.ok();
    world.advance(DAY).await;
    let payout = &shop.list("payouts").await[0];
    assert_eq!((&payout["amount"], &payout["automatic"]), (&json!(4825), &json!(true)));
    assert_eq!(shop.balance().await, (0, 0));
}
