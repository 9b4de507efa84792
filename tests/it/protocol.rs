//! The money protocol when something goes wrong between us and Stripe: whatever is lost, late or repeated, Stripe
//! holds one object for each request that took effect, and our rows say the same.

mod answers;
mod cards;
mod completers;
mod keys;
mod outages;
mod workers;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::{Value, json};
use souk::stripe::Gateway;
use souk_entity::stripe_request::{self, Column, State};

use crate::{
    engines::Engine,
    world::{Answer, World, eventually, text},
};

/// More often than any budget allows to try.
const ALWAYS: u32 = 1_000;

/// What callers can have written to Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    CreateSeller,
    CheckOut,
    PayOut,
}

const DEEDS: [Deed; 3] = [Deed::CreateSeller, Deed::CheckOut, Deed::PayOut];

impl Deed {
    /// Where Stripe takes it, and lists what came of it.
    const fn stripe_path(self) -> &'static str {
        match self {
            Self::CreateSeller => "/v1/accounts",
            Self::CheckOut => "/v1/payment_intents",
            Self::PayOut => "/v1/payouts",
        }
    }

    /// As request rows name it.
    const fn kind(self) -> &'static str {
        match self {
            Self::CreateSeller => "account.create",
            Self::CheckOut => "payment_intent.create",
            Self::PayOut => "payout.create",
        }
    }

    /// The metadata key that names our row.
    const fn metadata_key(self) -> &'static str {
        match self {
            Self::CreateSeller => "souk_seller",
            Self::CheckOut => "souk_order",
            Self::PayOut => "souk_payout",
        }
    }
}

/// A world with a seller who has money to be paid out, and something to sell.
struct Stage {
    world: World,
    account: String,
    seller: String,
    listing: Value,
}

impl Stage {
    async fn start(engine: Engine) -> Self {
        Self::on(World::start(engine).await).await
    }

    async fn on(world: World) -> Self {
        let seller = world.active_seller().await;
        let listing = world.listing(&seller, 10_000, "usd").await;
        world.pay(&world.order(&listing).await).await;
        world.days_pass().await;
        // An answer tells the service how late it is now; a test may cut the next ones.
        world.ctx.stripe.ask_the_time(std::time::Duration::from_secs(10)).await.unwrap();
        let (account, seller) = (text(&seller["stripe_account_id"]), text(&seller["id"]));
        Self { world, account, seller, listing }
    }

    fn request(&self, deed: Deed) -> (String, Value) {
        match deed {
            Deed::CreateSeller => {
                ("/v1/sellers".to_owned(), json!({"email": "eve@example.com", "country": "US"}))
            }
            Deed::CheckOut => (
                "/v1/checkouts".to_owned(),
                json!({"lines": [{"listing_id": self.listing["id"], "quantity": 1}]}),
            ),
            Deed::PayOut => (
                format!("/v1/sellers/{}/payouts", self.seller),
                json!({"amount": {"amount": 100, "currency": "usd"}}),
            ),
        }
    }

    /// Asks for a deed as the marketplace's backend.
    async fn ask(&self, deed: Deed, key: &str) -> Answer {
        let (path, body) = self.request(deed);
        self.world.service().post_with_key(&path, &body, key).await
    }

    /// Orders a fault for the next `count` times that the deed is sent to Stripe.
    async fn fault(&self, deed: Deed, kind: &str, count: u32) {
        self.fault_with(deed, json!({"kind": kind, "count": count})).await;
    }

    async fn fault_with(&self, deed: Deed, mut fault: Value) {
        fault["method"] = json!("POST");
        fault["path"] = json!(deed.stripe_path());
        self.world.control("/_sandbox/faults", &fault).await;
    }

    async fn end_faults(&self) {
        let url = format!("{}/_sandbox/faults", self.world.sandbox.url());
        self.world.http.delete(url).send().await.unwrap().error_for_status().unwrap();
    }

    /// The objects that Stripe has of a deed, as far as a request of ours made them.
    async fn made(&self, deed: Deed) -> Vec<Value> {
        let account = (deed == Deed::PayOut).then_some(self.account.as_str());
        let list = self.world.stripe(account, &format!("{}?limit=100", deed.stripe_path())).await;
        assert_eq!(list["has_more"], false, "a page is enough for a test");
        let ours = |object: &&Value| object["metadata"]["souk_request"].is_string();
        list["data"].as_array().unwrap().iter().filter(ours).cloned().collect()
    }

    async fn requests(&self, deed: Deed) -> Vec<stripe_request::Model> {
        stripe_request::Entity::find()
            .filter(Column::Kind.eq(deed.kind()))
            .order_by_asc(Column::Id)
            .all(&self.world.ctx.db)
            .await
            .unwrap()
    }

    /// The request that was made last.
    async fn newest(&self, deed: Deed) -> stripe_request::Model {
        self.requests(deed).await.pop().expect("a request")
    }

    async fn set(&self, request: &stripe_request::Model, column: Column, value: DateTime<Utc>) {
        stripe_request::Entity::update_many()
            .col_expr(column, Expr::value(value))
            .filter(Column::Id.eq(request.id))
            .exec(&self.world.ctx.db)
            .await
            .unwrap();
    }

    /// Holds a request for a person.
    async fn hold(&self, request: &stripe_request::Model) {
        stripe_request::Entity::update_many()
            .col_expr(Column::State, Expr::value("unknown"))
            .filter(Column::Id.eq(request.id))
            .exec(&self.world.ctx.db)
            .await
            .unwrap();
    }

    /// A gateway that knows nothing of what this process has seen of Stripe.
    fn new_gateway(&self) -> Gateway {
        Gateway::new(&self.world.ctx.config, self.world.ctx.clock.clone()).unwrap()
    }

    /// The completer waits some seconds for the caller's own attempt, then longer and longer; not here.
    async fn make_due(&self, request: &stripe_request::Model) {
        self.set(request, Column::NextAt, self.long_ago()).await;
    }

    fn long_ago(&self) -> DateTime<Utc> {
        self.world.ctx.clock.wall() - Duration::hours(1)
    }

    fn much_later(&self) -> DateTime<Utc> {
        self.world.ctx.clock.wall() + Duration::hours(1)
    }

    async fn until_it_is(&self, deed: Deed, state: State) {
        let what = format!("the {deed:?} is {state:?}");
        eventually(&what, async || self.newest(deed).await.state == state).await;
    }

    /// Long enough for a worker to have looked again.
    async fn a_worker_had_time(&self) {
        self.world.ctx.wake.notify_waiters();
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    }

    /// The oracle. Stripe has one object for each request of ours that succeeded, none for one that was refused (but
    /// the intent of a declined card, which the request then names), at most one for any other, and nothing that no
    /// request of ours names; each is for the row that the request is for. And the books agree with Stripe's to the
    /// cent.
    async fn agrees_with_stripe(&self) {
        for deed in DEEDS {
            let mut made: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for object in self.made(deed).await {
                made.entry(text(&object["metadata"]["souk_request"])).or_default().push(object);
            }
            for request in self.requests(deed).await {
                let objects = made.remove(&request.id.uuid().to_string()).unwrap_or_default();
                match (request.state, &objects[..]) {
                    (State::Succeeded, [object]) => {
                        assert_eq!(request.stripe_object_id.as_deref(), object["id"].as_str());
                        assert_eq!(object["metadata"][deed.metadata_key()], request.subject);
                    }
                    (State::Refused, [object]) => {
                        assert_eq!(request.stripe_object_id.as_deref(), object["id"].as_str());
                    }
                    (State::Refused | State::Unknown | State::Pending, []) => {}
                    (State::Unknown | State::Pending, [_]) => {}
                    (state, objects) => panic!("{deed:?} is {state:?}, and Stripe has {objects:#?}"),
                }
            }
            assert!(made.is_empty(), "no request of ours made {made:#?}");
        }
        let report = self.world.operator().post("/v1/reconciliation", &json!({})).await.is(200);
        assert_eq!((&report["state"], &report["differences"]), (&json!("clean"), &json!([])));
        // Money left the seller's balance once for each payout that Stripe has.
        let ledger = self.world.http.get(format!("{}/_sandbox/ledger", self.world.sandbox.url()));
        let ledger: Value = ledger.send().await.unwrap().json().await.unwrap();
        let reasons =
            ledger["movements"].as_array().unwrap().iter().map(|movement| text(&movement["reason"]));
        let mut moved: Vec<String> = reasons.filter(|reason| reason.starts_with("po_")).collect();
        let mut payouts: Vec<_> =
            self.made(Deed::PayOut).await.iter().map(|payout| text(&payout["id"])).collect();
        moved.sort();
        payouts.sort();
        assert_eq!(moved, payouts);
    }
}

/// A key of its own for each request.
fn new_key() -> String {
    uuid::Uuid::now_v7().to_string()
}
