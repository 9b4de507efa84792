//! A market with two sellers and two buyers, and the calls that they make.

use std::time::Duration;

use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use souk::api::Role::{self, Buyer, Operator, Seller, Service};
use souk_entity::{
    BuyerId, CommissionRuleId, ListingId, OrderId, PayoutId, Scope, SellerId, SetupIntentId, StripeRequestId,
    stripe_event, stripe_request,
};
use uuid::Uuid;

use crate::{
    engines::Engine,
    world::{Answer, Person, World, eventually, text},
};

/// One seller and one buyer, with what the service keeps of them.
pub(super) struct Tenant {
    pub(super) seller: String,
    pub(super) listing: String,
    pub(super) buyer: String,
    pub(super) order: String,
    pub(super) payout: String,
    pub(super) setup_intent: String,
    pub(super) payment_method: String,
    /// A request to Stripe whose outcome nobody knows, for a seller who is neither tenant.
    pub(super) held: String,
    /// A commission rule for the listing.
    pub(super) commission_rule: String,
}

impl Tenant {
    /// A seller with something on sale and a buyer who has paid for it.
    pub(super) async fn trade(world: &World) -> Self {
        let (seller, buyer) = tokio::join!(world.active_seller(), world.new_buyer());
        let listing = world.listing(&seller, 10_000, "usd").await;
        let [seller, buyer, listing] = [seller, buyer, listing].map(|object| text(&object["id"]));
        let held = hold_a_request(world).await;
        let rule = json!({"listing_id": listing, "basis_points": 1_000});
        let commission_rule = text(&world.operator().post("/v1/commission-rules", &rule).await.is(201)["id"]);
        let path = format!("/v1/buyers/{buyer}/setup-intents");
        let setup_intent = text(&world.buyer(&buyer).post(&path, &json!({})).await.is(201)["id"]);
        let payment_method = world.site().save_card(&buyer, "pm_card_visa").await;
        let (order, payout) = (String::new(), String::new());
        let mut tenant = Self {
            seller,
            listing,
            buyer,
            order,
            payout,
            setup_intent,
            payment_method,
            held,
            commission_rule,
        };
        let order = world.buyer(&tenant.buyer).post("/v1/checkouts", &tenant.cart()).await.is(201);
        world.pay(&order).await;
        tenant.order = text(&order["id"]);
        tenant
    }

    /// A tenant who does not exist.
    pub(super) fn missing() -> Self {
        let id = Uuid::now_v7;
        Self {
            seller: SellerId::from_uuid(id()).to_string(),
            listing: ListingId::from_uuid(id()).to_string(),
            buyer: BuyerId::from_uuid(id()).to_string(),
            order: OrderId::from_uuid(id()).to_string(),
            payout: PayoutId::from_uuid(id()).to_string(),
            setup_intent: SetupIntentId::from_uuid(id()).to_string(),
            payment_method: "pm_none".to_owned(),
            held: StripeRequestId::from_uuid(id()).to_string(),
            commission_rule: CommissionRuleId::from_uuid(id()).to_string(),
        }
    }

    pub(super) async fn be_paid_out(&mut self, world: &World) {
        let body = json!({"amount": usd(100)});
        let payout = world.seller(&self.seller).post(&self.seller_path("/payouts"), &body).await.is(201);
        self.payout = text(&payout["id"]);
    }

    pub(super) fn seller_path(&self, rest: &str) -> String {
        format!("/v1/sellers/{}{rest}", self.seller)
    }

    pub(super) fn buyer_path(&self, rest: &str) -> String {
        format!("/v1/buyers/{}{rest}", self.buyer)
    }

    pub(super) fn payment_method_path(&self) -> String {
        self.buyer_path(&format!("/payment-methods/{}", self.payment_method))
    }

    /// The buyer buys one piece of what the seller has.
    pub(super) fn cart(&self) -> Value {
        json!({
            "lines": [{"listing_id": self.listing, "quantity": 1}],
            "buyer_id": self.buyer,
            "metadata": {"note": "leave it at the door"},
        })
    }

    /// Whether a text names anything of theirs.
    pub(super) fn is_named_in(&self, text: &str) -> bool {
        let ids = [
            &self.seller,
            &self.listing,
            &self.buyer,
            &self.order,
            &self.payout,
            &self.setup_intent,
            &self.payment_method,
        ];
        ids.into_iter().any(|id| text.contains(id.as_str()))
    }

    /// What the service keeps of them, as the back office sees it.
    pub(super) async fn state(&self, world: &World) -> Vec<Value> {
        let mut state = Vec::new();
        for path in [
            self.seller_path(""),
            self.seller_path("/listings"),
            self.seller_path("/payouts"),
            self.seller_path("/balance"),
            self.buyer_path(""),
            self.buyer_path("/payment-methods"),
            format!("/v1/commission-rules/{}", self.commission_rule),
            format!("/v1/orders?buyer_id={}", self.buyer),
        ] {
            state.push(world.operator().get(&path).await.is(200));
        }
        state
    }
}

/// An event of Stripe's that nobody handles, to be replayed.
pub(super) const IGNORED_EVENT: &str = "evt_market_ignored";

/// As if nobody could tell whether Stripe made somebody's account.
async fn hold_a_request(world: &World) -> String {
    let body = json!({"email": "mallory@example.com", "country": "US"});
    let seller = world.service().post("/v1/sellers", &body).await.is(201);
    let held = stripe_request::Entity::update_many()
        .col_expr(stripe_request::Column::State, Expr::value("unknown"))
        .filter(stripe_request::Column::Subject.eq(text(&seller["id"])))
        .exec_with_returning(&world.ctx.db);
    held.await.unwrap()[0].id.to_string()
}

/// Two tenants, who have nothing to do with each other.
pub(super) struct Market {
    pub(super) ours: Tenant,
    pub(super) theirs: Tenant,
    pub(super) world: World,
}

impl Market {
    pub(super) async fn start(engine: Engine) -> Self {
        let world = World::start(engine).await;
        let (mut ours, mut theirs) = tokio::join!(Tenant::trade(&world), Tenant::trade(&world));
        world.days_pass().await;
        tokio::join!(ours.be_paid_out(&world), theirs.be_paid_out(&world));
        ignore_an_event(&world).await;
        Self { ours, theirs, world }
    }

    pub(super) fn person(&self, role: Role, tenant: &Tenant) -> Person<'_> {
        person(&self.world, role, tenant)
    }

    /// Everything that a call could change.
    pub(super) async fn state(&self) -> (Vec<i64>, Vec<Value>, Vec<Value>) {
        let mut rows = Vec::new();
        for table in [
            "sellers",
            "listings",
            "commission_rules",
            "buyers",
            "orders",
            "payouts",
            "setup_intents",
            "payment_methods",
            "events",
            "stripe_requests",
        ] {
            rows.push(self.world.rows(table).await);
        }
        (rows, self.ours.state(&self.world).await, self.theirs.state(&self.world).await)
    }

    /// The state once all of Stripe's events have arrived and done their work.
    pub(super) async fn when_quiet(&self) -> (Vec<i64>, Vec<Value>, Vec<Value>) {
        let mut last = self.state().await;
        eventually("nothing changes any more", async || {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let now = self.state().await;
            let quiet = now == last;
            last = now;
            quiet
        })
        .await;
        last
    }
}

pub(super) fn person<'w>(world: &'w World, role: Role, tenant: &Tenant) -> Person<'w> {
    match role {
        Operator => world.operator(),
        Service => world.service(),
        Seller => world.seller(&tenant.seller),
        Buyer => world.buyer(&tenant.buyer),
    }
}

/// A request, but for who makes it.
pub(super) struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
}

pub(super) fn get(path: String) -> Call {
    Call { method: Method::GET, path, body: None }
}

pub(super) fn post(path: String, body: Value) -> Call {
    Call { method: Method::POST, path, body: Some(body) }
}

pub(super) fn patch(path: String, body: Value) -> Call {
    Call { method: Method::PATCH, path, body: Some(body) }
}

pub(super) fn put(path: String, body: Value) -> Call {
    Call { method: Method::PUT, path, body: Some(body) }
}

pub(super) fn delete(path: String) -> Call {
    Call { method: Method::DELETE, path, body: None }
}

pub(super) fn usd(amount: i64) -> Value {
    json!({"amount": amount, "currency": "usd"})
}

impl Person<'_> {
    pub(super) async fn send(&self, call: &Call) -> Answer {
        let key = Uuid::now_v7().to_string();
        let key = (call.method == Method::POST).then_some(key.as_str());
        self.call(call.method.clone(), &call.path, call.body.as_ref().map(Value::to_string), key).await
    }
}

async fn ignore_an_event(world: &World) {
    let now = world.ctx.clock.wall();
    let event = stripe_event::Model {
        id: IGNORED_EVENT.to_owned(),
        scope: Scope::Platform,
        event_type: "customer.created".to_owned(),
        object_id: "cus_1".to_owned(),
        api_version: None,
        idempotency_key: None,
        stripe_created_at: now,
        payload_sealed: Vec::new(),
        state: stripe_event::State::Ignored,
        reason: Some("no_room".to_owned()),
        attempts: 1,
        next_at: now,
        received_at: now,
        processed_at: Some(now),
    };
    let row = event.into_active_model();
    stripe_event::Entity::insert(row).exec_without_returning(&world.ctx.db).await.unwrap();
}
