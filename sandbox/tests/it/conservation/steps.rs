//! The operations of a walk. What is asked for is random; whether it is granted depends on what came before.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::trouble;
use crate::world::{Caller, Reply, World, text};

/// Every kind of operation, as often as it is wanted.
pub(super) const KINDS: &[&str] = &[
    "charge",
    "charge",
    "destination charge",
    "destination charge",
    "direct charge",
    "direct charge",
    "hold",
    "capture",
    "cancellation",
    "authentication",
    "refund",
    "refund",
    "refund with flags",
    "transfer",
    "transfer of charge",
    "reversal",
    "fee refund",
    "payout",
    "payout",
    "instant payout",
    "payout cancellation",
    "schedule",
    "clock",
];

pub(super) type Form = Vec<(String, String)>;

/// An object, and the seller in whose scope it is; none is the platform.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) scope: Option<String>,
    pub(super) amount: i64,
    pub(super) currency: &'static str,
}

pub(super) struct Walk {
    pub(super) world: World,
    pub(super) platform: String,
    pub(super) sellers: Vec<String>,
    /// How often each kind was granted.
    pub(super) granted: BTreeMap<&'static str, usize>,
    pub(super) rng: StdRng,
    pub(super) charges: Vec<Known>,
    pub(super) refunds: Vec<Known>,
    pub(super) payouts: Vec<Known>,
    pub(super) disputes: Vec<Known>,
    pub(super) topups: Vec<Known>,
    holds: Vec<Known>,
    transfers: Vec<Known>,
    fees: Vec<Known>,
}

impl Walk {
    pub(super) async fn start(seed: u64) -> Self {
        let world = World::start().await;
        let platform = text(&world.shop().get("account").await.ok()["id"]);
        let mut sellers = vec![world.seller().await, world.seller().await];
        // Payouts of this one come back.
        sellers.push(world.seller_with(json!({ "account_number": "000111111116" })).await);
        // Stripe's fees on direct charges of this one are the platform's.
        let form =
            [("controller[fees][payer]", "application"), ("controller[losses][payments]", "application")];
        let seller = text(&world.shop().post("accounts", &form).await.ok()["id"]);
        world.control(Method::POST, &format!("accounts/{seller}/complete-onboarding"), json!({})).await;
        sellers.push(seller);
        // This one is below zero at times, and is debited.
        sellers.push(world.seller().await);
        let form = [("payments[debit_negative_balances]", "true")];
        world.shop().on(&sellers[4]).post("balance_settings", &form).await.ok();
        // This one settles in euros: what it gets in dollars is exchanged.
        let seller =
            text(&world.shop().post("accounts", &[("type", "express"), ("country", "DE")]).await.ok()["id"]);
        world.control(Method::POST, &format!("accounts/{seller}/complete-onboarding"), json!({})).await;
        sellers.push(seller);
        Self {
            world,
            platform,
            sellers,
            granted: BTreeMap::new(),
            rng: StdRng::seed_from_u64(seed),
            charges: Vec::new(),
            refunds: Vec::new(),
            payouts: Vec::new(),
            disputes: Vec::new(),
            topups: Vec::new(),
            holds: Vec::new(),
            transfers: Vec::new(),
            fees: Vec::new(),
        }
    }

    /// Asks for one thing, and notes whether it was granted.
    pub(super) async fn step(&mut self) {
        let index = self.rng.random_range(0..KINDS.len() + trouble::KINDS.len());
        let kind = KINDS.get(index).copied().unwrap_or_else(|| trouble::KINDS[index - KINDS.len()]);
        let granted = match kind {
            "charge" | "destination charge" | "direct charge" | "hold" => self.pay(kind).await,
            "capture" => self.capture().await,
            "cancellation" => self.cancel_hold().await,
            "authentication" => self.authenticate().await,
            "refund" => self.refund(false).await,
            "refund with flags" => self.refund(true).await,
            "transfer" => self.transfer(None).await,
            "transfer of charge" => {
                let charge = self.any(|walk| &walk.charges);
                self.transfer(charge).await
            }
            "reversal" => self.reverse().await,
            "fee refund" => self.refund_fee().await,
            "payout" => self.pay_out("standard").await,
            "instant payout" => self.pay_out("instant").await,
            "payout cancellation" => self.cancel_payout().await,
            "schedule" => self.schedule().await,
            "clock" => self.wait().await,
            trouble => self.meet_trouble(trouble).await,
        };
        if granted {
            *self.granted.entry(kind).or_default() += 1;
        }
    }

    async fn pay(&mut self, kind: &str) -> bool {
        let amount = self.rng.random_range(60..50_000);
        let currency = *["usd", "usd", "usd", "usd", "usd", "eur", "jpy"].choose(&mut self.rng).unwrap();
        let fee = amount * self.rng.random_range(0..=100) / 100;
        let cards =
            ["pm_card_visa", "pm_card_bypassPending", "pm_card_bypassPending", "pm_card_chargeDeclined"];
        let card = *cards.choose(&mut self.rng).unwrap();
        let seller = self.seller();
        let model = if kind == "hold" { self.rng.random_range(0..3) } else { -1 };
        let mut form = form(&[
            ("amount", &amount.to_string()),
            ("currency", currency),
            ("confirm", "true"),
            ("payment_method", card),
            ("return_url", "https://shop.test/"),
            ("capture_method", if kind == "hold" { "manual" } else { "automatic" }),
        ]);
        let mut scope = None;
        if kind == "destination charge" || model == 1 {
            form.push(("transfer_data[destination]".into(), seller));
            if self.rng.random_bool(0.3) {
                form.push(("transfer_data[amount]".into(), (amount - fee).max(1).to_string()));
            } else {
                form.push(("application_fee_amount".into(), fee.to_string()));
            }
        } else if kind == "direct charge" || model == 2 {
            form.push(("application_fee_amount".into(), fee.to_string()));
            scope = Some(seller);
        }
        let Some(intent) = self.ask(scope.as_deref(), "payment_intents", form).await else { return false };
        let known = |id: &Value| Known { id: text(id), scope, amount, currency };
        if kind == "hold" {
            self.holds.push(known(&intent["id"]));
            return true;
        }
        let charge = known(&intent["latest_charge"]);
        self.note_fee(&charge).await;
        self.charges.push(charge);
        true
    }

    /// Remembers the fee that a charge paid, if it did.
    async fn note_fee(&mut self, charge: &Known) {
        let found = self.caller(charge.scope.as_deref()).get(&format!("charges/{}", charge.id)).await.ok();
        if let Some(id) = found["application_fee"].as_str() {
            self.fees.push(Known { id: id.to_owned(), scope: None, ..charge.clone() });
        }
    }

    async fn capture(&mut self) -> bool {
        let Some(hold) = self.take(|walk| &mut walk.holds) else { return false };
        let part = self.part(hold.amount);
        let path = format!("payment_intents/{}/capture", hold.id);
        let form =
            if self.rng.random_bool(0.5) { form(&[("amount_to_capture", &part)]) } else { Form::new() };
        let Some(intent) = self.ask(hold.scope.as_deref(), &path, form).await else { return false };
        let charge = Known { id: text(&intent["latest_charge"]), ..hold };
        self.note_fee(&charge).await;
        self.charges.push(charge);
        true
    }

    async fn cancel_hold(&mut self) -> bool {
        let Some(hold) = self.take(|walk| &mut walk.holds) else { return false };
        let path = format!("payment_intents/{}/cancel", hold.id);
        self.ask(hold.scope.as_deref(), &path, Form::new()).await.is_some()
    }

    async fn authenticate(&mut self) -> bool {
        let amount = self.rng.random_range(60..50_000_i64);
        let form = form(&[
            ("amount", &amount.to_string()),
            ("currency", "usd"),
            ("confirm", "true"),
            ("payment_method", "pm_card_authenticationRequired"),
            ("return_url", "https://shop.test/"),
        ]);
        let Some(intent) = self.ask(None, "payment_intents", form).await else { return false };
        let url = text(&intent["next_action"]["redirect_to_url"]["url"]);
        let outcome = *["complete", "fail"].choose(&mut self.rng).unwrap();
        let page = self.world.client().post(url).header("content-type", "application/x-www-form-urlencoded");
        let answer = page.body(format!("outcome={outcome}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        if outcome == "complete" {
            let path = format!("payment_intents/{}", text(&intent["id"]));
            let intent = self.world.shop().get(&path).await.ok();
            let id = text(&intent["latest_charge"]);
            self.charges.push(Known { id, scope: None, amount, currency: "usd" });
        }
        outcome == "complete"
    }

    async fn refund(&mut self, flags: bool) -> bool {
        let Some(charge) = self.any(|walk| &walk.charges) else { return false };
        let mut form = form(&[("charge", &charge.id)]);
        if self.rng.random_bool(0.7) {
            form.push(("amount".into(), self.part(charge.amount)));
        }
        if flags {
            let names: &[&str] = if charge.scope.is_some() {
                &["refund_application_fee"]
            } else {
                &["refund_application_fee", "reverse_transfer"]
            };
            form.extend(names.iter().map(|name| ((*name).to_owned(), "true".to_owned())));
        }
        let Some(refund) = self.ask(charge.scope.as_deref(), "refunds", form).await else { return false };
        self.refunds.push(Known { id: text(&refund["id"]), ..charge });
        true
    }

    async fn transfer(&mut self, charge: Option<Known>) -> bool {
        let (amount, currency) = match &charge {
            Some(charge) => (self.part(charge.amount), charge.currency),
            None => (self.rng.random_range(1..20_000).to_string(), "usd"),
        };
        let seller = self.seller();
        let mut form = form(&[("amount", &amount), ("currency", currency), ("destination", &seller)]);
        form.extend(charge.map(|charge| ("source_transaction".to_owned(), charge.id)));
        let Some(transfer) = self.ask(None, "transfers", form).await else { return false };
        let amount = amount.parse().unwrap();
        self.transfers.push(Known { id: text(&transfer["id"]), scope: None, amount, currency });
        true
    }

    async fn reverse(&mut self) -> bool {
        let Some(transfer) = self.any(|walk| &walk.transfers) else { return false };
        let form = form(&[("amount", &self.part(transfer.amount))]);
        self.ask(None, &format!("transfers/{}/reversals", transfer.id), form).await.is_some()
    }

    async fn refund_fee(&mut self) -> bool {
        let Some(fee) = self.any(|walk| &walk.fees) else { return false };
        let form = form(&[("amount", &self.part(fee.amount / 4))]);
        self.ask(None, &format!("application_fees/{}/refunds", fee.id), form).await.is_some()
    }

    async fn pay_out(&mut self, method: &str) -> bool {
        let scope = if self.rng.random_bool(0.8) { Some(self.seller()) } else { None };
        let amount = self.rng.random_range(1..15_000_i64);
        let form = form(&[("amount", &amount.to_string()), ("currency", "usd"), ("method", method)]);
        let Some(payout) = self.ask(scope.as_deref(), "payouts", form).await else { return false };
        self.payouts.push(Known { id: text(&payout["id"]), scope, amount, currency: "usd" });
        true
    }

    async fn cancel_payout(&mut self) -> bool {
        let Some(payout) = self.payouts.last().cloned() else { return false };
        let path = format!("payouts/{}/cancel", payout.id);
        self.ask(payout.scope.as_deref(), &path, Form::new()).await.is_some()
    }

    async fn schedule(&mut self) -> bool {
        let seller = self.seller();
        let interval = *["manual", "manual", "daily"].choose(&mut self.rng).unwrap();
        let form = form(&[("settings[payouts][schedule][interval]", interval)]);
        self.ask(None, &format!("accounts/{seller}"), form).await.is_some()
    }

    async fn wait(&mut self) -> bool {
        let hours = self.rng.random_range(1..48);
        self.world.advance(hours * 3600).await;
        true
    }

    /// A refusal is fine; that the sandbox does not know what to say is not.
    pub(super) async fn ask(&self, scope: Option<&str>, path: &str, form: Form) -> Option<Value> {
        let fields: Vec<(&str, &str)> = form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let Reply { status, body, .. } = self.caller(scope).post(path, &fields).await;
        let expected = [200, 400, 402].contains(&status.as_u16());
        assert!(
            expected && body["error"]["code"] != "parameter_unknown",
            "{path} {form:?}: {status} {body:#}"
        );
        (status == StatusCode::OK).then_some(body)
    }

    fn caller(&self, scope: Option<&str>) -> Caller {
        scope.map_or_else(|| self.world.shop(), |seller| self.world.shop().on(seller))
    }

    pub(super) fn seller(&mut self) -> String {
        self.sellers.choose(&mut self.rng).unwrap().clone()
    }

    /// Something of what is there, rather the new than the old.
    pub(super) fn any(&mut self, of: impl Fn(&Self) -> &Vec<Known>) -> Option<Known> {
        let count = of(self).len();
        let newest = count.saturating_sub(20);
        (count > 0).then(|| self.rng.random_range(newest..count)).map(|index| of(self)[index].clone())
    }

    fn take(&mut self, of: impl Fn(&mut Self) -> &mut Vec<Known>) -> Option<Known> {
        of(self).pop()
    }

    fn part(&mut self, of: i64) -> String {
        self.rng.random_range(1..=of.max(1)).to_string()
    }
}

pub(super) fn form(fields: &[(&str, &str)]) -> Form {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
