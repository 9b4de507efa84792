//! A small API of two operations, served as the real one is: every refusal as the caller sees it.

use poem::{
    Endpoint, IntoEndpoint, Request, Response,
    http::{Method, StatusCode},
};
use poem_openapi::{
    Object, OpenApi, OpenApiService, Tags,
    param::{Path, Query},
    payload::Json,
};
use serde_json::{Value, json};
use souk_entity::{BuyerId, SellerId};
use uuid::Uuid;

use super::{auth::tests::Keys, *};

#[derive(Tags)]
enum Tag {
    /// Who sells.
    Sellers,
}

#[derive(Object)]
struct Contact {
    email: String,
}

#[derive(Object)]
struct CreateSeller {
    country: String,
    contact: Contact,
    deposit: Option<Money>,
}

#[derive(Object)]
struct RenameSeller {
    name: Option<String>,
}

/// A seller.
#[derive(Object)]
#[oai(rename = "Seller", skip_serializing_if_is_none)]
struct SellerView {
    id: Id<SellerId>,
    country: Option<String>,
}

struct Demo;

#[OpenApi(prefix_path = "/v1", tag = "Tag::Sellers")]
impl Demo {
    /// Create a seller
    #[oai(path = "/sellers", method = "post", operation_id = "createSeller")]
    async fn create(
        &self,
        caller: Backoffice,
        idempotency_key: IdempotencyKey,
        body: Body<CreateSeller>,
    ) -> Result<Created<SellerView>, Problem> {
        let id = Id(SellerId::from_uuid(Uuid::nil()));
        match idempotency_key.0.as_str() {
            "again" => Ok(Replayable::replayed(201, r#"{"stored":  "as it was"}"#)),
            "refused" => Ok(Replayable::replayed(422, Problem::unprocessable("no", "No.").to_bytes("req_1"))),
            "panic" => panic!("{}", caller.key()),
            _ => Ok(Replayable::of(&SellerView { id, country: Some(body.country.clone()) })),
        }
    }

    /// List sellers
    #[oai(path = "/sellers", method = "get", operation_id = "listSellers")]
    async fn list(
        &self,
        _caller: OperatorOnly,
        limit: Limit,
        cursor: Cursor<SellerId>,
        seller_id: Query<Option<Id<SellerId>>>,
    ) -> Result<Json<Page<SellerView>>, Problem> {
        let rows = (0..limit.rows_to_fetch()).map(|n| SellerId::from_uuid(Uuid::from_u64_pair(n, 0)));
        let rows = rows.filter(|id| cursor.0.is_none_or(|cursor| *id < cursor)).collect();
        let view = |id| SellerView { id: seller_id.0.unwrap_or(Id(id)), country: None };
        Ok(Json(Page::new(rows, limit, |id| *id, view)))
    }

    /// Get a seller
    #[oai(path = "/sellers/:id", method = "get", operation_id = "getSeller")]
    async fn get(
        &self,
        caller: BackofficeOrSeller,
        id: Path<Id<SellerId>>,
    ) -> Result<Json<SellerView>, Problem> {
        caller.may_see_seller(**id)?;
        Ok(Json(SellerView { id: *id, country: None }))
    }

    /// Rename a seller
    #[oai(path = "/sellers/:id", method = "patch", operation_id = "renameSeller")]
    async fn rename(
        &self,
        _caller: AnyCaller,
        id: Path<Id<SellerId>>,
        _idempotency_key: OptionalIdempotencyKey,
        body: Body<RenameSeller>,
    ) -> Result<Done<SellerView>, Problem> {
        Ok(Replayable::of(&SellerView { id: *id, country: body.name.clone() }))
    }

    /// Whether it is there
    #[oai(path = "/ping", method = "get", operation_id = "ping")]
    async fn ping(&self) -> Result<Json<String>, Problem> {
        Err(sea_orm::DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout).into())
    }
}

fn spec() -> String {
    spec::render(OpenApiService::new(Demo, "", "").spec())
}

/// Sends a request to the demo; a header is `name: value`.
async fn send(method: Method, path: &str, headers: &[String], body: &str) -> Response {
    let rejections = Rejections::of_spec(&spec()).and_route("/health/live", "GET");
    let app = serve(OpenApiService::new(Demo, "", "").into_endpoint(), Keys::hs256().verifier(), rejections);
    let mut request = Request::builder().method(method).uri_str(path);
    for (name, value) in headers.iter().filter_map(|header| header.split_once(": ")) {
        request = request.header(name, value);
    }
    app.get_response(request.body(body.to_owned())).await
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.into_body().into_vec().await.unwrap()).unwrap()
}

fn token(role: Role, subject: &str) -> String {
    format!("Authorization: Bearer {}", Keys::hs256().token(role, subject))
}

fn operator() -> String {
    token(Role::Operator, "ada")
}

/// What is sent to create a seller, as it should be.
fn creating() -> Vec<String> {
    ["Idempotency-Key: k", "Content-Type: application/json"]
        .map(str::to_owned)
        .into_iter()
        .chain([operator()])
        .collect()
}

const SELLER: &str = r#"{"country": "DE", "contact": {"email": "a@example.com"}}"#;

/// Sends, checks that the answer is a well-formed problem, and returns status, code and the named fields.
async fn refusal(method: Method, path: &str, headers: &[String], body: &str) -> (u16, String, Vec<String>) {
    let response = send(method, path, headers, body).await;
    let status = response.status().as_u16();
    let request_id = response.header("x-request-id").unwrap().to_owned();
    assert_eq!(response.content_type(), Some("application/problem+json"), "{path} {body}");
    let problem = json_of(response).await;
    assert_eq!(problem["status"], status);
    assert_eq!(problem["request_id"], request_id);
    assert_eq!(problem["type"], format!("urn:souk:problem:{}", problem["code"].as_str().unwrap()));
    assert!(
        !problem["detail"].as_str().unwrap().is_empty() && !problem["title"].as_str().unwrap().is_empty()
    );
    let fields = problem["errors"].as_array().unwrap().iter();
    let fields = fields
        .map(|error| format!("{} {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap()));
    (status, problem["code"].as_str().unwrap().to_owned(), fields.collect())
}

async fn refused(method: Method, path: &str, headers: &[String], body: &str, status: u16, code: &str) {
    let (found, found_code, fields) = refusal(method, path, headers, body).await;
    assert_eq!((found, found_code.as_str()), (status, code), "{path} {headers:?} {body} {fields:?}");
}

#[tokio::test]
async fn what_is_right_is_answered() {
    let response = send(Method::POST, "/v1/sellers", &creating(), SELLER).await;
    assert_eq!((response.status(), response.content_type()), (StatusCode::CREATED, Some("application/json")));
    assert_eq!(response.header("idempotent-replayed"), None);
    assert_eq!(json_of(response).await, json!({"id": "seller_00000000000000000000000000", "country": "DE"}));
}

#[tokio::test]
async fn a_stored_answer_is_sent_again_byte_for_byte() {
    let mut headers = creating();
    headers[0] = "Idempotency-Key: again".to_owned();
    let response = send(Method::POST, "/v1/sellers", &headers, SELLER).await;
    assert_eq!((response.status().as_u16(), response.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(response.into_body().into_string().await.unwrap(), r#"{"stored":  "as it was"}"#);
}

#[tokio::test]
async fn a_stored_refusal_is_sent_as_a_problem() {
    let mut headers = creating();
    headers[0] = "Idempotency-Key: refused".to_owned();
    let response = send(Method::POST, "/v1/sellers", &headers, SELLER).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(response.content_type(), Some("application/problem+json"));
    let problem = json_of(response).await;
    // Byte for byte: it names the request that was refused, not the one that asked again.
    assert_eq!((&problem["code"], &problem["request_id"]), (&"no".into(), &"req_1".into()));
}

#[tokio::test]
async fn authentication_comes_before_everything_else() {
    for wrong in
        [vec![], vec!["Authorization: Bearer x".to_owned()], vec!["Authorization: Basic YTpi".to_owned()]]
    {
        refused(Method::POST, "/v1/sellers", &wrong, "{", 401, "unauthenticated").await;
    }
    let response = send(Method::POST, "/v1/sellers", &[], "").await;
    assert_eq!(response.header("WWW-Authenticate"), Some("Bearer"));
    let buyer = token(Role::Buyer, &BuyerId::from_uuid(Uuid::nil()).to_string());
    refused(Method::POST, "/v1/sellers", &[buyer], "{", 403, "forbidden").await;
}

#[tokio::test]
async fn another_tenants_object_does_not_exist() {
    let (mine, theirs) = (SellerId::from_uuid(Uuid::now_v7()), SellerId::from_uuid(Uuid::now_v7()));
    let me = [token(Role::Seller, &mine.to_string())];
    let get = |id: SellerId| format!("/v1/sellers/{id}");
    assert_eq!(send(Method::GET, &get(mine), &me, "").await.status(), StatusCode::OK);
    assert_eq!(send(Method::GET, &get(theirs), &[operator()], "").await.status(), StatusCode::OK);
    refused(Method::GET, &get(theirs), &me, "", 404, "not_found").await;
    // Neither does what no id can name.
    refused(Method::GET, "/v1/sellers/buyer_1", &me, "", 404, "not_found").await;
    refused(Method::GET, "/v1/sellers/%FF", &me, "", 404, "not_found").await;
}

#[tokio::test]
async fn an_idempotency_key_is_asked_for_where_it_is_required() {
    let headers = &creating()[1..];
    refused(Method::POST, "/v1/sellers", headers, SELLER, 400, "idempotency_key_required").await;
    let long = [&[format!("Idempotency-Key: {}", "k".repeat(256))], headers].concat();
    refused(Method::POST, "/v1/sellers", &long, SELLER, 400, "idempotency_key_invalid").await;
}

#[tokio::test]
async fn every_field_of_a_body_that_is_wrong_is_named() {
    let body =
        r#"{"country": 49, "contact": {"mail": "x"}, "deposit": {"amount": 1, "currency": "zzz"}, "x": 1}"#;
    let (status, code, mut fields) = refusal(Method::POST, "/v1/sellers", &creating(), body).await;
    assert_eq!((status, code.as_str()), (400, "invalid_request"));
    fields.sort();
    assert_eq!(
        fields,
        [
            "contact.email required",
            "contact.mail unknown_field",
            "country invalid",
            "deposit.currency unknown_currency",
            "x unknown_field",
        ]
    );
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    refused(Method::POST, "/v1/sellers", &creating(), "{", 400, "invalid_json").await;
    let text = [creating(), vec!["Content-Type: text/plain".to_owned()]].concat();
    let text: Vec<_> = text.into_iter().filter(|header| !header.ends_with("application/json")).collect();
    refused(Method::POST, "/v1/sellers", &text, SELLER, 415, "unsupported_media_type").await;
    let none = &text[..2];
    refused(Method::POST, "/v1/sellers", none, SELLER, 415, "unsupported_media_type").await;
    let large = format!("\"{}\"", "x".repeat(super::body::LARGEST_BODY_BYTES));
    refused(Method::POST, "/v1/sellers", &creating(), &large, 413, "body_too_large").await;
}

#[tokio::test]
async fn a_charset_does_no_harm_and_no_body_stands_for_an_empty_one() {
    let mut headers = creating();
    headers[1] = "Content-Type: application/json; charset=utf-8".to_owned();
    assert_eq!(send(Method::POST, "/v1/sellers", &headers, SELLER).await.status(), StatusCode::CREATED);
    let path = format!("/v1/sellers/{}", SellerId::from_uuid(Uuid::nil()));
    assert_eq!(send(Method::PATCH, &path, &[operator()], "").await.status(), StatusCode::OK);
    let (_, _, fields) = refusal(Method::POST, "/v1/sellers", &creating(), "").await;
    assert_eq!(fields, ["country required", "contact required"]);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let page = |query: &str| format!("/v1/sellers{query}");
    let rows = |query: &str| {
        let path = page(query);
        async move {
            let answer = json_of(send(Method::GET, &path, &[operator()], "").await).await;
            (answer["data"].as_array().unwrap().len(), answer["next_cursor"].is_string())
        }
    };
    assert_eq!(rows("").await, (20, true));
    assert_eq!(rows("?limit=100").await, (100, true));
    assert_eq!(rows(&format!("?limit=5&cursor={}", SellerId::from_uuid(Uuid::nil()))).await, (0, false));
    refused(Method::GET, &page("?cursor=x"), &[operator()], "", 400, "invalid_cursor").await;
    for wrong in ["0", "101", "-1", "ten", ""] {
        let path = page(&format!("?limit={wrong}"));
        let refusal = refusal(Method::GET, &path, &[operator()], "").await;
        assert_eq!(refusal, (400, "invalid_parameter".to_owned(), vec!["limit invalid".to_owned()]));
    }
    let wrong = refusal(Method::GET, &page("?seller_id=x"), &[operator()], "").await;
    assert_eq!(wrong, (400, "invalid_parameter".to_owned(), vec!["seller_id invalid".to_owned()]));
}

#[tokio::test]
async fn what_the_router_refuses_is_a_problem_too() {
    refused(Method::GET, "/v1/nothing", &[], "", 404, "route_not_found").await;
    refused(Method::GET, "/", &[], "", 404, "route_not_found").await;
    refused(Method::DELETE, "/v1/sellers", &[], "", 405, "method_not_allowed").await;
    let response = send(Method::DELETE, "/v1/sellers/seller_1", &[], "").await;
    assert_eq!(response.header("Allow"), Some("GET, HEAD, PATCH"));
}

#[tokio::test]
async fn faults_of_ours_tell_nothing_and_outages_say_when_to_try_again() {
    let mut headers = creating();
    headers[0] = "Idempotency-Key: panic".to_owned();
    refused(Method::POST, "/v1/sellers", &headers, SELLER, 500, "internal_error").await;
    refused(Method::GET, "/v1/ping", &[], "", 503, "database_unavailable").await;
    assert_eq!(send(Method::GET, "/v1/ping", &[], "").await.header("Retry-After"), Some("1"));
}

#[tokio::test]
async fn a_request_id_goes_round() {
    let sent = "X-Request-Id: cart-7".to_owned();
    let response = send(Method::GET, "/v1/nothing", &[sent], "").await;
    assert_eq!(response.header("x-request-id"), Some("cart-7"));
    assert_eq!(json_of(response).await["request_id"], "cart-7");
}

#[test]
fn the_specification_is_the_same_every_time_and_says_who_may_call() {
    let text = spec();
    assert_eq!(text, spec());
    let spec: Value = serde_json::from_str(&text).unwrap();
    assert!(spec["openapi"].as_str().unwrap().starts_with("3.0."));
    assert_eq!(spec["info"]["license"]["name"], "Apache-2.0");
    let create = &spec["paths"]["/v1/sellers"]["post"];
    assert_eq!(create["security"], json!([{"bearer": []}]));
    assert_eq!(create["x-souk-roles"], json!(["operator", "service"]));
    assert_eq!(create["description"], "Roles: operator, service.");
    assert_eq!(spec["components"]["securitySchemes"].as_object().unwrap().len(), 1);
    assert!(spec["paths"]["/v1/ping"]["get"]["security"].is_null());
    assert!(!text.contains("charset") && !text.contains("oneOf"));
}

#[test]
fn the_specification_names_what_goes_in_and_out() {
    let spec: Value = serde_json::from_str(&spec()).unwrap();
    let (create, list) = (&spec["paths"]["/v1/sellers"]["post"], &spec["paths"]["/v1/sellers"]["get"]);
    let key = &create["parameters"][0];
    assert_eq!(
        (&key["name"], &key["in"], &key["required"]),
        (&json!("Idempotency-Key"), &json!("header"), &json!(true))
    );
    assert!(key["description"].is_string() && key["schema"]["description"].is_null());
    assert_eq!(list["parameters"][0]["schema"]["maximum"], 100);
    let created = &create["responses"]["201"]["content"]["application/json"]["schema"];
    assert_eq!(created["$ref"], "#/components/schemas/Seller");
    let page = &list["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(page["$ref"], "#/components/schemas/SellerPage");
    let id = &spec["components"]["schemas"]["Seller"]["properties"]["id"];
    assert_eq!(id["pattern"], "^seller_[0-7][0-9a-hjkmnp-tv-z]{25}$");
    let rename = &spec["paths"]["/v1/sellers/{id}"]["patch"]["requestBody"];
    assert_eq!((&create["requestBody"]["required"], &rename["required"]), (&json!(true), &json!(false)));
}

#[test]
fn problems_stand_in_the_specification_once_and_only_where_they_can_happen() {
    let spec: Value = serde_json::from_str(&spec()).unwrap();
    let statuses = |path: &str, method: &str| {
        let responses = spec["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("/v1/sellers", "post"), "201 400 401 403 404 409 413 415 422 429 500 503");
    assert_eq!(statuses("/v1/sellers", "get"), "200 400 401 403 404 409 422 429 500 503");
    assert_eq!(statuses("/v1/ping", "get"), "200 400 404 409 422 429 500 503");
    let unavailable = &spec["paths"]["/v1/ping"]["get"]["responses"]["503"]["$ref"];
    assert_eq!(unavailable, "#/components/responses/Unavailable");
    let shared = &spec["components"]["responses"]["Unavailable"];
    assert!(shared["headers"]["Retry-After"].is_object());
    assert_eq!(
        shared["content"]["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
}
