//! Souk and its Stripe as two addresses and a way to make tokens: all that a caller has, whether the service runs
//! in this process or in one of its own.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use souk::api::{Role, TokenIssuer};

use crate::world::{Answer, SECRET_KEY, text};

/// What happens by itself takes seconds; on a busy machine, longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where Souk and its Stripe are.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) http: Client,
    pub(crate) souk: String,
    pub(crate) stripe: String,
    pub(crate) issuer: TokenIssuer,
}

impl Site {
    /// A POST of the back office's. An error means that nobody answered: a service that dies answers nothing.
    pub(crate) async fn try_post(&self, path: &str, body: &Value, key: &str) -> reqwest::Result<Answer> {
        self.try_send(Method::POST, path, body, key).await
    }

    /// Asks under a key of its own until there is an answer, as a caller does who can't know what became of the last
    /// try: a good one.
    pub(crate) async fn insist(&self, method: Method, path: &str, body: &Value) -> Value {
        let (key, begun) = (uuid::Uuid::now_v7().to_string(), Instant::now());
        loop {
            match self.try_send(method.clone(), path, body, &key).await {
                // Nobody answers, another try holds the key, or Stripe's answer is still to come.
                Err(_) => {}
                Ok(answer) if matches!(answer.status, 409 | 503) => {}
                Ok(answer) => {
                    assert!(matches!(answer.status, 200 | 201), "{path}: {}", answer.body());
                    return answer.body();
                }
            }
            rest(begun, path).await;
        }
    }

    /// A request of the back office's.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        key: &str,
    ) -> reqwest::Result<Answer> {
        let request = self.http.request(method, format!("{}{path}", self.souk));
        let request = request.header("Content-Type", "application/json").header("Idempotency-Key", key);
        Answer::try_of(request.bearer_auth(self.token()).body(body.to_string())).await
    }

    /// The same, where it must work.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let key = uuid::Uuid::now_v7().to_string();
        self.try_post(path, body, &key).await.expect("the service answers")
    }

    /// A GET of the back office's; nothing while there is no good answer.
    pub(crate) async fn try_get(&self, path: &str) -> Option<Value> {
        let request = self.http.get(format!("{}{path}", self.souk)).bearer_auth(self.token());
        Answer::try_of(request).await.ok().filter(|answer| answer.status == 200).map(|answer| answer.body())
    }

    fn token(&self) -> String {
        self.issuer.issue(Role::Operator, "finance", TimeDelta::hours(1)).expect("a token")
    }

    /// Reads until it is so, also through times when nobody answers.
    pub(crate) async fn until(&self, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let last = self.try_get(path).await.unwrap_or_default();
            if is_so(&last) {
                return last;
            }
            rest(begun, what).await;
        }
    }

    /// What the buyer's app does with Stripe's SDK: confirms with the publishable key and the client secret.
    pub(crate) async fn confirm(&self, order: &Value, payment_method: &str) -> reqwest::Response {
        let payment = &order["payment"];
        let form = [
            ("client_secret", text(&payment["client_secret"])),
            ("payment_method", payment_method.to_owned()),
        ];
        let intent = text(&payment["stripe_payment_intent_id"]);
        let url = format!("{}/v1/payment_intents/{intent}/confirm", self.stripe);
        let mut request = self.http.post(url).bearer_auth(text(&payment["publishable_key"])).form(&form);
        if let Some(account) = payment["stripe_account"].as_str() {
            request = request.header("Stripe-Account", account);
        }
        request.send().await.unwrap()
    }

    /// A buyer saves a card, as their app does it: `pm_...`, once it is known here.
    pub(crate) async fn save_card(&self, buyer: &str, card: &str) -> String {
        let path = format!("/v1/buyers/{buyer}/setup-intents");
        let intent = self.insist(Method::POST, &path, &json!({})).await;
        let confirmed: Value = self.confirm_setup(&intent, card).await.json().await.unwrap();
        // The bank asks the buyer, who confirms; where they are sent back to nobody listens.
        if let Some(page) = confirmed["next_action"]["redirect_to_url"]["url"].as_str() {
            let _ = self.http.post(page).form(&[("outcome", "complete")]).send().await;
        }
        let path = format!("/v1/setup-intents/{}", text(&intent["id"]));
        let saved = |intent: &Value| intent["status"] == "succeeded";
        let card = text(&self.until(&path, "the card is saved", saved).await["payment_method_id"]);
        let path = format!("/v1/buyers/{buyer}/payment-methods/{card}");
        self.until(&path, "the card is known", |card| card["state"] == "attached").await;
        card
    }

    /// What the buyer's app does with Stripe's SDK to save a card.
    pub(crate) async fn confirm_setup(&self, intent: &Value, card: &str) -> reqwest::Response {
        let form = [
            ("client_secret", text(&intent["client_secret"])),
            ("payment_method", card.to_owned()),
            ("return_url", "http://127.0.0.1:9/saved".to_owned()),
        ];
        let stripes = text(&intent["stripe_setup_intent_id"]);
        let url = format!("{}/v1/setup_intents/{stripes}/confirm", self.stripe);
        self.http.post(url).bearer_auth(text(&intent["publishable_key"])).form(&form).send().await.unwrap()
    }

    /// A call of the sandbox's own controls.
    pub(crate) async fn control(&self, path: &str, body: &Value) -> Value {
        let response = self.http.post(format!("{}{path}", self.stripe)).json(body).send().await.unwrap();
        let (status, answer) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// A read at the sandbox as Stripe, as the platform or for a connected account.
    pub(crate) async fn stripe(&self, account: Option<&str>, path: &str) -> Value {
        let mut request = self.http.get(format!("{}{path}", self.stripe)).bearer_auth(SECRET_KEY);
        if let Some(account) = account {
            request = request.header("Stripe-Account", account);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Everything in one of Stripe's lists.
    pub(crate) async fn stripe_list(&self, account: Option<&str>, path: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        let separator = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.stripe(account, &format!("{path}{separator}limit=100{after}")).await;
            all.extend(page["data"].as_array().expect("a list").iter().cloned());
            if page["has_more"] != true {
                return all;
            }
            after = format!("&starting_after={}", text(&all.last().expect("an object")["id"]));
        }
    }

    /// A seller who has onboarded.
    pub(crate) async fn active_seller(&self) -> Value {
        let body = json!({"email": "ada@example.com", "country": "US"});
        let seller = self.post("/v1/sellers", &body).await.is(201);
        let account = text(&seller["stripe_account_id"]);
        self.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await;
        let path = format!("/v1/sellers/{}", text(&seller["id"]));
        self.until(&path, "the seller is active", |seller| seller["status"] == "active").await
    }

    pub(crate) async fn listing(&self, seller: &Value, amount: i64, currency: &str) -> Value {
        let path = format!("/v1/sellers/{}/listings", text(&seller["id"]));
        let body = json!({"title": "Blue bowl", "price": {"amount": amount, "currency": currency}});
        self.post(&path, &body).await.is(201)
    }
}

/// A glance later; panics with `what` when patience ends. Not by [`crate::world::within`]: a closure that is asynchronous
/// could not be part of what the drills do.
async fn rest(begun: Instant, what: &str) {
    assert!(begun.elapsed() < PATIENCE, "waited {} s in vain: {what}", PATIENCE.as_secs());
    tokio::time::sleep(Duration::from_millis(25)).await;
}
