//! The commands that people type, as processes of their own: endpoints, doctor, missed events.

use std::process::{Command, Output};

use poem::{
    Request, Response, Server, handler,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use souk::{
    context::Context,
    webhooks::{Endpoint, Inbox},
};

use crate::{
    engines::on_both_databases,
    webhooks::sign,
    world::{JWT_SECRET, World, eventually, text},
};

const SOUK: &str = env!("CARGO_BIN_EXE_souk");

on_both_databases!(
    async fn endpoints_are_registered_once_and_keep_their_secrets_when_they_are_updated(world: World) {
        let desk = Desk::elsewhere(&world);
        let first = desk.souk(&["webhooks", "register"]).await.good();
        let secrets: Vec<&str> = first.lines().filter(|line| line.contains("whsec_")).collect();
        assert_eq!(secrets.len(), 2, "{first}");
        assert!(secrets[0].starts_with("STRIPE_WEBHOOK_SECRETS=whsec_"), "{first}");
        assert!(secrets[1].starts_with("STRIPE_CONNECT_WEBHOOK_SECRETS=whsec_"), "{first}");
        let registered = desk.endpoints().await;
        assert_eq!(registered.len(), 2);
        for endpoint in &registered {
            let connect = text(&endpoint["url"]).ends_with("/connect");
            assert_eq!(endpoint["enabled_events"], json!(souk::events::types_heard(connect)));
        }

        // Somebody has changed one, and switched it off.
        let changed = format!("/v1/webhook_endpoints/{}", text(&registered[0]["id"]));
        let form = [("enabled_events[]", "payout.paid"), ("disabled", "true")];
        world.stripe_post(None, &changed, &form).await;
        let again = desk.souk(&["webhooks", "register"]).await.good();
        assert!(!again.contains("whsec_"), "{again}");
        assert_eq!(desk.endpoints().await, registered, "the same two, as they were");
    }
);

on_both_databases!(
    /// The secret is only in the answer to the creation. An answer that is lost leaves an endpoint that nobody can
    /// check; the next try takes it away.
    async fn an_endpoint_whose_secret_was_lost_is_replaced(world: World) {
        let desk = Desk::elsewhere(&world);
        // Lost on the way to a command that goes on.
        let fault = json!({"method": "POST", "path": "/v1/webhook_endpoints", "kind": "cut_after"});
        world.control("/_sandbox/faults", &fault).await;
        desk.souk(&["webhooks", "register"]).await.good();
        assert_eq!(desk.endpoints().await.len(), 2);

        // Lost with the command: what it leaves is ours, and names no secret.
        let platform = format!("{}/webhooks/stripe/platform", desk.public_url);
        let left: Vec<Value> = desk.endpoints().await;
        let of_platform = left.iter().find(|one| text(&one["url"]) == platform).unwrap();
        let lost = format!("/v1/webhook_endpoints/{}", text(&of_platform["id"]));
        world.stripe_post(None, &lost, &[("metadata[souk_secret]", "")]).await;
        let again = desk.souk(&["webhooks", "register"]).await.good();
        assert!(again.contains("STRIPE_WEBHOOK_SECRETS=whsec_"), "{again}");
        assert!(!again.contains("STRIPE_CONNECT_WEBHOOK_SECRETS=whsec_"), "{again}");
        let now = desk.endpoints().await;
        assert_eq!(now.len(), 2);
        assert!(!now.iter().any(|one| one["id"] == of_platform["id"]), "{now:?}");
    }
);

on_both_databases!(
    async fn a_secret_is_rotated_without_a_moment_in_which_none_is_good(world: World) {
        let mut desk = Desk::elsewhere(&world);
        let rotate = ["webhooks", "rotate", "--platform"];
        desk.souk(&rotate).await.bad("nothing is registered");
        desk.register().await;
        desk.souk(&["webhooks", "rotate", "--platform", "--finish"]).await.bad("no rotation is under way");
        let old = desk.endpoints().await;

        // A second endpoint; both are there, and a second rotation is not begun.
        let begun = desk.souk(&rotate).await.good();
        assert_eq!(desk.endpoints().await.len(), 3);
        desk.souk(&rotate).await.bad("--again");

        // Its secret is lost: another, and the lost one is gone.
        let again = desk.souk(&["webhooks", "rotate", "--platform", "--again"]).await.good();
        assert_eq!(desk.endpoints().await.len(), 3);
        let secret_in = |out: &str| out.lines().find(|line| line.starts_with("whsec_")).unwrap().to_owned();
        let (lost, secret) = (secret_in(&begun), secret_in(&again));
        assert_ne!(lost, secret);

        // Not before it is set, and used.
        let finish = ["webhooks", "rotate", "--platform", "--finish"];
        desk.souk(&finish).await.bad("is not in STRIPE_WEBHOOK_SECRETS");
        desk.platform_secrets = format!("{},{secret}", desk.platform_secrets);
        desk.souk(&finish).await.bad("has proven no delivery yet");
        desk.a_delivery_comes_signed_with(&secret).await;
        let finished = desk.souk(&finish).await.good();
        let now = desk.endpoints().await;
        assert_eq!(now.len(), 2, "{finished}");
        let gone = old.iter().find(|one| !now.contains(one)).unwrap();
        assert!(finished.contains(&text(&gone["id"])), "{finished}");
        // Either setting works on: the old secret may be taken out at leisure.
        desk.souk(&["doctor"]).await.good();
        desk.souk(&finish).await.bad("no rotation is under way");
    }
);

on_both_databases!(
    async fn the_doctor_finds_nothing_wrong_with_a_good_service_and_names_each_fault(world: World) {
        let mut desk = Desk::elsewhere(&world);
        desk.register().await;
        world.active_seller().await;
        let healthy = desk.souk(&["doctor"]).await.good();
        assert!(!healthy.contains("WRONG") && healthy.lines().count() >= 12, "{healthy}");
        let report: Value = serde_json::from_str(&desk.souk(&["doctor", "--json"]).await.good()).unwrap();
        assert_eq!(report["ok"], true);
        assert!(report["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{report}");

        // Settings.
        for (name, value, check) in [
            ("SOUK_ALLOWED_REDIRECT_ORIGINS", "http://app.example.com", "origins"),
            ("SOUK_ALLOWED_REDIRECT_ORIGINS", "", "origins"),
            ("SOUK_DATA_KEY", &"6e".repeat(32), "data key"),
            ("SOUK_DATA_KEY", "short", "settings"),
            ("STRIPE_SECRET_KEY", "sk_live_x", "settings"),
            ("STRIPE_WEBHOOK_SECRETS", "", "webhooks"),
            ("STRIPE_CONNECT_WEBHOOK_SECRETS", "whsec_of_another", "connect hooks"),
            ("SOUK_PUBLIC_URL", "http://127.0.0.1:9/nowhere", "webhooks"),
        ] {
            desk.souk_with(&["doctor"], &[(name, value)]).await.is_wrong(check);
        }
        desk.souk(&["doctor", "--url", "http://127.0.0.1:9/nowhere"]).await.is_wrong("webhooks");
        // Endpoints.
        let platform = desk.endpoints().await.into_iter().find(|one| text(&one["url"]).ends_with("platform"));
        let path = format!("/v1/webhook_endpoints/{}", text(&platform.unwrap()["id"]));
        for change in
            [("disabled", "true"), ("enabled_events[]", "payout.paid"), ("metadata[souk_secret]", "")]
        {
            world.stripe_post(None, &path, &[change]).await;
            desk.souk(&["doctor"]).await.is_wrong("webhooks");
            desk.register().await;
        }
        desk.souk(&["doctor"]).await.good();
        // Events that nobody reads.
        let unread = "UPDATE event_cursors SET state = 'refused' WHERE scope = 'platform'";
        sea_orm::ConnectionTrait::execute_unprepared(&world.ctx.db, unread).await.unwrap();
        desk.souk(&["doctor"]).await.is_wrong("events");
    }
);

on_both_databases!(
    async fn the_doctor_names_the_permissions_that_a_restricted_key_lacks(world: World) {
        let mut desk = Desk::elsewhere(&world);
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        desk.stripe = format!("http://{}", acceptor.local_addr()[0].as_socket_addr().unwrap());
        tokio::spawn(Server::new_with_acceptor(acceptor).run(restricted));
        let report = desk.souk(&["doctor", "--json"]).await;
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        let of = |name: &str| {
            let checks = report["checks"].as_array().unwrap();
            checks.iter().find(|check| check["name"] == name).unwrap()["detail"].as_str().unwrap()
        };
        let lacks = "no read of Events, Payouts: HTTP 403 more_permissions_required";
        assert_eq!(of("permissions"), lacks);
    }
);

on_both_databases!(
    async fn missed_events_are_found_on_demand(world: World) {
        let desk = Desk::elsewhere(&world);
        world.control("/_sandbox/webhooks", &json!({"mode": "drop"})).await;
        let body = json!({"email": "ada@example.com", "country": "US"});
        let seller = world.service().post("/v1/sellers", &body).await.is(201);
        let account = text(&seller["stripe_account_id"]);
        world.control(&format!("/_sandbox/accounts/{account}/complete-onboarding"), &json!({})).await;
        desk.souk(&["reconcile", "events", "--account", "acct_1Nobody"])
            .await
            .bad("no seller has the account");
        desk.souk(&["reconcile", "events", "--account", "nobody"]).await.bad("acct_");
        desk.souk(&["reconcile", "--since", "3"]).await.bad("required");
        desk.souk(&["reconcile", "events", "--since", "yesterday"]).await.bad("a number of days");
        let of_platform = desk.souk(&["reconcile", "events", "--account", "platform"]).await.good();
        assert!(of_platform.contains("platform") && !of_platform.contains(&account), "{of_platform}");
        let path = format!("/v1/sellers/{}", text(&seller["id"]));
        assert_eq!(world.operator().get(&path).await.is(200)["status"], "onboarding");

        let found = desk.souk(&["reconcile", "events", "--since", "2"]).await.good();
        assert!(found.contains("2 scopes: ") && !found.contains(" 0 of them new"), "{found}");
        world.until(&path, "the seller is active", |seller| seller["status"] == "active").await;
        let again = desk.souk(&["reconcile", "events"]).await.good();
        assert!(again.contains("2 scopes: ") && again.contains(" 0 of them new"), "{again}");
        // The books are compared as before.
        assert!(desk.souk(&["reconcile"]).await.good().contains("clean"));
    }
);

/// A Stripe whose key may not read events and payouts.
#[handler]
fn restricted(request: &Request) -> Response {
    let refused = ["/v1/events", "/v1/payouts"].contains(&request.uri().path());
    let error = json!({"error": {"type": "invalid_request_error", "code": "more_permissions_required"}});
    let (status, body) = match refused {
        true => (StatusCode::FORBIDDEN, error),
        false => (StatusCode::OK, json!({"id": "acct_1Platform", "data": [], "has_more": false})),
    };
    Response::builder().status(status).body(body.to_string())
}

/// Where commands are typed: the settings of a service that is to be reached under an address of its own.
struct Desk<'w> {
    world: &'w World,
    public_url: String,
    stripe: String,
    platform_secrets: String,
    connect_secrets: String,
}

impl<'w> Desk<'w> {
    fn elsewhere(world: &'w World) -> Self {
        Self {
            world,
            public_url: "http://127.0.0.1:9/elsewhere".to_owned(),
            stripe: world.sandbox.url(),
            platform_secrets: String::new(),
            connect_secrets: String::new(),
        }
    }

    async fn souk(&self, args: &[&str]) -> Output {
        self.souk_with(args, &[]).await
    }

    async fn souk_with(&self, args: &[&str], other: &[(&str, &str)]) -> Output {
        let mut command = Command::new(SOUK);
        let database = self.world.ctx.config.database_url.expose_secret().to_owned();
        command.args(args).env_clear().envs([
            ("DATABASE_URL", database.as_str()),
            ("STRIPE_SECRET_KEY", "sk_test_souk"),
            ("STRIPE_PUBLISHABLE_KEY", "pk_test_souk"),
            ("STRIPE_API_BASE", &self.stripe),
            ("STRIPE_WEBHOOK_SECRETS", &self.platform_secrets),
            ("STRIPE_CONNECT_WEBHOOK_SECRETS", &self.connect_secrets),
            ("SOUK_PUBLIC_URL", &self.public_url),
            ("SOUK_ALLOWED_REDIRECT_ORIGINS", "https://app.example.com"),
            ("SOUK_JWT_SECRET", JWT_SECRET),
            ("SOUK_DATA_KEY", &"5e".repeat(32)),
        ]);
        for (name, value) in other {
            // An empty one is one that is not set.
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Registers, and sets what is printed.
    async fn register(&mut self) {
        let printed = self.souk(&["webhooks", "register"]).await.good();
        for line in printed.lines() {
            match line.split_once('=') {
                Some(("STRIPE_WEBHOOK_SECRETS", secret)) => secret.clone_into(&mut self.platform_secrets),
                Some(("STRIPE_CONNECT_WEBHOOK_SECRETS", secret)) => {
                    secret.clone_into(&mut self.connect_secrets)
                }
                _ => {}
            }
        }
    }

    /// The endpoints of this desk's service.
    async fn endpoints(&self) -> Vec<Value> {
        let list = self.world.stripe(None, "/v1/webhook_endpoints?limit=100").await;
        let all = list["data"].as_array().unwrap().iter();
        all.filter(|endpoint| text(&endpoint["url"]).starts_with(&self.public_url)).cloned().collect()
    }

    /// The service of this desk takes a delivery.
    async fn a_delivery_comes_signed_with(&self, secret: &str) {
        let mut config = (*self.world.ctx.config).clone();
        config.platform_webhook_secrets = vec!["whsec_old".into(), secret.into()];
        let ctx = Context { config: config.into(), ..self.world.ctx.clone() };
        let event = json!({
            "id": "evt_rotated", "object": "event", "api_version": "2026-09-30.endive", "livemode": false,
            "created": 1_795_240_800, "type": "customer.created", "data": {"object": {"id": "cus_1"}},
        });
        let body = event.to_string().into_bytes();
        let header = sign(&body, &SecretString::from(secret), ctx.clock.wall().timestamp());
        let inbox = Inbox::start(ctx);
        inbox.receive(Endpoint::Platform, &body, Some(&header)).await.unwrap();
        inbox.close().await;
        let uses = "SELECT COUNT(*) AS count FROM webhook_secret_uses";
        eventually("its use is written down", async || self.world.count(uses).await > 0).await;
    }
}

/// How a command ended.
trait Ended {
    /// Well; what it printed.
    fn good(&self) -> String;
    /// Badly, saying this.
    fn bad(&self, why: &str);
    /// As a doctor who found this wrong.
    fn is_wrong(&self, check: &str);
}

impl Ended for Output {
    #[track_caller]
    fn good(&self) -> String {
        let (out, errors) = (String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr));
        assert!(self.status.success(), "{out}\n{errors}");
        out.into_owned()
    }

    #[track_caller]
    fn bad(&self, why: &str) {
        let errors = String::from_utf8_lossy(&self.stderr);
        assert!(!self.status.success() && errors.contains(why), "{why}: {errors}");
        assert!(!errors.contains("whsec_"), "{errors}");
    }

    #[track_caller]
    fn is_wrong(&self, check: &str) {
        let out = String::from_utf8_lossy(&self.stdout);
        let wrong: Vec<&str> = out.lines().filter(|line| line.starts_with("WRONG")).collect();
        assert!(wrong.iter().any(|line| line.starts_with(&format!("WRONG  {check}"))), "{check}: {out}");
        assert_eq!(self.status.code(), Some(1), "{out}");
        // Each says what to do.
        assert!(wrong.iter().all(|line| line.contains(": ")) && !out.contains("whsec_"), "{out}");
    }
}
