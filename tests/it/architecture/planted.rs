//! The checks, shown to find what is planted for them: one that finds nothing would pass for ever.

use super::{
    MOST_LINES, dependencies_on, faults_of_map,
    names::{Source, module_of},
    names_of_crates, queries_out_of_place, stripe_crates, too_long, upward_edges,
};

fn planted(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

#[test]
fn an_upward_edge_is_found_however_it_is_written() {
    for text in [
        "use crate::checkout;",
        "use crate::{api::Problem, checkout::{self, store}};",
        "use crate::{checkout as till};",
        "use crate::checkout::*;",
        "use super::super::checkout::store;",
        "fn f() { crate::checkout::create(); }",
        "fn f() { super::super::checkout::create() }",
        "fn f(_: &crate::checkout::Order) {}",
        "fn f() { println!(\"{}\", crate::checkout::LIMIT); }",
        "macro_rules! m { () => { $crate::checkout::create() } }",
        "mod tests { use super::super::super::checkout; }",
        "impl crate::checkout::Seen for X {}",
    ] {
        let source = planted("src/sellers/create.rs", text);
        assert!(!upward_edges(&source).is_empty(), "{text}");
    }
    // Kits know no room, nor kits to their right.
    assert_eq!(upward_edges(&planted("src/jobs/mod.rs", "use crate::{sellers, outbox, db};")).len(), 2);
    assert_eq!(upward_edges(&planted("src/cafe/mod.rs", "")), ["src/cafe/mod.rs: `cafe` has no floor"]);
    assert_eq!(upward_edges(&planted("src/db.rs", "use crate::cafe;")).len(), 1);
}

#[test]
fn a_downward_edge_is_no_fault() {
    let text = "use crate::{api, sellers, stripe::{self, Refusal}};\nuse super::store;\nuse super::super::ledger;\n\
                /// See [`crate::payouts`].\nfn f() { println!(\"crate::payouts\"); self::g() }";
    assert_eq!(upward_edges(&planted("src/checkout/create.rs", text)), Vec::<String>::new());
    assert_eq!(upward_edges(&planted("src/cli/dev.rs", "use crate::cli::Outcome;")), Vec::<String>::new());
}

#[test]
fn a_map_with_a_gap_or_a_module_astray_is_found() {
    let good = "//! Floor 0:\n//! - [`clock`]: time.\n//! Floor 3:\n//! - [`ledger`]: books.\npub mod clock;\npub mod ledger;";
    assert_eq!(faults_of_map(good), Vec::<String>::new());
    for bad in [
        good.replace("pub mod clock;", "pub mod clock;\nmod seal;"),
        good.replace("pub mod ledger;", ""),
        good.replace("Floor 3", "Floor 4"),
        "//! Floor 0:\n//! - [`db`]: a.\n//! - [`clock`]: b.\nmod clock;\nmod db;".to_owned(),
    ] {
        assert_eq!(faults_of_map(&bad).len(), 1, "{bad}");
    }
}

#[test]
fn a_crate_that_must_not_be_named_is_found() {
    let crates =
        stripe_crates("[dependencies]\nasync-stripe-types = \"1\"\nasync-stripe-client-core = \"1\"");
    assert!(crates.contains(&"stripe_client_core".to_owned()), "{crates:?}");
    for text in [
        "use stripe_types::Currency;",
        "use {serde::Serialize, stripe_types as types};",
        "fn f(_: stripe_client_core::Client) {}",
        "extern crate stripe_types;",
        "fn f() { ::stripe_types::f() }",
        "fn f() { assert!(stripe_types::ok()); }",
    ] {
        assert_eq!(names_of_crates(&planted("src/sellers/create.rs", text), &crates).len(), 1, "{text}");
    }
    let own =
        "use crate::stripe::Refusal; fn f(stripe_types: u8) -> u8 { stripe_types + stripe_request::ID }";
    assert_eq!(names_of_crates(&planted("src/sellers/create.rs", own), &crates), Vec::<String>::new());
    for manifest in [
        "souk-entity.workspace = true",
        "souk-entity = { path = \"../entity\" }",
        "tables = { path = \"../entity\", package = \"souk-entity\" }",
        "async-stripe-types = \"1\"",
    ] {
        assert_eq!(dependencies_on("sandbox", manifest, &["souk_entity".to_owned()]).len(), 1, "{manifest}");
    }
    let harmless = "name = \"souk-sandbox\"\n# not souk-entity = 1\nserde.workspace = true";
    assert_eq!(dependencies_on("sandbox", harmless, &["souk_entity".to_owned()]), Vec::<String>::new());
}

#[test]
fn a_query_out_of_place_is_found() {
    for text in [
        "use sea_orm::EntityTrait;",
        "use sea_orm::{DbErr, QueryFilter};",
        "use sea_orm::prelude::*;",
        "use sea_orm::*;",
        "use sea_orm::sea_query::Expr;",
        "fn f() { sea_orm::Statement::from_string(a, b); }",
        "async fn f() { order::Entity::find_by_id(id).one(db).await; }",
        "async fn f() { order::Entity::of_seller(seller).all(db).await; }",
        "fn f() { assert!(order::Entity::insert(row)); }",
        "async fn f() { db.execute_unprepared(\"DELETE FROM orders\").await; }",
        "async fn f() { assert!(db.query_one_raw(statement).await.is_ok()); }",
    ] {
        let source = planted("src/checkout/create.rs", text);
        assert_eq!(queries_out_of_place(&source).len(), 1, "{text}: {:?}", queries_out_of_place(&source));
        for place in ["src/checkout/store.rs", "src/jobs/mod.rs", "src/db.rs", "src/ledger/tests/books.rs"] {
            assert_eq!(queries_out_of_place(&planted(place, text)), Vec::<String>::new(), "{place}");
        }
    }
    let rows = "use sea_orm::{ActiveValue::Set, DatabaseTransaction, DbErr, IntoActiveModel};\n\
                #[cfg(test)] mod tests { use sea_orm::EntityTrait; }";
    assert_eq!(queries_out_of_place(&planted("src/checkout/create.rs", rows)), Vec::<String>::new());
}

#[test]
fn a_long_file_is_found_and_its_tests_are_not_counted() {
    let long = "//\n".repeat(MOST_LINES + 1);
    assert!(too_long(&planted("src/sellers/create.rs", &long)).is_some());
    assert!(too_long(&planted("src/sellers/tests.rs", &long)).is_none());
    let tested = format!("//\n#[cfg(test)]\nmod tests {{\n{long}}}");
    assert!(too_long(&planted("src/sellers/create.rs", &tested)).is_none());
}

#[test]
fn a_file_is_the_module_that_rust_takes_it_for() {
    for (name, module) in [
        ("src/lib.rs", ""),
        ("src/db.rs", "db"),
        ("src/api/mod.rs", "api"),
        ("src/api/money.rs", "api::money"),
        ("src/api/auth_tests.rs", "api::auth::tests"),
        ("sandbox/src/resources/mod.rs", "resources"),
    ] {
        assert_eq!(module_of(name).join("::"), module, "{name}");
    }
}
