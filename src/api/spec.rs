//! The published specification: what the framework collected from the rooms, tidied so that generated clients
//! come out well, and the same bytes every time.

use std::fmt;

use bytes::Bytes;
use poem::{Endpoint, Response, endpoint::make_sync};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use super::{
    authority::SCHEME,
    idempotency_key,
    problem::{DOCUMENTED, PROBLEM_JSON},
};

/// Makes the published specification of what `OpenApiService::spec()` gave.
#[must_use]
pub fn render(spec_json: String) -> String {
    // The framework has just serialised it; if that were not JSON, the raw text would say more than a panic.
    let Ok(collected) = serde_json::from_str::<Collected>(&spec_json) else { return spec_json };
    let mut spec = Value::Object(collected.rest);
    spec["paths"] = Value::Object(collected.paths.0);
    spec["info"] = json!({
        "title": "Souk",
        "description": "The payments side of a marketplace, on Stripe Connect.",
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    });
    strip_charset(&mut spec);
    whole_numbers(&mut spec);
    let mut shared = Map::new();
    for operation in operations(&mut spec) {
        merge_security(operation);
        describe_parameters(operation);
        drop_impossible_problems(operation);
        share_problems(operation, &mut shared);
    }
    if !shared.is_empty() {
        spec["components"]["responses"] = Value::Object(shared);
    }
    // serde_json's maps are sorted by key, so the same specification is always the same bytes.
    serde_json::to_string_pretty(&spec).map_or(spec_json, |mut text| {
        text.push('\n');
        text
    })
}

/// Serves a rendered specification.
pub fn endpoint(spec_json: &str) -> impl Endpoint<Output = Response> + use<> {
    let spec = Bytes::copy_from_slice(spec_json.as_bytes());
    make_sync(move |_| Response::builder().content_type("application/json").body(spec.clone()))
}

/// What the framework collected.
#[derive(Deserialize)]
struct Collected {
    paths: Paths,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Paths with their operations. The framework writes a path once for each room that has operations on it;
/// read as an ordinary map, the last room would win and the others' operations be lost.
struct Paths(Map<String, Value>);

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PathsVisitor)
    }
}

struct PathsVisitor;

impl<'de> Visitor<'de> for PathsVisitor {
    type Value = Paths;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of paths")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Paths, A::Error> {
        let mut paths = Map::new();
        while let Some((path, operations)) = entries.next_entry::<String, Map<String, Value>>()? {
            let merged = paths.entry(path).or_insert_with(|| json!({}));
            if let Some(merged) = merged.as_object_mut() {
                merged.extend(operations);
            }
        }
        Ok(Paths(paths))
    }
}

fn operations(spec: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = spec["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    paths
        .flat_map(|path| path.as_object_mut().into_iter().flat_map(Map::values_mut))
        .filter_map(Value::as_object_mut)
}

/// `application/json; charset=utf-8` is one media type too many for generators; JSON is UTF-8 anyway.
fn strip_charset(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip_charset),
        Value::Object(object) => {
            if let Some(json) = object.remove("application/json; charset=utf-8") {
                object.insert("application/json".to_owned(), json);
            }
            object.values_mut().for_each(strip_charset);
        }
        _ => {}
    }
}

/// The framework keeps limits as floats; `"minimum": 1.0` makes a generator doubt that it is about integers.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(object) => object.values_mut().for_each(whole_numbers),
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) =
                number.to_string().strip_suffix(".0").and_then(|text| text.parse::<i64>().ok())
            {
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// The authority types require one scheme for each role that passes: published are the one scheme that there
/// is, and the roles.
fn merge_security(operation: &mut Map<String, Value>) {
    let Some(Value::Array(requirements)) = operation.remove("security") else { return };
    let roles = requirements.iter().filter_map(Value::as_object).flat_map(Map::keys);
    let roles: Vec<String> = roles.cloned().collect();
    // Neither Swagger UI nor generated clients show extensions, so people are told in the text as well.
    let told = format!("Roles: {}.", roles.join(", "));
    let description = match operation.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description}\n\n{told}"),
        None => told,
    };
    operation.insert("description".to_owned(), description.into());
    operation.insert("security".to_owned(), json!([{SCHEME: []}]));
    operation.insert("x-souk-roles".to_owned(), roles.into());
}

/// A parameter's type knows what it means, and a header's type its name; the framework takes both from the
/// argument.
fn describe_parameters(operation: &mut Map<String, Value>) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if parameter["schema"]["format"] == idempotency_key::FORMAT {
            parameter["name"] = idempotency_key::HEADER.into();
        }
        let Some(schema) = parameter["schema"].as_object_mut() else { continue };
        let Some(description) = schema.remove("description") else { continue };
        if parameter["description"].is_null() {
            parameter["description"] = description;
        }
    }
}

/// Every operation documents every problem; without a body or without a token some can't happen.
fn drop_impossible_problems(operation: &mut Map<String, Value>) {
    let (body, token) = (operation.contains_key("requestBody"), operation.contains_key("security"));
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    if !body {
        responses.remove("413");
        responses.remove("415");
    }
    if !token {
        responses.remove("401");
        responses.remove("403");
    }
}

/// Problems are the same everywhere, so they stand in the components once.
fn share_problems(operation: &mut Map<String, Value>, shared: &mut Map<String, Value>) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, name, _) in DOCUMENTED {
        let Some(response) = responses.get_mut(&status.to_string()) else { continue };
        if response["content"].get(PROBLEM_JSON).is_none() {
            continue;
        }
        let reference = json!({"$ref": format!("#/components/responses/{name}")});
        shared.insert(name.to_owned(), std::mem::replace(response, reference));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_two_rooms_share_keeps_the_operations_of_both() {
        let twice = r#"{"paths": {"/a": {"get": {}}, "/b": {}, "/a": {"post": {}}}}"#;
        let spec: Value = serde_json::from_str(&render(twice.to_owned())).unwrap();
        assert_eq!(spec["paths"], json!({"/a": {"get": {}, "post": {}}, "/b": {}}));
    }

    #[tokio::test]
    async fn it_is_served_as_it_was_rendered() {
        let response = endpoint("{}").get_response(poem::Request::default()).await;
        assert_eq!(response.content_type(), Some("application/json"));
        assert_eq!(response.into_body().into_string().await.unwrap(), "{}");
    }

    #[test]
    fn what_is_no_specification_is_left_alone() {
        assert_eq!(render("no".to_owned()), "no");
    }
}
