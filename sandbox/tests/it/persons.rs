use serde_json::json;

use crate::world::{Caller, World, text};

/// A company of which everything is known but its people.
async fn company(shop: &Caller) -> String {
    let form = [
        ("type", "custom"),
        ("country", "US"),
        ("business_type", "company"),
        ("business_profile[mcc]", "5734"),
        ("business_profile[url]", "https://seller.example.test"),
        ("company[name]", "Rosen Ltd"),
        ("company[tax_id]", "000000000"),
        ("company[address][line1]", "510 Townsend"),
        ("company[owners_provided]", "true"),
        ("tos_acceptance[date]", "1700000000"),
        ("tos_acceptance[ip]", "127.0.0.1"),
        ("external_account", "btok_us_verified"),
    ];
    text(&shop.post("accounts", &form).await.ok()["id"])
}

const REPRESENTATIVE: &[(&str, &str)] = &[
    ("first_name", "Jenny"),
    ("last_name", "Rosen"),
    ("dob[day]", "1"),
    ("dob[month]", "2"),
    ("dob[year]", "1990"),
    ("address[line1]", "510 Townsend"),
    ("relationship[representative]", "true"),
    ("relationship[title]", "Owner"),
    ("relationship[percent_ownership]", "62.5"),
];

#[tokio::test]
async fn a_company_needs_a_representative_and_works_once_it_has_one() {
    let world = World::start().await;
    let shop = world.shop();
    let account = company(&shop).await;
    let path = format!("accounts/{account}");
    let before = shop.get(&path).await.ok();
    assert_eq!(before["capabilities"]["transfers"], "inactive");
    assert_eq!(
        before["requirements"]["past_due"],
        json!([
            "representative.address.line1",
            "representative.dob.day",
            "representative.dob.month",
            "representative.dob.year",
            "representative.first_name",
            "representative.last_name"
        ])
    );
    let person = shop.post(&format!("{path}/persons"), REPRESENTATIVE).await.ok();
    assert_eq!(person["relationship"]["percent_ownership"], json!(62.5));
    assert_eq!(person["requirements"]["currently_due"], json!([]));
    let after = shop.get(&path).await.ok();
    assert_eq!(after["capabilities"], json!({ "card_payments": "active", "transfers": "active" }));
    assert_eq!((&after["charges_enabled"], &after["payouts_enabled"]), (&json!(true), &json!(true)));
    assert_eq!(
        shop.on(&account).event_types().await,
        [
            "account.external_account.created",
            "person.created",
            "capability.updated",
            "capability.updated",
            "account.updated"
        ]
    );
}

#[tokio::test]
async fn an_owner_of_whom_little_is_known_is_asked_for_and_stops_nothing_that_works() {
    let world = World::start().await;
    let shop = world.shop();
    let account = company(&shop).await;
    let path = format!("accounts/{account}/persons");
    shop.post(&path, REPRESENTATIVE).await.ok();
    let owner = shop.post(&path, &[("first_name", "Ann"), ("relationship[owner]", "true")]).await.ok();
    let id = text(&owner["id"]);
    assert_eq!(
        owner["requirements"]["currently_due"],
        json!(["address.line1", "dob.day", "dob.month", "dob.year", "last_name"])
    );
    let shown = shop.get(&format!("accounts/{account}")).await.ok();
    assert_eq!(shown["requirements"]["currently_due"][0], json!(format!("{id}.address.line1")));
    assert_eq!(shown["requirements"]["past_due"], json!([]));
    assert_eq!(shown["capabilities"]["transfers"], "active");
    assert_eq!(shop.list(&format!("{path}?relationship[owner]=true")).await.len(), 1);

    let changed = shop.post(&format!("{path}/{id}"), &[("last_name", "Lee")]).await.ok();
    assert_eq!(changed["last_name"], "Lee");
    let event = &shop.on(&account).list("events?type=person.updated").await[0];
    assert_eq!(event["data"]["previous_attributes"]["last_name"], json!(null));
    assert_eq!(shop.delete(&format!("{path}/{id}")).await.ok()["deleted"], true);
    assert_eq!(shop.get(&format!("{path}/{id}")).await.refused(404)["code"], "resource_missing");
    assert_eq!(
        shop.get(&format!("accounts/{account}")).await.ok()["requirements"]["currently_due"],
        json!([])
    );
}

#[tokio::test]
async fn there_is_one_representative_who_stays() {
    let world = World::start().await;
    let shop = world.shop();
    let account = company(&shop).await;
    let path = format!("accounts/{account}/persons");
    let first = shop.post(&path, REPRESENTATIVE).await.ok();
    let error = shop.post(&path, REPRESENTATIVE).await.refused(400);
    assert_eq!(error["param"], "relationship[representative]");
    shop.delete(&format!("{path}/{}", text(&first["id"]))).await.refused(400);
}

#[tokio::test]
async fn the_individual_of_an_account_is_a_person_of_it() {
    let world = World::start().await;
    let shop = world.shop();
    let form = [("type", "custom"), ("business_type", "individual"), ("individual[first_name]", "Jenny")];
    let account = shop.post("accounts", &form).await.ok();
    let persons = shop.list(&format!("accounts/{}/persons", text(&account["id"]))).await;
    assert_eq!(persons.len(), 1);
    assert_eq!(persons[0]["id"], account["individual"]["id"]);
    assert_eq!(persons[0]["relationship"]["representative"], true);
    assert_eq!(account["requirements"]["past_due"][0], "business_profile.mcc");
    assert!(account["requirements"]["past_due"].as_array().unwrap().contains(&json!("individual.last_name")));
    let path = format!("accounts/{}", text(&account["id"]));
    let error = shop.post(&path, &[("individual[shoe_size]", "9")]).await.refused(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("parameter_unknown"), &json!("individual[shoe_size]"))
    );
    let error = shop.post(&path, &[("individual[dob][day]", "1")]).await.refused(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("parameter_missing"), &json!("individual[dob][month]"))
    );
}
