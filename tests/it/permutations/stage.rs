//! Where histories happen: a service without a worker, a sandbox whose deliveries are dropped, and hands that deliver
//! and sweep instead.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::{join_all, try_join_all};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use reqwest::Method;
use sea_orm::{ActiveEnum, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use souk::{
    events::{Events, types_heard},
    webhooks::{Endpoint, Inbox, process_due},
    worker,
};
use souk_entity::{OrderId, Scope, SellerId, inbox_object, order, payout, seller, stripe_event};
use tokio::sync::Mutex;

use super::{
    Plan,
    history::{AccountStep, History, OrderStep, PayoutStep},
};
use crate::{
    engines::Engine,
    webhooks::sign,
    world::{World, text},
};

/// Enough for every payout of a long run.
const FUNDS: u32 = 90_000_000;
/// More sweeps than this don't bring it to rest.
const MOST_SWEEPS: usize = 200;

pub(super) struct Stage {
    world: World,
    inbox: Inbox,
    events: Events,
    listing: Value,
    /// The seller who is paid out.
    seller: Value,
    /// Ids of Stripe's events that were taken from its list.
    seen: Mutex<BTreeSet<String>>,
}

/// What a history is about, once it has begun.
enum Subject {
    Order { id: OrderId, order: Value },
    Payout { stripe_id: String },
    Account { id: SellerId, account: String },
}

/// An event, ready to be delivered.
#[derive(Clone)]
struct Letter {
    endpoint: Endpoint,
    raw: Vec<u8>,
}

type Fault = String;

impl Stage {
    pub(super) async fn start(engine: Engine) -> Self {
        let world = World::start_without_worker(engine).await;
        // What it delivers by itself would come in the right order.
        world.control("/_sandbox/webhooks", &json!({"mode": "drop", "count": 1_000_000})).await;
        let events = Events::new(world.ctx.clone(), Arc::new(worker::actions()));
        let inbox = Inbox::start(world.ctx.clone());
        let (listing, seller) = (Value::Null, Value::Null);
        let mut stage = Self { world, inbox, events, listing, seller, seen: Mutex::default() };
        stage.open_shop().await;
        stage
    }

    /// A seller with something on sale and with money to be paid out.
    async fn open_shop(&mut self) {
        let body = json!({"email": "ada@example.com", "country": "US"});
        self.seller = self.world.service().post("/v1/sellers", &body).await.is(201);
        let account = text(&self.seller["stripe_account_id"]);
        self.world.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await;
        self.settle(&mut StdRng::seed_from_u64(0), std::slice::from_ref(&account)).await.unwrap();
        self.listing = self.world.listing(&self.seller, 10_000, "usd").await;
        let charge = [
            ("amount", FUNDS.to_string()),
            ("currency", "usd".to_owned()),
            ("confirm", "true".to_owned()),
            ("payment_method", "pm_card_visa".to_owned()),
            ("return_url", "https://shop.test/".to_owned()),
            ("transfer_data[destination]", account.clone()),
        ];
        assert_eq!(self.at_stripe(None, "/v1/payment_intents", &charge).await["status"], "succeeded");
        self.world.days_pass().await;
        self.settle(&mut StdRng::seed_from_u64(0), &[account]).await.unwrap();
    }

    /// Plays a plan to its end and compares; how many deliveries that took.
    pub(super) async fn play(&self, plan: &Plan) -> Result<usize, Fault> {
        let mut rng = StdRng::seed_from_u64(plan.seed);
        self.mend_the_bank_account().await?;
        let subjects = join_all(plan.histories.iter().map(|history| self.begin(history))).await;
        let mut accounts = vec![text(&self.seller["stripe_account_id"])];
        accounts.extend(subjects.iter().filter_map(|subject| match subject {
            Subject::Account { account, .. } => Some(account.clone()),
            _ => None,
        }));
        let (mut undelivered, mut delivered): (Vec<Letter>, Vec<Letter>) = (Vec::new(), Vec::new());
        let mut deliveries = 0;
        for (tick, pause) in plan.pauses.iter().enumerate() {
            // 1. Everybody's next step, and some time.
            let steps = plan.histories.iter().zip(&subjects);
            join_all(steps.map(|(history, subject)| self.step(history, subject, tick))).await;
            self.world.control("/_sandbox/clock/advance", &json!({"seconds": pause})).await;
            // 2. Some of what Stripe has to tell arrives, some of what has arrived does so again.
            undelivered.extend(self.new_letters(&accounts).await);
            undelivered.shuffle(&mut rng);
            let mut arriving =
                undelivered.split_off(undelivered.len() - rng.random_range(0..=undelivered.len()));
            delivered.extend(arriving.iter().cloned());
            arriving.extend(delivered.iter().filter(|_| rng.random_bool(0.1)).cloned());
            arriving.shuffle(&mut rng);
            deliveries += arriving.len();
            self.deliver(&arriving).await?;
            // 3. The inbox gets somewhere, or not.
            for _ in 0..rng.random_range(0..4) {
                process_due(&self.world.ctx, &self.events, rng.random_range(1..=16)).await.unwrap();
            }
        }
        // 4. The rest, and peace.
        undelivered.extend(delivered.iter().filter(|_| rng.random_bool(0.1)).cloned());
        undelivered.shuffle(&mut rng);
        deliveries += undelivered.len();
        self.deliver(&undelivered).await?;
        deliveries += self.settle(&mut rng, &accounts).await?;
        // 5. Are we what Stripe is?
        try_join_all(subjects.iter().map(|subject| self.compare(subject))).await?;
        Ok(deliveries)
    }

    /// A payout that failed leaves the bank account unusable: the seller names another one.
    async fn mend_the_bank_account(&self) -> Result<(), Fault> {
        let account = text(&self.seller["stripe_account_id"]);
        if self.world.stripe(None, &format!("/v1/accounts/{account}")).await["payouts_enabled"] == true {
            return Ok(());
        }
        let bank = [
            ("external_account[object]", "bank_account".to_owned()),
            ("external_account[country]", "US".to_owned()),
            ("external_account[currency]", "usd".to_owned()),
            ("external_account[account_number]", "000123456789".to_owned()),
            ("external_account[routing_number]", "110000000".to_owned()),
            ("default_for_currency", "true".to_owned()),
        ];
        let bank = self.at_stripe(None, &format!("/v1/accounts/{account}/external_accounts"), &bank).await;
        assert_eq!(bank["object"], "bank_account", "{bank}");
        self.settle(&mut StdRng::seed_from_u64(0), &[account]).await.map(drop)
    }

    async fn begin(&self, history: &History) -> Subject {
        match history {
            History::Order(_) => {
                let order = self.world.order(&self.listing).await;
                Subject::Order { id: text(&order["id"]).parse().unwrap(), order }
            }
            History::Payout { ours: true, .. } => {
                let body = json!({"amount": {"amount": 100, "currency": "usd"}});
                let path = format!("/v1/sellers/{}/payouts", text(&self.seller["id"]));
                let payout = self.world.service().post(&path, &body).await.is(201);
                Subject::Payout { stripe_id: text(&payout["stripe_payout_id"]) }
            }
            History::Payout { ours: false, .. } => {
                let account = text(&self.seller["stripe_account_id"]);
                let form = [("amount", "100".to_owned()), ("currency", "usd".to_owned())];
                let payout = self.at_stripe(Some(&account), "/v1/payouts", &form).await;
                Subject::Payout { stripe_id: text(&payout["id"]) }
            }
            History::Account(_) => {
                let body = json!({"email": "eve@example.com", "country": "US"});
                let seller = self.world.service().post("/v1/sellers", &body).await.is(201);
                let account = text(&seller["stripe_account_id"]);
                Subject::Account { id: text(&seller["id"]).parse().unwrap(), account }
            }
        }
    }

    /// One step. What Stripe refuses (a canceled order can't be paid) has not happened.
    async fn step(&self, history: &History, subject: &Subject, tick: usize) {
        match (history, subject) {
            (History::Order(steps), Subject::Order { order, .. }) => match steps.get(tick) {
                Some(OrderStep::Decline) => drop(self.world.confirm(order, "pm_card_chargeDeclined").await),
                Some(OrderStep::AskFor3ds) => {
                    drop(self.world.confirm(order, "pm_card_authenticationRequired").await);
                }
                Some(OrderStep::Pay) => drop(self.world.confirm(order, "pm_card_visa").await),
                Some(OrderStep::Cancel) => {
                    let intent = text(&order["payment"]["stripe_payment_intent_id"]);
                    self.at_stripe(None, &format!("/v1/payment_intents/{intent}/cancel"), &[]).await;
                }
                Some(OrderStep::Nothing) | None => {}
            },
            (History::Payout { steps, .. }, Subject::Payout { stripe_id }) => match steps.get(tick) {
                Some(PayoutStep::Fail) => {
                    self.try_control(&format!("/_sandbox/payouts/{stripe_id}/fail"), &json!({})).await;
                }
                Some(PayoutStep::Cancel) => {
                    let account = text(&self.seller["stripe_account_id"]);
                    self.at_stripe(Some(&account), &format!("/v1/payouts/{stripe_id}/cancel"), &[]).await;
                }
                Some(PayoutStep::Nothing) | None => {}
            },
            (History::Account(steps), Subject::Account { account, .. }) => {
                let of = |what| format!("/_sandbox/accounts/{account}/{what}");
                let name = "individual.verification.document";
                let (path, body) = match steps.get(tick) {
                    Some(AccountStep::Onboard) => (of("complete-onboarding"), json!({})),
                    Some(AccountStep::AskForMore) => (of("requirements"), json!({"past_due": [name]})),
                    Some(AccountStep::MeetIt) => (of("requirements"), json!({"met": [name]})),
                    Some(AccountStep::Disable) => (of("capabilities"), json!({"transfers": "inactive"})),
                    Some(AccountStep::Enable) => (of("capabilities"), json!({"transfers": null})),
                    Some(AccountStep::Nothing) | None => return,
                };
                self.try_control(&path, &body).await;
            }
            _ => unreachable!("a subject is that of its history"),
        }
    }

    /// What Stripe has to tell that we have not taken from its list yet, as its webhooks would tell it.
    async fn new_letters(&self, accounts: &[String]) -> Vec<Letter> {
        let scopes = std::iter::once(None).chain(accounts.iter().map(|account| Some(account.as_str())));
        let lists = join_all(scopes.map(|account| self.new_events(account))).await;
        let mut letters = Vec::new();
        for event in lists.into_iter().flatten() {
            let endpoint = if event["account"].is_null() { Endpoint::Platform } else { Endpoint::Connect };
            if types_heard(endpoint == Endpoint::Connect).contains(&event["type"].as_str().unwrap()) {
                letters.push(Letter { endpoint, raw: event.to_string().into_bytes() });
            }
        }
        letters
    }

    async fn new_events(&self, account: Option<&str>) -> Vec<Value> {
        let (mut new, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.world.stripe(account, &format!("/v1/events?limit=100{after}")).await;
            let events = page["data"].as_array().unwrap();
            let mut seen = self.seen.lock().await;
            let unseen: Vec<Value> =
                events.iter().filter(|event| seen.insert(text(&event["id"]))).cloned().collect();
            let is_end = unseen.len() < events.len() || page["has_more"] == false;
            new.extend(unseen);
            if is_end {
                return new;
            }
            after = format!("&starting_after={}", text(&events.last().unwrap()["id"]));
        }
    }

    async fn deliver(&self, letters: &[Letter]) -> Result<(), Fault> {
        let config = &self.world.ctx.config;
        let now = self.world.ctx.clock.wall().timestamp();
        let all = letters.iter().map(|Letter { endpoint, raw }| async move {
            let secrets = match endpoint {
                Endpoint::Platform => &config.platform_webhook_secrets,
                Endpoint::Connect => &config.connect_webhook_secrets,
            };
            self.inbox.receive(*endpoint, raw, Some(&sign(raw, &secrets[0], now))).await
        });
        try_join_all(all).await.map(drop).map_err(|refused| refused.to_string())
    }

    /// Delivers what is left to tell and sweeps until nothing is open; delays pass at once.
    async fn settle(&self, rng: &mut StdRng, accounts: &[String]) -> Result<usize, Fault> {
        let mut letters = self.new_letters(accounts).await;
        letters.shuffle(rng);
        self.deliver(&letters).await?;
        let db = &self.world.ctx.db;
        let open =
            stripe_event::Column::State.is_in([stripe_event::State::Pending, stripe_event::State::Waiting]);
        for _ in 0..MOST_SWEEPS {
            while process_due(&self.world.ctx, &self.events, 32).await.unwrap() > 0 {}
            let left = stripe_event::Entity::find().filter(open.clone()).count(db).await.unwrap();
            if left == 0 {
                return Ok(letters.len());
            }
            let now = self.world.ctx.clock.wall();
            let events = stripe_event::Entity::update_many()
                .col_expr(stripe_event::Column::NextAt, Expr::value(now))
                .filter(open.clone());
            events.exec(db).await.unwrap();
            let objects = inbox_object::Entity::update_many()
                .col_expr(inbox_object::Column::NextAt, Expr::value(Some(now)))
                .filter(inbox_object::Column::NextAt.is_not_null());
            objects.exec(db).await.unwrap();
        }
        let left = stripe_event::Entity::find().filter(open).all(db).await.unwrap();
        Err(format!(
            "never at rest: {:?}",
            left.iter().map(|e| (&e.event_type, &e.reason)).collect::<Vec<_>>()
        ))
    }

    async fn compare(&self, subject: &Subject) -> Result<(), Fault> {
        let (ours, stripes) = match subject {
            Subject::Order { id, order } => self.order(*id, order).await,
            Subject::Payout { stripe_id } => self.payout(stripe_id).await,
            Subject::Account { id, account } => self.account(*id, account).await,
        };
        if ours == stripes { Ok(()) } else { Err(format!("we say\n{ours}, Stripe says\n{stripes}")) }
    }

    async fn order(&self, id: OrderId, shown: &Value) -> (Value, Value) {
        let row = order::Entity::find_by_id(id).one(&self.world.ctx.db).await.unwrap().unwrap();
        let intent = text(&shown["payment"]["stripe_payment_intent_id"]);
        let intent = self.world.stripe(None, &format!("/v1/payment_intents/{intent}")).await;
        let status = match intent["status"].as_str().unwrap() {
            "succeeded" => order::Status::Paid,
            "processing" => order::Status::Processing,
            "requires_capture" => order::Status::Authorized,
            "canceled" => order::Status::Canceled,
            _ => order::Status::PendingPayment,
        };
        let ours = json!({
            "order": format!("{:?}", row.status), "intent": row.payment_status, "charge": row.stripe_charge_id,
            "captured": row.captured, "decline": row.decline_code,
        });
        let stripes = json!({
            "order": format!("{status:?}"), "intent": intent["status"], "charge": intent["latest_charge"],
            "captured": intent["amount_received"], "decline": intent["last_payment_error"]["decline_code"],
        });
        (ours, stripes)
    }

    async fn payout(&self, stripe_id: &str) -> (Value, Value) {
        let account = text(&self.seller["stripe_account_id"]);
        let of_stripe = payout::Entity::find()
            .filter(payout::Column::Scope.eq(Scope::Connected(account.parse().unwrap())))
            .filter(payout::Column::StripePayoutId.eq(stripe_id));
        let row = of_stripe.one(&self.world.ctx.db).await.unwrap();
        let ours = row.map(|row| json!({"status": row.status.to_value(), "failure_code": row.failure_code}));
        let stripes = self.world.stripe(Some(&account), &format!("/v1/payouts/{stripe_id}")).await;
        let stripes = json!({"status": stripes["status"], "failure_code": stripes["failure_code"]});
        (ours.unwrap_or_default(), stripes)
    }

    async fn account(&self, id: SellerId, account: &str) -> (Value, Value) {
        let row = seller::Entity::find_by_id(id).one(&self.world.ctx.db).await.unwrap().unwrap();
        let stripes = self.world.stripe(None, &format!("/v1/accounts/{account}")).await;
        let fields =
            ["charges_enabled", "payouts_enabled", "details_submitted", "capabilities", "requirements"];
        let stripes: BTreeMap<_, _> = fields.iter().map(|field| (*field, stripes[*field].clone())).collect();
        let ours = json!({
            "charges_enabled": row.charges_enabled, "payouts_enabled": row.payouts_enabled,
            "details_submitted": row.details_submitted, "capabilities": row.capabilities,
            "requirements": row.requirements,
        });
        (ours, json!(stripes))
    }

    /// A call of Stripe's own API, as somebody else makes it; the answer, also a refusal.
    async fn at_stripe(&self, account: Option<&str>, path: &str, form: &[(&str, String)]) -> Value {
        let url = format!("{}{path}", self.world.sandbox.url());
        let mut request = self.world.http.request(Method::POST, url).bearer_auth("sk_test_souk").form(form);
        if let Some(account) = account {
            request = request.header("Stripe-Account", account);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// A call of the sandbox's controls that may be refused.
    async fn try_control(&self, path: &str, body: &Value) {
        let url = format!("{}{path}", self.world.sandbox.url());
        self.world.http.post(url).json(body).send().await.unwrap();
    }
}
