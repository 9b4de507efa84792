//! A sandbox on a port of its own, and a client that speaks forms.

use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use souk_sandbox::{Config, Sandbox, Settings};

pub(crate) const DAY: i64 = 24 * 60 * 60;

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    client: Client,
}

/// One who calls: with a key, and perhaps in the scope of a connected account.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    base: String,
    key: String,
    account: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{:#}", self.body);
        self.body
    }

    /// The error of a refusal with this status.
    pub(crate) fn refused(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body["error"].clone()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Asynchronous captures complete at once, so that tests don't wait.
pub(crate) fn config() -> Config {
    let settings = Settings { async_capture_ms: 0, ..Settings::default() };
    Config { listen: ([127, 0, 0, 1], 0).into(), seed: Some(7), settings, ..Config::default() }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(config()).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        let sandbox = Sandbox::start(config).await.unwrap();
        let client =
            Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { sandbox, client }
    }

    pub(crate) fn caller(&self, key: &str) -> Caller {
        Caller { client: self.client.clone(), base: self.sandbox.url(), key: key.to_owned(), account: None }
    }

    /// The platform that most tests are about.
    pub(crate) fn shop(&self) -> Caller {
        self.caller("sk_test_shop")
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Asks for something under `/_sandbox/`.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let answer = self.client.request(method, url).body(body.to_string()).send().await.unwrap();
        let status = answer.status();
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(status, StatusCode::OK, "{body:#}");
        body
    }

    /// Asks for something under `/_sandbox/` that may be refused.
    pub(crate) async fn try_control(&self, path: &str, body: Value) -> StatusCode {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        self.client.post(url).body(body.to_string()).send().await.unwrap().status()
    }

    pub(crate) async fn advance(&self, seconds: i64) {
        self.control(Method::POST, "clock/advance", json!({ "seconds": seconds })).await;
    }

    /// An Express seller who is through with onboarding.
    pub(crate) async fn seller(&self) -> String {
        self.seller_with(json!({})).await
    }

    pub(crate) async fn seller_with(&self, given: Value) -> String {
        let account = self.shop().post("accounts", &[("type", "express"), ("country", "US")]).await.ok();
        let id = account["id"].as_str().unwrap().to_owned();
        self.control(Method::POST, &format!("accounts/{id}/complete-onboarding"), given).await;
        id
    }
}

impl Caller {
    pub(crate) fn on(&self, account: &str) -> Self {
        Self { account: Some(account.to_owned()), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], &[]).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &[], &[]).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.send(Method::POST, path, form, &[]).await
    }

    pub(crate) async fn post_keyed(&self, path: &str, form: &[(&str, &str)], key: &str) -> Reply {
        self.send(Method::POST, path, form, &[("idempotency-key", key)]).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Reply {
        self.try_send(method, path, form, headers).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Reply, reqwest::Error> {
        let mut request =
            self.client.request(method, format!("{}/v1/{path}", self.base)).bearer_auth(&self.key);
        if let Some(account) = &self.account {
            request = request.header("stripe-account", account);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !form.is_empty() {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Reply { status, headers, text, body })
    }

    /// A payment that succeeded.
    pub(crate) async fn pay(&self, amount: i64, more: &[(&str, &str)]) -> Value {
        let amount = amount.to_string();
        let mut form = vec![("amount", amount.as_str()), ("currency", "usd"), ("confirm", "true")];
        if !more.iter().any(|(name, _)| name.starts_with("payment_method")) {
            form.push(("payment_method", "pm_card_visa"));
        }
        if !more.iter().any(|(name, _)| *name == "capture_method") {
            form.push(("capture_method", "automatic"));
        }
        form.extend_from_slice(more);
        let intent = self.post("payment_intents", &form).await.ok();
        assert_eq!(intent["status"], "succeeded");
        intent
    }

    /// The types of all events in this scope, oldest first.
    pub(crate) async fn event_types(&self) -> Vec<String> {
        let mut types: Vec<String> =
            self.list("events").await.iter().map(|event| text(&event["type"])).collect();
        types.reverse();
        types
    }

    /// All pages of a list, newest first.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let after =
                all.last().map(|last| format!("&starting_after={}", text(&last["id"]))).unwrap_or_default();
            let page = self.get(&format!("{path}{mark}limit=100{after}")).await.ok();
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] == false {
                return all;
            }
        }
    }

    /// Available and pending dollars.
    pub(crate) async fn balance(&self) -> (i64, i64) {
        let balance = self.get("balance").await.ok();
        let of = |part: &str| {
            let amounts = balance[part].as_array().unwrap();
            amounts.iter().find(|a| a["currency"] == "usd").map_or(0, |a| a["amount"].as_i64().unwrap())
        };
        (of("available"), of("pending"))
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
