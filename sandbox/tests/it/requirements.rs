use reqwest::Method;
use serde_json::json;

use crate::world::{DAY, World, config, text};

#[tokio::test]
async fn a_requirement_with_a_deadline_stops_an_account_when_the_clock_passes_it() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let path = format!("accounts/{seller}");
    let body = json!({ "currently_due": ["individual.verification.document"], "deadline_seconds": DAY });
    let account = world.control(Method::POST, &format!("{path}/requirements"), body).await;
    let requirements = &account["requirements"];
    assert_eq!(requirements["currently_due"], json!(["individual.verification.document"]));
    assert_eq!(requirements["past_due"], json!([]));
    assert!(requirements["current_deadline"].is_i64());
    assert_eq!(account["charges_enabled"], true);

    world.advance(DAY).await;
    let late = shop.get(&path).await.ok();
    assert_eq!(late["requirements"]["past_due"], json!(["individual.verification.document"]));
    assert_eq!(late["requirements"]["disabled_reason"], "requirements.past_due");
    assert_eq!(late["capabilities"], json!({ "card_payments": "inactive", "transfers": "inactive" }));
    assert_eq!((&late["charges_enabled"], &late["payouts_enabled"]), (&json!(false), &json!(false)));
    let form = [("amount", "500"), ("currency", "usd"), ("destination", seller.as_str())];
    let error = shop.post("transfers", &form).await.refused(400);
    assert_eq!(error["code"], "insufficient_capabilities_for_transfer");

    let given = [("individual[verification][document][front]", "file_1")];
    let met = shop.post(&path, &given).await.ok();
    assert_eq!(met["requirements"]["currently_due"], json!([]));
    assert_eq!(met["charges_enabled"], true);
}

#[tokio::test]
async fn what_is_due_in_future_becomes_due_at_its_deadline() {
    let world = World::start().await;
    let seller = world.seller().await;
    let path = format!("accounts/{seller}");
    let body = json!({
        "future_due": ["company.tax_id"], "eventually_due": ["individual.email"], "deadline_seconds": DAY,
    });
    let account = world.control(Method::POST, &format!("{path}/requirements"), body).await;
    assert_eq!(account["future_requirements"]["currently_due"], json!(["company.tax_id"]));
    assert_eq!(account["requirements"]["eventually_due"], json!(["individual.email"]));
    assert_eq!(account["requirements"]["currently_due"], json!([]));
    world.advance(DAY).await;
    let account = world.shop().get(&path).await.ok();
    assert_eq!(account["future_requirements"]["currently_due"], json!([]));
    assert_eq!(account["requirements"]["currently_due"], json!(["company.tax_id"]));
    assert_eq!(account["charges_enabled"], true);
    let body = json!({ "met": ["company.tax_id", "individual.email"] });
    let account = world.control(Method::POST, &format!("{path}/requirements"), body).await;
    assert_eq!(account["requirements"]["eventually_due"], json!([]));
}

#[tokio::test]
async fn verification_can_take_time_on_the_clock() {
    let mut config = config();
    config.settings.verification_seconds = 3600;
    let world = World::start_with(config).await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let path = format!("accounts/{seller}");
    let pending = shop.get(&path).await.ok();
    assert_eq!(pending["capabilities"], json!({ "card_payments": "pending", "transfers": "pending" }));
    assert_eq!(pending["requirements"]["pending_verification"], json!(["individual.id_number"]));
    assert_eq!(pending["requirements"]["disabled_reason"], "requirements.pending_verification");
    assert_eq!((&pending["details_submitted"], &pending["charges_enabled"]), (&json!(true), &json!(false)));
    world.advance(3600).await;
    let active = shop.get(&path).await.ok();
    assert_eq!(active["capabilities"], json!({ "card_payments": "active", "transfers": "active" }));
    assert_eq!(active["requirements"]["pending_verification"], json!([]));
    let later =
        shop.post(&format!("{path}/capabilities/klarna_payments"), &[("requested", "true")]).await.ok();
    assert_eq!(later["status"], "pending");
    world.advance(3600).await;
    assert_eq!(shop.get(&path).await.ok()["capabilities"]["klarna_payments"], "active");
}

#[tokio::test]
async fn a_capability_can_be_lost_and_given_back() {
    let world = World::start().await;
    let seller = world.seller().await;
    let path = format!("accounts/{seller}/capabilities");
    let account = world.control(Method::POST, &path, json!({ "card_payments": "inactive" })).await;
    assert_eq!(account["capabilities"], json!({ "card_payments": "inactive", "transfers": "active" }));
    let event = &world.shop().on(&seller).list("events?type=capability.updated").await[0];
    assert_eq!(event["data"]["object"]["id"], "card_payments");
    assert_eq!(event["data"]["previous_attributes"], json!({ "status": "active" }));
    let account = world.control(Method::POST, &path, json!({ "card_payments": null })).await;
    assert_eq!(account["capabilities"]["card_payments"], "active");
}

#[tokio::test]
async fn a_rejected_account_can_be_taken_back() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let path = format!("accounts/{seller}");
    shop.post(&format!("{path}/unreject"), &[]).await.refused(400);
    shop.post(&format!("{path}/reject"), &[("reason", "terms_of_service"), ("payouts_action", "pause")])
        .await
        .ok();
    let rejected = shop.get(&path).await.ok();
    assert_eq!(rejected["capabilities"]["transfers"], "inactive");
    assert_eq!(rejected["requirements"]["disabled_reason"], "rejected.terms_of_service");
    let back = shop.post(&format!("{path}/unreject"), &[]).await.ok();
    assert_eq!(back["capabilities"]["transfers"], "active");
    assert_eq!(back["requirements"]["disabled_reason"], json!(null));
}

#[tokio::test]
async fn a_platform_that_collects_requirements_bears_the_losses() {
    let world = World::start().await;
    let form =
        [("controller[requirement_collection]", "application"), ("controller[fees][payer]", "application")];
    let error = world.shop().post("accounts", &form).await.refused(400);
    assert_eq!(error["param"], "controller[requirement_collection]");
}

#[tokio::test]
async fn an_account_session_spells_out_what_its_components_may_do() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let form = [
        ("account", seller.as_str()),
        ("components[payments][enabled]", "true"),
        ("components[payments][features][refund_management]", "false"),
    ];
    let session = shop.post("account_sessions", &form).await.ok();
    assert!(text(&session["client_secret"]).contains("_secret_"));
    assert_eq!(session["components"]["payments"]["features"]["refund_management"], false);
    assert_eq!(session["components"]["payments"]["features"]["dispute_management"], true);
    assert_eq!(session["components"]["payouts"]["enabled"], false);
    let error = shop.post("account_sessions", &form[..1]).await.refused(400);
    assert_eq!((&error["code"], &error["param"]), (&json!("parameter_missing"), &json!("components")));
    let wrong = [("account", seller.as_str()), ("components[payments][enabled]", "maybe")];
    assert_eq!(
        shop.post("account_sessions", &wrong).await.refused(400)["param"],
        "components[payments][enabled]"
    );
}
