//! The published specification, and that the service keeps to it where no operation does: documents, health, and
//! what is no route.

use std::{collections::BTreeSet, fs, path::Path};

use reqwest::Method;
use serde_json::{Map, Value};
use souk::server;
use url::Url;

use crate::{
    engines::Engine,
    world::{World, text},
};

#[test]
fn the_file_that_is_checked_in_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/souk.json");
    let checked_in = fs::read_to_string(file).unwrap();
    assert!(checked_in == server::specification(), "run `cargo run -- openapi` and commit openapi/souk.json");
}

#[test]
fn every_operation_has_what_a_generated_client_is_made_of() {
    let specification = specification();
    let tags: Vec<&Value> =
        specification["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for (what, operation) in operations(&specification) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{what} has no operationId"));
        assert!(is_camel_case(id), "{what}: {id} is not in camelCase");
        assert!(ids.insert(id), "{what}: {id} is another operation's");
        assert!(is_text(&operation["summary"]), "{what} has no summary");
        let [tag] = &operation["tags"].as_array().unwrap()[..] else { panic!("{what} has not one tag") };
        assert!(tags.contains(&tag), "{what}: the tag {tag} is not described");
        let roles = operation["x-souk-roles"].as_array();
        assert!(roles.is_some_and(|roles| !roles.is_empty()), "{what} does not say who may call it");
    }
}

#[test]
fn every_operation_documents_its_problems_as_problems() {
    let specification = specification();
    for (what, operation) in operations(&specification) {
        let responses = operation["responses"].as_object().unwrap();
        let documented: BTreeSet<&str> = responses.keys().map(String::as_str).collect();
        let mut owed = vec!["400", "401", "403", "404", "409", "422", "429", "500", "503"];
        if operation.get("requestBody").is_some() {
            owed.extend(["413", "415"]);
        }
        for status in owed {
            assert!(documented.contains(status), "{what} does not document {status}");
        }
        for (status, response) in responses {
            let response = resolve(&specification, response);
            let kinds: Vec<&String> =
                response["content"].as_object().into_iter().flat_map(Map::keys).collect();
            if status.starts_with(['4', '5']) {
                assert_eq!(kinds, ["application/problem+json"], "{what}: {status}");
                assert!(is_text(&response["description"]), "{what}: {status} has no description");
            } else {
                // JSON first, which generators take; a sheet is also a file for people.
                let is_json = kinds == ["application/json"] || kinds == ["application/json", "text/csv"];
                assert!(status.starts_with('2') && is_json, "{what}: {status} {kinds:?}");
            }
        }
    }
}

#[test]
fn every_schema_and_every_property_says_what_it_is() {
    let specification = specification();
    for (name, schema) in specification["components"]["schemas"].as_object().unwrap() {
        assert!(is_text(&schema["description"]), "{name} has no description");
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(is_text(&schema["description"]), "{name}.{property} has no description");
        }
    }
}

#[test]
fn no_schema_is_one_of_several() {
    let text = server::specification();
    for word in ["\"oneOf\"", "\"anyOf\"", "\"discriminator\""] {
        assert!(!text.contains(word), "{word}: generators for phones mangle it");
    }
}

#[test]
fn every_reference_leads_to_something() {
    let specification = specification();
    let mut references = BTreeSet::new();
    collect_references(&specification, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        assert!(specification.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
}

// What follows needs no database in particular: one engine will do.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_serves_the_specification_and_a_page_that_loads_nothing() {
    let world = World::start(Engine::Sqlite).await;
    let served = world.stranger().get("/openapi.json").await;
    assert_eq!((served.status, &served.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    assert!(served.bytes == server::specification().as_bytes(), "/openapi.json is not the specification");

    let docs = world.stranger().get("/docs").await;
    assert_eq!(docs.status, 200);
    assert_eq!(docs.headers["content-type"], "text/html; charset=utf-8");
    let policy = docs.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    let page = String::from_utf8(docs.bytes).unwrap();
    assert_eq!(hosts_that_are_loaded(&page), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_started_service_is_live_and_ready() {
    let world = World::start(Engine::Sqlite).await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(world.stranger().get(path).await.is(200)["status"], "ok", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_route_is_a_problem_inside_v1_and_outside() {
    let world = World::start(Engine::Sqlite).await;
    for path in ["/", "/v1", "/v1/", "/v1/nothing", "/v2/sellers", "/docs/nothing", "/health/nothing"] {
        for who in [world.stranger(), world.operator()] {
            who.get(path).await.is_problem(404, "route_not_found");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_method_is_a_problem_that_names_the_right_ones() {
    let world = World::start(Engine::Sqlite).await;
    for (path, allowed) in [
        ("/v1/sellers", "GET, HEAD, POST"),
        ("/v1/checkouts", "POST"),
        ("/v1/listings/listing_01h455vb4pex5vsknk084sn02q", "GET, HEAD, PATCH"),
        ("/openapi.json", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/health/live", "GET, HEAD"),
        ("/health/ready", "GET, HEAD"),
        ("/webhooks/stripe/platform", "POST"),
        ("/webhooks/stripe/connect", "POST"),
        ("/onboarding/return", "GET, HEAD"),
        ("/onboarding/refresh", "GET, HEAD"),
    ] {
        let answer = world.operator().call(Method::DELETE, path, None, None).await;
        answer.is_problem(405, "method_not_allowed");
        let allow = answer.headers.get("allow").and_then(|allow| allow.to_str().ok());
        assert_eq!(allow, Some(allowed), "Allow of {path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_is_a_problem() {
    const KIB: usize = 1024;
    let world = World::start(Engine::Sqlite).await;
    for (path, most_bytes) in [
        ("/v1/sellers", 256 * KIB),
        ("/v1/checkouts", 256 * KIB),
        ("/webhooks/stripe/platform", KIB * KIB),
        ("/webhooks/stripe/connect", KIB * KIB),
    ] {
        // By one byte: whoever sends much more finds the connection closed before they have read the answer.
        let body = "1".repeat(most_bytes + 1);
        let answer = world.operator().call(Method::POST, path, Some(body), Some("a key")).await;
        answer.is_problem(413, "body_too_large");
    }
}

#[test]
fn foreign_hosts_are_found_where_a_page_would_load_from_them() {
    for page in [
        r#"<script src="https://cdn.example/ui.js"></script>"#,
        r"<link rel=stylesheet href=//cdn.example/ui.css>",
        r"<style>@import 'http://cdn.example/x.css';</style>",
        r"<style>a { background: url(https://cdn.example/x.png) }</style>",
        r#"<img src = "https://cdn.example/x.png">"#,
    ] {
        assert_eq!(hosts_that_are_loaded(page), ["cdn.example"], "{page}");
    }
    assert_eq!(
        hosts_that_are_loaded(r#"<a href="/docs">x</a> <img src="data:image/png;base64,aGk=">"#).len(),
        0
    );
}

fn specification() -> Value {
    serde_json::from_str(&server::specification()).unwrap()
}

/// Each operation, with its method and path for messages.
fn operations(specification: &Value) -> Vec<(String, &Value)> {
    let paths = specification["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap();
        operations.iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    let all: Vec<_> = each.collect();
    assert!(!all.is_empty(), "no operations");
    all
}

fn resolve<'s>(specification: &'s Value, object: &'s Value) -> &'s Value {
    match object.get("$ref") {
        Some(reference) => specification.pointer(&text(reference)[1..]).unwrap(),
        None => object,
    }
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Object(object) => {
            found.extend(object.get("$ref").map(text));
            object.values().for_each(|value| collect_references(value, found));
        }
        _ => {}
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

fn is_camel_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|one| one.is_ascii_alphanumeric())
}

/// The hosts that a browser would ask while it shows the page. Addresses in its texts and scripts are none: the
/// policy that comes with the page lets no script ask anybody but this service.
fn hosts_that_are_loaded(page: &str) -> Vec<String> {
    let loads = regex::Regex::new(
        r#"(?i)(?:<(?:script|img|iframe|link|source|embed)\b[^>]*?\b(?:src|href)\s*=|@import|\burl\()\s*["']?((?:https?:)?//[^"'\s>)]+)"#,
    );
    let base = Url::parse("https://here.invalid").unwrap();
    let addresses = loads.unwrap();
    let hosts = addresses.captures_iter(page).map(|found| base.join(&found[1]).unwrap());
    hosts.filter_map(|address| address.host_str().map(str::to_owned)).collect()
}
