//! Who may call what, and whose objects they reach. The matrix is written by hand from the design: what the code
//! says about itself is what is being checked.

mod market;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use souk::{
    api::{
        Role::{self, Buyer, Operator, Seller, Service},
        TokenIssuer,
    },
    clock::Clock,
    server,
};

use self::market::{Call, IGNORED_EVENT, Market, Tenant, delete, get, patch, person, post, put, usd};
use crate::{
    engines::on_both_databases,
    world::{Answer, JWT_SECRET, Person, World, text},
};

/// One operation of the API: who may call it, and on whose objects.
struct Row {
    operation: &'static str,
    roles: &'static [Role],
    reach: Reach,
    /// The status when it goes well.
    success: u16,
    /// The request about this tenant's objects.
    call: fn(&Tenant) -> Call,
}

/// What a seller or buyer reaches with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Nothing: neither sellers nor buyers may call it.
    Nothing,
    /// The object that the path names, if it is theirs; another's does not exist.
    OwnObject,
    /// A list of what is theirs.
    OwnRows,
    /// A listing: sellers theirs, buyers any that sells.
    ObjectForSale,
    /// Listings: sellers theirs, buyers all that sell.
    RowsForSale,
    /// A buyer that the body names: themselves, or it is as if there were none.
    NamedBuyer,
}

const OPERATORS: &[Role] = &[Operator];
const BACKOFFICE: &[Role] = &[Operator, Service];
const AND_SELLERS: &[Role] = &[Operator, Service, Seller];
const AND_BUYERS: &[Role] = &[Operator, Service, Buyer];
const EVERYBODY: &[Role] = &[Operator, Service, Seller, Buyer];

const fn row(
    operation: &'static str,
    roles: &'static [Role],
    reach: Reach,
    success: u16,
    call: fn(&Tenant) -> Call,
) -> Row {
    Row { operation, roles, reach, success, call }
}

/// Every operation owes a row.
#[rustfmt::skip]
const MATRIX: &[Row] = &[
    row("createSeller", BACKOFFICE, Reach::Nothing, 201, |_| post("/v1/sellers".to_owned(), json!({"email": "eve@example.com", "country": "US"}))),
    row("listSellers", BACKOFFICE, Reach::Nothing, 200, |_| get("/v1/sellers".to_owned())),
    row("getSeller", AND_SELLERS, Reach::OwnObject, 200, |of| get(of.seller_path(""))),
    row("createOnboardingLink", AND_SELLERS, Reach::OwnObject, 201, |of| post(of.seller_path("/onboarding-links"), json!({}))),
    row("createDashboardLink", AND_SELLERS, Reach::OwnObject, 201, |of| post(of.seller_path("/dashboard-links"), json!({}))),
    row("getSellerBalance", AND_SELLERS, Reach::OwnObject, 200, |of| get(of.seller_path("/balance"))),
    row("createPayout", AND_SELLERS, Reach::OwnObject, 201, |of| post(of.seller_path("/payouts"), json!({"amount": usd(100)}))),
    row("listSellerPayouts", AND_SELLERS, Reach::OwnObject, 200, |of| get(of.seller_path("/payouts"))),
    row("listPayouts", AND_SELLERS, Reach::OwnRows, 200, |_| get("/v1/payouts".to_owned())),
    row("getPayout", AND_SELLERS, Reach::OwnObject, 200, |of| get(format!("/v1/payouts/{}", of.payout))),
    row("createListing", AND_SELLERS, Reach::OwnObject, 201, |of| post(of.seller_path("/listings"), json!({"title": "Jug", "price": usd(900)}))),
    row("listSellerListings", AND_SELLERS, Reach::OwnObject, 200, |of| get(of.seller_path("/listings"))),
    row("listListings", EVERYBODY, Reach::RowsForSale, 200, |_| get("/v1/listings".to_owned())),
    row("getListing", EVERYBODY, Reach::ObjectForSale, 200, |of| get(format!("/v1/listings/{}", of.listing))),
    row("changeListing", AND_SELLERS, Reach::OwnObject, 200, |of| patch(format!("/v1/listings/{}", of.listing), json!({"title": "Red bowl"}))),
    row("createCommissionRule", OPERATORS, Reach::Nothing, 201, |of| post("/v1/commission-rules".to_owned(), json!({"listing_id": of.listing, "basis_points": 900}))),
    row("listCommissionRules", OPERATORS, Reach::Nothing, 200, |_| get("/v1/commission-rules".to_owned())),
    row("getCommissionRule", OPERATORS, Reach::Nothing, 200, |of| get(format!("/v1/commission-rules/{}", of.commission_rule))),
    row("changeCommissionRule", OPERATORS, Reach::Nothing, 200, |of| patch(format!("/v1/commission-rules/{}", of.commission_rule), json!({"basis_points": 800}))),
    row("deleteCommissionRule", OPERATORS, Reach::Nothing, 200, |of| delete(format!("/v1/commission-rules/{}", of.commission_rule))),
    row("previewCommission", BACKOFFICE, Reach::Nothing, 200, |of| post("/v1/commission-rules/preview".to_owned(), json!({"lines": [{"listing_id": of.listing, "quantity": 1}]}))),
    row("createBuyer", BACKOFFICE, Reach::Nothing, 201, |_| post("/v1/buyers".to_owned(), json!({"email": "eve@example.com"}))),
    row("listBuyers", BACKOFFICE, Reach::Nothing, 200, |_| get("/v1/buyers".to_owned())),
    row("getBuyer", AND_BUYERS, Reach::OwnObject, 200, |of| get(format!("/v1/buyers/{}", of.buyer))),
    row("createSetupIntent", AND_BUYERS, Reach::OwnObject, 201, |of| post(of.buyer_path("/setup-intents"), json!({}))),
    row("getSetupIntent", AND_BUYERS, Reach::OwnObject, 200, |of| get(format!("/v1/setup-intents/{}", of.setup_intent))),
    row("listPaymentMethods", AND_BUYERS, Reach::OwnObject, 200, |of| get(of.buyer_path("/payment-methods"))),
    row("getPaymentMethod", AND_BUYERS, Reach::OwnObject, 200, |of| get(of.payment_method_path())),
    row("setDefaultPaymentMethod", AND_BUYERS, Reach::OwnObject, 200, |of| put(of.buyer_path("/default-payment-method"), json!({"payment_method_id": of.payment_method}))),
    row("detachPaymentMethod", AND_BUYERS, Reach::OwnObject, 200, |of| delete(of.payment_method_path())),
    row("createCheckout", AND_BUYERS, Reach::NamedBuyer, 201, |of| post("/v1/checkouts".to_owned(), of.cart())),
    row("listOrders", EVERYBODY, Reach::OwnRows, 200, |_| get("/v1/orders".to_owned())),
    row("getOrder", EVERYBODY, Reach::OwnObject, 200, |of| get(format!("/v1/orders/{}", of.order))),
    row("getTrialBalance", OPERATORS, Reach::Nothing, 200, |_| get("/v1/ledger/trial-balance".to_owned())),
    row("listLedgerAccounts", OPERATORS, Reach::Nothing, 200, |_| get("/v1/ledger/accounts".to_owned())),
    row("listLedgerTransactions", OPERATORS, Reach::Nothing, 200, |_| get("/v1/ledger/transactions".to_owned())),
    row("getAccountStatement", OPERATORS, Reach::Nothing, 200, |_| get("/v1/ledger/accounts/stripe/statement?currency=usd&from=2026-01-01&to=2026-02-01".to_owned())),
    row("listAttention", OPERATORS, Reach::Nothing, 200, |_| get("/v1/attention".to_owned())),
    row("listReconciliations", OPERATORS, Reach::Nothing, 200, |_| get("/v1/reconciliation/history".to_owned())),
    row("reconcile", OPERATORS, Reach::Nothing, 200, |_| post("/v1/reconciliation".to_owned(), json!({}))),
    row("getReconciliation", OPERATORS, Reach::Nothing, 200, |_| get("/v1/reconciliation".to_owned())),
    row("listStripeEventGaps", OPERATORS, Reach::Nothing, 200, |_| get("/v1/stripe-events/gaps".to_owned())),
    row("listStripeRequests", OPERATORS, Reach::Nothing, 200, |_| get("/v1/stripe-requests?state=unknown".to_owned())),
    row("resolveStripeRequest", OPERATORS, Reach::Nothing, 200, |of| post(format!("/v1/stripe-requests/{}/resolve", of.held), json!({"outcome": "did_not", "reason": "seen in the dashboard"}))),
    row("listStripeEvents", OPERATORS, Reach::Nothing, 200, |_| get("/v1/stripe-events".to_owned())),
    row("replayStripeEvent", OPERATORS, Reach::Nothing, 200, |_| post(format!("/v1/stripe-events/{IGNORED_EVENT}/replay"), json!({}))),
    row("replayStripeEvents", OPERATORS, Reach::Nothing, 200, |_| post("/v1/stripe-events/replay".to_owned(), json!({"state": "dead"}))),
    row("listEvents", BACKOFFICE, Reach::Nothing, 200, |_| get("/v1/events".to_owned())),
];

#[test]
fn every_operation_has_a_row_and_publishes_its_roles() {
    let specification: Value = serde_json::from_str(&server::specification()).unwrap();
    let paths = specification["paths"].as_object().unwrap().values();
    let operations: Vec<&Value> =
        paths.flat_map(|operations| operations.as_object().unwrap().values()).collect();
    let published: BTreeSet<&str> =
        operations.iter().map(|one| one["operationId"].as_str().unwrap()).collect();
    let rows: BTreeSet<&str> = MATRIX.iter().map(|row| row.operation).collect();
    assert_eq!(rows, published, "left: the rows of the matrix; right: the operations of the specification");
    assert_eq!(rows.len(), MATRIX.len(), "an operation has two rows");
    for row in MATRIX {
        let operation = operations.iter().find(|one| one["operationId"] == row.operation).unwrap();
        let roles: Vec<&str> = row.roles.iter().map(|role| role.name()).collect();
        assert_eq!(operation["x-souk-roles"], json!(roles), "{}: x-souk-roles, and the row", row.operation);
        let tenants = row.roles.contains(&Seller) || row.roles.contains(&Buyer);
        assert_eq!(tenants, row.reach != Reach::Nothing, "{}: roles and reach", row.operation);
    }
}

on_both_databases!(
    /// Every cell of the matrix, in one market: first everything that is refused, which changes nothing; then
    /// everything that is allowed.
    async fn every_operation_is_open_to_its_roles_and_to_their_own_objects_alone(market: Market) {
        let Market { world, ours, theirs } = &market;
        world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        let mut faults = Vec::new();
        let before = market.when_quiet().await;
        for row in MATRIX {
            faults.extend(refuses_bad_tokens(world, row, ours).await);
            faults.extend(refuses_other_roles(world, row, ours).await);
            for role in [Seller, Buyer].into_iter().filter(|role| row.roles.contains(role)) {
                faults.extend(hides_other_tenants(&market, row, role).await);
            }
        }
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(market.state().await, before, "what was refused has changed something");
        for row in MATRIX {
            for role in row.roles {
                let answer = market.person(*role, ours).send(&(row.call)(ours)).await;
                faults.extend(serves(row, *role, &answer, ours, theirs));
            }
        }
        assert_eq!(faults, Vec::<String>::new());
    }
);

on_both_databases!(
    async fn a_filter_never_widens_what_a_tenant_sees(market: Market) {
        let Market { world, ours, theirs } = &market;
        let (seller, buyer) = (world.seller(&ours.seller), world.buyer(&ours.buyer));
        let orders = |filter: String| format!("/v1/orders?{filter}");
        for (who, filter, shown) in [
            (&seller, format!("seller_id={}", ours.seller), true),
            (&seller, format!("buyer_id={}", ours.buyer), true),
            (&seller, format!("seller_id={}", theirs.seller), false),
            (&seller, format!("buyer_id={}", theirs.buyer), false),
            (&seller, format!("seller_id={}&buyer_id={}", theirs.seller, ours.buyer), false),
            (&buyer, format!("buyer_id={}", ours.buyer), true),
            (&buyer, format!("seller_id={}", ours.seller), true),
            (&buyer, format!("buyer_id={}", theirs.buyer), false),
            (&buyer, format!("seller_id={}", theirs.seller), false),
            (&buyer, format!("seller_id={}&buyer_id={}", ours.seller, theirs.buyer), false),
        ] {
            let list = who.get(&orders(filter.clone())).await.is(200);
            let ids: Vec<&Value> =
                list["data"].as_array().unwrap().iter().map(|order| &order["id"]).collect();
            let expected = if shown { vec![json!(ours.order)] } else { Vec::new() };
            assert_eq!(ids, expected.iter().collect::<Vec<_>>(), "{filter}");
            assert_eq!(list["next_cursor"], Value::Null, "{filter}");
        }
        // Nor does a cursor: it says where to go on in one's own list, whoever's id it is.
        for who in [&seller, &buyer] {
            let list = who.get(&orders(format!("cursor={}", theirs.order))).await.is(200);
            assert!(!list.to_string().contains(&theirs.order), "{list}");
        }
    }
);

on_both_databases!(
    async fn an_order_shows_each_party_only_what_is_theirs(market: Market) {
        let Market { world, ours, .. } = &market;
        // Not paid, so that there is a secret to keep.
        let buyer = world.buyer(&ours.buyer);
        let order = buyer.post("/v1/checkouts", &ours.cart()).await.is(201);
        let secret = text(&order["payment"]["client_secret"]);
        let (one, list) = (format!("/v1/orders/{}", text(&order["id"])), "/v1/orders?status=pending_payment");
        for path in [&one, list] {
            let seen = world.seller(&ours.seller).get(path).await.is(200).to_string();
            assert!(seen.contains("commission") && seen.contains(&text(&order["id"])), "{path}: {seen}");
            for hidden in
                [&secret, "client_secret", "\"payment\"", "metadata", "leave it at the door", "captured"]
            {
                assert!(!seen.contains(hidden), "{path} shows a seller {hidden}: {seen}");
            }
            let seen = buyer.get(path).await.is(200).to_string();
            assert!(seen.contains(&secret) && seen.contains("leave it at the door"), "{path}: {seen}");
            for hidden in ["commission", "shares", "\"net\"", "transferred"] {
                assert!(!seen.contains(hidden), "{path} shows a buyer {hidden}: {seen}");
            }
        }
        assert!(!order.to_string().contains("commission"), "the answer to the checkout: {order}");
    }
);

on_both_databases!(
    /// A reply is kept for whoever asked, under their key; it holds their secrets.
    async fn a_key_replays_its_reply_to_nobody_else(market: Market) {
        let Market { world, ours, theirs } = &market;
        let cart = json!({"lines": [{"listing_id": ours.listing, "quantity": 1}]});
        let checkout =
            async |who: Person<'_>| who.post_with_key("/v1/checkouts", &cart, "the same key").await;
        let first = checkout(world.buyer(&ours.buyer)).await;
        assert!(!first.is_replayed());
        let again = checkout(world.buyer(&ours.buyer)).await;
        assert!(again.is_replayed());
        assert_eq!(again.bytes, first.bytes);
        for other in [world.buyer(&theirs.buyer), world.service(), world.operator()] {
            let other = checkout(other).await;
            assert!(!other.is_replayed());
            assert_ne!(other.is(201)["id"], first.is(201)["id"]);
        }
    }
);

on_both_databases!(
    async fn a_listing_that_does_not_sell_exists_for_no_buyer(market: Market) {
        let Market { world, ours, .. } = &market;
        let path = format!("/v1/listings/{}", ours.listing);
        world.seller(&ours.seller).patch(&path, &json!({"active": false})).await.is(200);
        let buyer = world.buyer(&ours.buyer);
        buyer.get(&path).await.is_problem(404, "not_found");
        let list = buyer.get("/v1/listings").await.is(200);
        assert!(!list.to_string().contains(&ours.listing), "{list}");
        world.seller(&ours.seller).get(&path).await.is(200);
    }
);

/// What is wrong with an answer that should be a problem, in words.
fn unless_problem(what: &str, answer: &Answer, status: u16, code: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
    let is_problem =
        answer.headers.get("content-type").is_some_and(|kind| kind == "application/problem+json");
    let fits =
        answer.status == status && body["code"] == code && body["request_id"].is_string() && is_problem;
    (!fits).then(|| format!("{what}: {status} {code} expected, {} {body} answered", answer.status))
}

/// 401 for whoever has no token of ours, or none any more.
async fn refuses_bad_tokens(world: &World, row: &Row, ours: &Tenant) -> Vec<String> {
    let call = (row.call)(ours);
    let mut faults = Vec::new();
    let answer = world.stranger().send(&call).await;
    faults.extend(unless_problem(
        &format!("{} without a token", row.operation),
        &answer,
        401,
        "unauthenticated",
    ));
    for (kind, token) in bad_tokens() {
        let answer = world.bearer(token).send(&call).await;
        let what = format!("{} with {kind}", row.operation);
        faults.extend(unless_problem(&what, &answer, 401, "unauthenticated"));
    }
    faults
}

/// `{"alg":"none","typ":"JWT"}`
const NO_ALGORITHM: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// Tokens of an operator, who may do everything, each with one fault.
fn bad_tokens() -> Vec<(&'static str, String)> {
    let token = |secret: &str, issuer: &str, audience: &str, role: Role, hours: i64| {
        let issuer = TokenIssuer::with_secret(&secret.into(), issuer, audience, Clock::default());
        issuer.issue(role, "finance", TimeDelta::hours(hours)).unwrap()
    };
    let good = token(JWT_SECRET, "souk", "souk", Operator, 1);
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (operators, services) = (parts(&good), parts(&token(JWT_SECRET, "souk", "souk", Service, 1)));
    let other_secret = "another secret, of more than 32 bytes too";
    vec![
        ("garbage", "garbage".to_owned()),
        ("an expired token", token(JWT_SECRET, "souk", "souk", Operator, -1)),
        ("another issuer's token", token(JWT_SECRET, "bazaar", "souk", Operator, 1)),
        ("a token for another audience", token(JWT_SECRET, "souk", "bazaar", Operator, 1)),
        ("a token under another secret", token(other_secret, "souk", "souk", Operator, 1)),
        ("an unsigned token", format!("{NO_ALGORITHM}.{}.", operators[1])),
        ("an unsigned token with a signature", format!("{NO_ALGORITHM}.{}.{}", operators[1], operators[2])),
        ("a token whose role was changed", format!("{}.{}.{}", services[0], operators[1], services[2])),
        ("a token without its signature", format!("{}.{}.", operators[0], operators[1])),
    ]
}

/// 403 for every role that the row does not name, though the object were the caller's.
async fn refuses_other_roles(world: &World, row: &Row, ours: &Tenant) -> Vec<String> {
    let mut faults = Vec::new();
    for role in EVERYBODY.iter().filter(|role| !row.roles.contains(role)) {
        let answer = person(world, *role, ours).send(&(row.call)(ours)).await;
        let what = format!("{} as {role}", row.operation);
        faults.extend(unless_problem(&what, &answer, 403, "forbidden"));
    }
    faults
}

/// What another tenant has is answered as if it weren't there.
async fn hides_other_tenants(market: &Market, row: &Row, role: Role) -> Vec<String> {
    let Market { ours, theirs, .. } = market;
    let caller = market.person(role, ours);
    let what = format!("{} as {role}, on another's", row.operation);
    let answer = caller.send(&(row.call)(theirs)).await;
    let mut faults = Vec::new();
    match (row.reach, role) {
        // Tested where they are served: the request names nobody.
        (Reach::OwnRows | Reach::RowsForSale, _) => return faults,
        (Reach::ObjectForSale, Buyer) if answer.status == row.success => return faults,
        (Reach::ObjectForSale, Buyer) => faults.push(format!("{what}: {} answered", answer.status)),
        (Reach::NamedBuyer, _) => faults.extend(unless_problem(&what, &answer, 422, "buyer_not_found")),
        (Reach::Nothing | Reach::OwnObject | Reach::ObjectForSale, _) => {
            faults.extend(unless_problem(&what, &answer, 404, "not_found"));
        }
    }
    // To the letter: a difference would say that it exists.
    let missing = caller.send(&(row.call)(&Tenant::missing())).await;
    if without_request_id(&answer) != without_request_id(&missing) {
        faults.push(format!("{what}: differs from what is said of an object that does not exist"));
    }
    faults
}

fn without_request_id(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body();
    body["request_id"].take();
    (answer.status, body)
}

/// The roles of the row are served; sellers and buyers with nothing of the other tenant.
fn serves(row: &Row, role: Role, answer: &Answer, ours: &Tenant, theirs: &Tenant) -> Vec<String> {
    let what = format!("{} as {role}", row.operation);
    let body = String::from_utf8_lossy(&answer.bytes);
    if answer.status != row.success {
        return vec![format!("{what}: {} expected, {} {body} answered", row.success, answer.status)];
    }
    let shop_window = role == Buyer && matches!(row.reach, Reach::ObjectForSale | Reach::RowsForSale);
    let is_list = matches!(row.reach, Reach::OwnRows | Reach::RowsForSale);
    let mut faults = Vec::new();
    if matches!(role, Seller | Buyer) && !shop_window && theirs.is_named_in(&body) {
        faults.push(format!("{what}: names what is another's: {body}"));
    }
    if is_list && !ours.is_named_in(&body) {
        faults.push(format!("{what}: names nothing of the caller's: {body}"));
    }
    if is_list && (shop_window || matches!(role, Operator | Service)) && !theirs.is_named_in(&body) {
        faults.push(format!("{what}: does not name everybody's: {body}"));
    }
    faults
}
