use serde_json::json;

use crate::world::{World, text};

#[tokio::test]
async fn each_currency_has_one_default_which_can_move() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let path = format!("accounts/{seller}/external_accounts");
    let first = text(&shop.list(&path).await[0]["id"]);
    let card = shop.post(&path, &[("external_account", "tok_visa_debit")]).await.ok();
    assert_eq!((&card["object"], &card["default_for_currency"]), (&json!("card"), &json!(false)));
    let error = shop.delete(&format!("{path}/{first}")).await.refused(400);
    assert!(text(&error["message"]).contains("default external account"));

    let card = format!("{path}/{}", text(&card["id"]));
    let moved = shop.post(&card, &[("default_for_currency", "true"), ("exp_year", "2040")]).await.ok();
    assert_eq!((&moved["default_for_currency"], &moved["exp_year"]), (&json!(true), &json!(2040)));
    assert_eq!(shop.get(&format!("{path}/{first}")).await.ok()["default_for_currency"], false);
    let gone = shop.delete(&format!("{path}/{first}")).await.ok();
    assert_eq!(gone, json!({ "id": first, "object": "bank_account", "currency": "usd", "deleted": true }));
    let types = shop.on(&seller).event_types().await;
    assert!(types.contains(&"account.external_account.deleted".to_owned()));
    assert_eq!(shop.list(&format!("{path}?object=card")).await.len(), 1);
    assert_eq!(shop.list(&format!("{path}?object=bank_account")).await.len(), 0);
}

#[tokio::test]
async fn only_debit_cards_and_real_looking_banks_are_taken() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let path = format!("accounts/{seller}/external_accounts");
    let credit = shop.post(&path, &[("external_account", "tok_visa")]).await.refused(400);
    assert_eq!(credit["code"], "invalid_card_type");
    let bank = |routing: &'static str| {
        [
            ("external_account[object]", "bank_account"),
            ("external_account[country]", "US"),
            ("external_account[currency]", "usd"),
            ("external_account[account_number]", "000123456789"),
            ("external_account[routing_number]", routing),
        ]
    };
    let error = shop.post(&path, &bank("110000001")).await.refused(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("routing_number_invalid"), &json!("external_account[routing_number]"))
    );
    assert_eq!(shop.post(&path, &bank("110000000")).await.ok()["last4"], "6789");
    assert_eq!(shop.post(&path, &[]).await.refused(400)["code"], "parameter_missing");
    let unknown = shop.post(&path, &[("external_account", "btok_moon")]).await.refused(400);
    assert_eq!(unknown["code"], "resource_missing");
    assert_eq!(shop.get(&format!("{path}/ba_none")).await.refused(404)["code"], "resource_missing");
}

#[tokio::test]
async fn a_new_bank_given_with_the_account_becomes_its_default() {
    let world = World::start().await;
    let (shop, seller) = (world.shop(), world.seller().await);
    let account =
        shop.post(&format!("accounts/{seller}"), &[("external_account", "btok_us_noAccount")]).await.ok();
    let banks = &account["external_accounts"]["data"];
    assert_eq!((&banks[0]["last4"], &banks[0]["default_for_currency"]), (&json!("1116"), &json!(true)));
    assert_eq!((&banks[1]["last4"], &banks[1]["default_for_currency"]), (&json!("6789"), &json!(false)));
}
