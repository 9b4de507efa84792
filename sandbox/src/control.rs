//! What tests and developers ask of the sandbox itself, under `/_sandbox/`. No key is needed.
//!
//! Bodies are JSON or forms; `?platform=NAME` limits a request to the platform of `sk_test_NAME`.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST reset` | | everything is gone, the clock is the wall's |
//! | `GET clock` | | `{now, offset_seconds}` |
//! | `POST clock/advance` | `{seconds}` | the same, once all that is due happened and was sent |
//! | `POST accounts/{id}/complete-onboarding` | `{first_name?, last_name?, routing_number?, account_number?}` | the account |
//! | `POST accounts/{id}/requirements` | see [`accounts`] | raises requirements; the account |
//! | `POST accounts/{id}/capabilities` | `{name: active, inactive or pending; null lets go}` | the account |
//! | `POST accounts/{id}/deauthorize` | | the seller takes the platform's access away |
//! | `POST payouts/{id}/fail` | `{failure_code?}` | the bank sends the money back, even after it was paid |
//! | `GET ledger` | | `{positions, movements}` in double entry |
//! | `GET settings`, `POST settings` | any of [`Settings`] | all of them |
//! | `POST faults` | `{method?, path, kind, count?, delay_ms?, stored?}` | orders a fault for the next requests |
//! | `DELETE faults` | | takes all orders back |
//! | `POST disputes` | `{charge, amount?, reason?, inquiry?}` | a new dispute |
//! | `POST disputes/{id}/close` | `{outcome: won, lost or escalated}` | the dispute, decided |
//! | `POST early_fraud_warnings` | `{charge, fraud_type?}` | a new warning |
//! | `POST reviews` | `{charge}` | the review that the charge is in |
//! | `POST refunds/{id}/fail` | `{failure_reason?}` | the refund, come back |
//! | `POST refunds/{id}/require-action` | | the refund, waiting for the buyer |
//! | `POST webhooks` | `{mode, count?, delay_ms?}` | orders what happens to the next deliveries |

mod accounts;
mod risk;

use std::time::Duration;

use poem::{Request, Response, http::StatusCode};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    books::{Movement, PositionTotal},
    config::Settings,
    due,
    json::{Map, Value, json},
    protocol::{faults::Fault, keys::Platform},
    resources::account::{self, Account, Onboarding},
    server::Shared,
    store::{Meta, World},
    webhooks::{self, Order},
};

/// The largest body that is read.
const BODY_LIMIT: usize = 1 << 20;

/// How long `clock/advance` waits for deliveries.
const DELIVERY_LIMIT: Duration = Duration::from_secs(30);

/// How far the clock goes at once: ten years.
const FURTHEST_SECONDS: i64 = 10 * 366 * 24 * 60 * 60;

/// A refusal: status and reason.
struct Refused(StatusCode, String);

type Answer = Result<Value, Refused>;

fn bad(message: impl Into<String>) -> Refused {
    Refused(StatusCode::BAD_REQUEST, message.into())
}

/// Answers a control request.
pub(crate) async fn answer(shared: &Shared, mut request: Request) -> Response {
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().trim_start_matches("/_sandbox/").trim_matches('/').to_owned();
    let platform = request.uri().query().and_then(|query| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == "platform")
            .map(|(_, name)| name.into_owned())
    });
    let body = request.take_body().into_bytes_limit(BODY_LIMIT).await;
    let parts: Vec<&str> = path.split('/').collect();
    let result = match body {
        Ok(body) => route(shared, &method, &parts, platform.as_deref(), &body).await,
        Err(_) => Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large".into())),
    };
    let (status, answer) = match result {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refused(status, message)) => (status, json!({ "error": { "message": message } })),
    };
    Response::builder()
        .status(status)
        .content_type("application/json")
        .header("date", shared.clock().http_date())
        .body(answer.to_string())
}

async fn route(shared: &Shared, method: &str, parts: &[&str], platform: Option<&str>, body: &[u8]) -> Answer {
    match (method, parts) {
        ("POST", ["reset"]) => Ok(reset(shared)),
        ("GET", ["clock"]) => Ok(clock(shared)),
        ("POST", ["clock", "advance"]) => advance(shared, body).await,
        ("POST", ["accounts", id, "complete-onboarding"]) => complete_onboarding(shared, platform, id, body),
        ("POST", ["accounts", id, "requirements"]) => accounts::requirements(shared, platform, id, body),
        ("POST", ["accounts", id, "capabilities"]) => accounts::capabilities(shared, platform, id, body),
        ("POST", ["accounts", id, "deauthorize"]) => accounts::deauthorize(shared, platform, id),
        ("POST", ["payouts", id, "fail"]) => accounts::fail_payout(shared, platform, id, body),
        ("GET", ["ledger"]) => ledger(shared, platform),
        ("GET" | "POST", ["settings"]) => settings(shared, body),
        ("POST", ["faults"]) => read::<Fault>(body).map(|fault| {
            shared.faults().order(fault);
            json!({ "ordered": true })
        }),
        ("DELETE", ["faults"]) => {
            shared.faults().clear();
            Ok(json!({ "ordered": false }))
        }
        ("POST", ["webhooks"]) => read::<Order>(body).map(|order| {
            shared.deliverer().order(order);
            json!({ "ordered": true })
        }),
        ("POST", parts) if risk::is_asked(parts) => risk::answer(shared, platform, parts, body),
        _ => {
            Err(Refused(StatusCode::NOT_FOUND, format!("There is no {method} /_sandbox/{}", parts.join("/"))))
        }
    }
}

/// Reads a body: JSON, or a form whose numbers and booleans are taken as such.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let value = if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_none_or(|byte| *byte == b'{') {
        if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) }
            .map_err(|error| bad(error.to_string()))?
    } else {
        let field = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        let fields = url::form_urlencoded::parse(body).map(|(key, text)| (key.into_owned(), field(&text)));
        Value::Object(fields.collect::<Map>())
    };
    serde_json::from_str(&value.to_string()).map_err(|error| bad(error.to_string()))
}

fn reset(shared: &Shared) -> Value {
    shared.faults().clear();
    shared.deliverer().order(Order::default());
    shared.world().reset();
    json!({ "reset": true })
}

fn clock(shared: &Shared) -> Value {
    let clock = shared.clock();
    json!({ "now": clock.now_ms().div_euclid(1000), "offset_seconds": clock.offset_ms().div_euclid(1000) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

/// Moves the clock; everything that is due until then happens first, deliveries included.
async fn advance(shared: &Shared, body: &[u8]) -> Answer {
    let Advance { seconds } = read(body)?;
    if !(0..=FURTHEST_SECONDS).contains(&seconds) {
        return Err(bad("seconds must be between 0 and ten years: time does not go back"));
    }
    {
        let mut world = shared.world();
        let offset_ms = world.clock.offset_ms() + seconds * 1000;
        world.clock.set_offset_ms(offset_ms);
        due::catch_up(&mut world);
        world.quietly(|tx| {
            if let Some(meta) = tx.get::<Meta>(Meta::ID).cloned() {
                tx.put(Meta { offset_ms, ..meta });
            }
        });
    }
    shared.wake_deliveries();
    webhooks::first_attempts(shared, DELIVERY_LIMIT).await;
    Ok(clock(shared))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Completion {
    first_name: String,
    last_name: String,
    routing_number: Option<String>,
    account_number: Option<String>,
}

impl Default for Completion {
    fn default() -> Self {
        Self {
            first_name: "Jenny".into(),
            last_name: "Rosen".into(),
            routing_number: None,
            account_number: None,
        }
    }
}

/// Does what the seller would do on the onboarding page.
fn complete_onboarding(shared: &Shared, platform: Option<&str>, id: &str, body: &[u8]) -> Answer {
    let given: Completion = read(body)?;
    let mut world = shared.world();
    due::catch_up(&mut world);
    let account = connected(&world, platform, id)?;
    let completed = world.quietly(|tx| {
        let example = Onboarding::example(&account.country, account::has_bank(tx, id));
        let onboarding = Onboarding {
            first_name: given.first_name,
            last_name: given.last_name,
            routing_number: given.routing_number.or_else(|| example.routing_number.clone()),
            account_number: given.account_number.or_else(|| example.account_number.clone()),
            ..example
        };
        account::complete(tx, id, onboarding);
        tx.get::<Account>(id).map(|account| account.render(tx.tables))
    });
    drop(world);
    shared.wake_deliveries();
    completed.ok_or_else(|| bad("the account is gone"))
}

/// A connected account, of the platform that was named if one was.
fn connected(world: &World, platform: Option<&str>, id: &str) -> Result<Account, Refused> {
    let tenant = platform_account(world, platform)?;
    world
        .tables
        .get::<Account>(id)
        .filter(|account| !account.is_platform() && !account.has_left())
        .filter(|account| tenant.is_none_or(|tenant| tenant == account.platform))
        .cloned()
        .ok_or_else(|| Refused(StatusCode::NOT_FOUND, format!("No such connected account: {id}")))
}

/// The account of the platform that was named, if one was.
fn platform_account<'w>(world: &'w World, name: Option<&str>) -> Result<Option<&'w str>, Refused> {
    let Some(name) = name else { return Ok(None) };
    let platform = world.tables.get::<Platform>(name);
    platform
        .map(|platform| Some(platform.account.as_str()))
        .ok_or_else(|| Refused(StatusCode::NOT_FOUND, format!("No such platform: {name}")))
}

/// Every movement, and what all positions hold.
fn ledger(shared: &Shared, platform: Option<&str>) -> Answer {
    let mut world = shared.world();
    due::catch_up(&mut world);
    let tenant = platform_account(&world, platform)?;
    let mut positions: Vec<&PositionTotal> =
        world.table::<PositionTotal>().rows().map(|row| &row.record).collect();
    let mut movements: Vec<_> = world.table::<Movement>().rows().collect();
    if let Some(tenant) = tenant {
        positions.retain(|position| position.is_of(tenant));
        movements.retain(|row| row.record.platform == tenant);
    }
    positions.sort_by(|a, b| (&a.position, a.currency).cmp(&(&b.position, b.currency)));
    movements.sort_by_key(|row| row.seq);
    let positions: Vec<Value> = positions
        .into_iter()
        .map(|p| {
            json!({ "position": p.position, "currency": p.currency, "available": p.available, "pending": p.pending })
        })
        .collect();
    let movements: Vec<Value> = movements.into_iter().map(|row| Value::of(&row.record)).collect();
    Ok(json!({ "positions": positions, "movements": movements }))
}

/// Changes the settings that are named, and answers with all of them.
fn settings(shared: &Shared, body: &[u8]) -> Answer {
    let changes: Map = read(body)?;
    let mut world = shared.world();
    let meta = world.tables.get::<Meta>(Meta::ID).cloned().ok_or_else(|| bad("there is no state"))?;
    let mut all = Value::of(&meta.settings);
    if let Value::Object(fields) = &mut all {
        fields.extend(changes);
    }
    let settings: Settings =
        serde_json::from_str(&all.to_string()).map_err(|error| bad(error.to_string()))?;
    world.quietly(|tx| tx.put(Meta { settings, ..meta }));
    Ok(Value::of(&settings))
}
