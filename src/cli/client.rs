//! How the commands that play people call Souk, and the sandbox's controls.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::dev_state::DevFile;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How long to wait for what webhooks bring.
const PATIENCE: Duration = Duration::from_secs(30);

/// A caller of a running `souk dev`.
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    souk: String,
    sandbox: Option<String>,
}

impl Client {
    pub(crate) fn new(souk: &str, sandbox: Option<&str>) -> Self {
        Self { http: reqwest::Client::new(), souk: souk.to_owned(), sandbox: sandbox.map(str::to_owned) }
    }

    /// A caller of what a `dev.json` tells of.
    pub(crate) fn of(dev: &DevFile) -> Self {
        Self::new(&dev.api, dev.sandbox.as_deref())
    }

    /// A call of our API; one with a body under a key of its own.
    pub(crate) async fn call(
        &self,
        method: Method,
        token: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failed> {
        let key = uuid::Uuid::now_v7().to_string();
        self.send(method, token, path, body.map(|body| (key.as_str(), body))).await
    }

    /// Creates something under a key: the second time, the answer is the first one's.
    pub(crate) async fn create(
        &self,
        token: &str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<Value, Failed> {
        self.send(Method::POST, token, path, Some((key, body))).await
    }

    async fn send(
        &self,
        method: Method,
        token: &str,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, Failed> {
        let mut request = self.http.request(method, format!("{}{path}", self.souk)).bearer_auth(token);
        if let Some((key, body)) = body {
            request = request.header("Idempotency-Key", key).json(body);
        }
        let response = request.send().await?;
        let (status, answer) = (response.status(), response.text().await?);
        if status.is_success() {
            Ok(serde_json::from_str(&answer)?)
        } else {
            Err(format!("{path}: {answer}").into())
        }
    }

    /// A call of the sandbox's own controls.
    pub(crate) async fn control(&self, path: &str, body: &Value) -> Result<(), Failed> {
        let sandbox = self.sandbox.as_deref().ok_or("Stripe itself has no such controls: use the sandbox")?;
        let response = self.http.post(format!("{sandbox}{path}")).json(body).send().await?;
        response.error_for_status()?;
        Ok(())
    }

    /// Asks again until it is so.
    pub(crate) async fn wait(
        &self,
        token: &str,
        path: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failed> {
        let asked = tokio::time::timeout(PATIENCE, async {
            loop {
                let answer = self.call(Method::GET, token, path, None).await?;
                if is_so(&answer) {
                    return Ok(answer);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        asked.await.unwrap_or_else(|_| Err(format!("waited {} s in vain: {what}", PATIENCE.as_secs()).into()))
    }
}

/// A field of an answer that must be there.
pub(crate) fn text(object: &Value, field: &str) -> Result<String, Failed> {
    object[field]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("an answer has no {field}: {object}").into())
}
