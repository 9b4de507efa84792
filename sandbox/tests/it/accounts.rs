use reqwest::Method;
use serde_json::json;

use crate::world::{World, text};

#[tokio::test]
async fn an_express_account_starts_restricted() {
    let world = World::start().await;
    let account =
        world.shop().post("accounts", &[("type", "express"), ("email", "seller@example.test")]).await.ok();
    assert_eq!(account["charges_enabled"], false);
    assert_eq!(account["payouts_enabled"], false);
    assert_eq!(account["details_submitted"], false);
    assert_eq!(account["capabilities"], json!({ "card_payments": "inactive", "transfers": "inactive" }));
    assert_eq!(account["requirements"]["disabled_reason"], "requirements.past_due");
    let due = account["requirements"]["past_due"].as_array().unwrap();
    assert!(due.contains(&json!("external_account")) && due.contains(&json!("tos_acceptance.date")));
    assert_eq!(account["requirements"]["currently_due"], account["requirements"]["past_due"]);
    assert_eq!(account["settings"]["payouts"]["schedule"]["interval"], "manual");
    assert_eq!(account["controller"]["fees"]["payer"], "application_express");
    assert_eq!(account["controller"]["stripe_dashboard"]["type"], "express");
}

#[tokio::test]
async fn a_standard_account_starts_without_capabilities() {
    let world = World::start().await;
    let account = world.shop().post("accounts", &[("type", "standard")]).await.ok();
    assert_eq!(account["capabilities"], json!({}));
    assert_eq!(account["controller"]["fees"]["payer"], "account");
}

#[tokio::test]
async fn a_controller_describes_an_account_without_a_type() {
    let world = World::start().await;
    let form = [
        ("controller[fees][payer]", "application"),
        ("controller[losses][payments]", "application"),
        ("controller[stripe_dashboard][type]", "express"),
    ];
    let account = world.shop().post("accounts", &form).await.ok();
    assert_eq!(account["type"], "none");
    assert_eq!(account["controller"]["fees"]["payer"], "application");
    let both =
        world.shop().post("accounts", &[("type", "express"), ("controller[fees][payer]", "account")]).await;
    assert_eq!(both.refused(400)["param"], "controller");
}

#[tokio::test]
async fn completing_onboarding_enables_an_account_and_tells_the_platform() {
    let world = World::start().await;
    let seller = world.seller().await;
    let account = world.shop().get(&format!("accounts/{seller}")).await.ok();
    assert_eq!(account["charges_enabled"], true);
    assert_eq!(account["payouts_enabled"], true);
    assert_eq!(account["details_submitted"], true);
    assert_eq!(account["requirements"]["currently_due"], json!([]));
    assert_eq!(account["requirements"]["disabled_reason"], json!(null));
    assert_eq!(account["external_accounts"]["data"][0]["last4"], "6789");
    assert_eq!(
        world.shop().on(&seller).event_types().await,
        [
            "person.created",
            "account.external_account.created",
            "capability.updated",
            "capability.updated",
            "account.updated"
        ]
    );
    assert!(world.shop().event_types().await.is_empty());
}

#[tokio::test]
async fn a_missing_bank_stops_payouts_but_not_charges() {
    let world = World::start().await;
    let shop = world.shop();
    let account = shop.post("accounts", &[("type", "custom"), ("business_type", "individual")]).await.ok();
    let path = format!("accounts/{}", text(&account["id"]));
    let form = [
        ("business_profile[mcc]", "5734"),
        ("business_profile[url]", "https://seller.example.test"),
        ("individual[first_name]", "Jenny"),
        ("individual[last_name]", "Rosen"),
        ("individual[dob][day]", "1"),
        ("individual[dob][month]", "2"),
        ("individual[dob][year]", "1990"),
        ("individual[address][line1]", "510 Townsend"),
        ("tos_acceptance[date]", "1700000000"),
        ("tos_acceptance[ip]", "127.0.0.1"),
    ];
    let account = shop.post(&path, &form).await.ok();
    assert_eq!(account["charges_enabled"], true, "{account:#}");
    assert_eq!(account["payouts_enabled"], false);
    assert_eq!(account["requirements"]["past_due"], json!(["external_account"]));
    let bank = [("external_account", "btok_us_verified")];
    shop.post(&format!("{path}/external_accounts"), &bank).await.ok();
    assert_eq!(shop.get(&path).await.ok()["payouts_enabled"], true);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_says_what_it_was() {
    let world = World::start().await;
    let seller = world.seller().await;
    let path = format!("accounts/{seller}");
    let form = [
        ("settings[payouts][schedule][interval]", "weekly"),
        ("settings[payouts][schedule][weekly_anchor]", "friday"),
        ("metadata[tier]", "gold"),
    ];
    let account = world.shop().post(&path, &form).await.ok();
    assert_eq!(account["settings"]["payouts"]["schedule"]["weekly_anchor"], "friday");
    assert_eq!(account["metadata"], json!({ "tier": "gold" }));
    let event = &world.shop().on(&seller).list("events?type=account.updated").await[0];
    assert_eq!(event["data"]["previous_attributes"]["metadata"], json!({}));
    assert_eq!(event["data"]["previous_attributes"]["settings"]["payouts"]["schedule"]["interval"], "manual");
    assert_eq!(event["account"], json!(seller));
}

#[tokio::test]
async fn capabilities_can_be_read_and_given_up() {
    let world = World::start().await;
    let seller = world.seller().await;
    let path = format!("accounts/{seller}/capabilities");
    let list = world.shop().get(&path).await.ok();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    let path = format!("{path}/card_payments");
    assert_eq!(world.shop().get(&path).await.ok()["status"], "active");
    assert_eq!(world.shop().post(&path, &[("requested", "false")]).await.ok()["status"], "unrequested");
    let account = world.shop().get(&format!("accounts/{seller}")).await.ok();
    assert_eq!(account["capabilities"], json!({ "transfers": "active" }));
    assert_eq!(
        world.shop().get(&format!("accounts/{seller}/capabilities/flying")).await.refused(404)["code"],
        "resource_missing"
    );
}

#[tokio::test]
async fn a_rejected_account_can_do_nothing() {
    let world = World::start().await;
    let seller = world.seller().await;
    let account = world.shop().post(&format!("accounts/{seller}/reject"), &[("reason", "fraud")]).await.ok();
    assert_eq!(account["charges_enabled"], false);
    assert_eq!(account["payouts_enabled"], false);
    assert_eq!(account["requirements"]["disabled_reason"], "rejected.fraud");
}

#[tokio::test]
async fn a_deleted_account_is_out_of_reach_and_one_with_money_stays() {
    let world = World::start().await;
    let (empty, rich) = (world.seller().await, world.seller().await);
    world.shop().pay(5000, &[("transfer_data[destination]", &rich)]).await;
    world.shop().delete(&format!("accounts/{rich}")).await.refused(400);
    assert_eq!(world.shop().delete(&format!("accounts/{empty}")).await.ok()["deleted"], true);
    assert_eq!(world.shop().get(&format!("accounts/{empty}")).await.refused(403)["code"], "account_invalid");
    let left: Vec<String> =
        world.shop().list("accounts").await.iter().map(|account| text(&account["id"])).collect();
    assert_eq!(left, [rich]);
}

#[tokio::test]
async fn login_links_are_for_express_sellers_who_finished() {
    let world = World::start().await;
    let fresh = world.shop().post("accounts", &[("type", "express")]).await.ok();
    world.shop().post(&format!("accounts/{}/login_links", text(&fresh["id"])), &[]).await.refused(400);
    let seller = world.seller().await;
    let link = world.shop().post(&format!("accounts/{seller}/login_links"), &[]).await.ok();
    let page = world.client().request(Method::GET, text(&link["url"])).send().await.unwrap();
    assert!(page.text().await.unwrap().contains(&seller));
}
