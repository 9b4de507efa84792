//! The operations of a walk that nobody asks for: disputes, money that comes back, debits that bounce.

use rand::{Rng, seq::IndexedRandom};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::steps::{Known, Walk, form};
use crate::world::text;

pub(super) const KINDS: &[&str] = &[
    "dispute",
    "dispute",
    "evidence",
    "dispute given up",
    "dispute decided",
    "dispute decided",
    "early fraud warning",
    "refund failed",
    "refund canceled",
    "payout failed",
    "payout reversed",
    "debit",
    "debit",
    "top-up",
    "top-up canceled",
    "card with an aftermath",
    "session paid",
];

impl Walk {
    pub(super) async fn meet_trouble(&mut self, kind: &str) -> bool {
        match kind {
            "dispute" => self.open_dispute().await,
            "evidence" => self.submit_evidence().await,
            "dispute given up" => self.give_up_dispute().await,
            "dispute decided" => self.decide_dispute().await,
            "early fraud warning" => self.warn().await,
            "refund failed" => self.fail_refund().await,
            "refund canceled" => self.cancel_refund().await,
            "payout failed" => self.fail_payout().await,
            "payout reversed" => self.reverse_payout().await,
            "debit" => self.debit().await,
            "top-up" => self.top_up().await,
            "top-up canceled" => self.cancel_top_up().await,
            "card with an aftermath" => self.pay_with_aftermath().await,
            _ => self.pay_session().await,
        }
    }

    async fn open_dispute(&mut self) -> bool {
        let Some(charge) = self.any(|walk| &walk.charges) else { return false };
        let mut asked = json!({ "charge": charge.id, "inquiry": self.rng.random_bool(0.2) });
        if self.rng.random_bool(0.3) {
            asked["amount"] = json!(self.rng.random_range(1..=charge.amount));
        }
        let Some(dispute) = self.order("disputes", asked).await else { return false };
        self.disputes.push(Known { id: text(&dispute["id"]), ..charge });
        true
    }

    async fn submit_evidence(&mut self) -> bool {
        let Some(dispute) = self.any(|walk| &walk.disputes) else { return false };
        let submit = self.rng.random_bool(0.7).to_string();
        let text = *["winning_evidence", "losing_evidence", "a photo"].choose(&mut self.rng).unwrap();
        let form = form(&[("evidence[uncategorized_text]", text), ("submit", &submit)]);
        self.ask(dispute.scope.as_deref(), &format!("disputes/{}", dispute.id), form).await.is_some()
    }

    async fn give_up_dispute(&mut self) -> bool {
        let Some(dispute) = self.any(|walk| &walk.disputes) else { return false };
        let path = format!("disputes/{}/close", dispute.id);
        self.ask(dispute.scope.as_deref(), &path, form(&[])).await.is_some()
    }

    async fn decide_dispute(&mut self) -> bool {
        let Some(dispute) = self.any(|walk| &walk.disputes) else { return false };
        let outcome = *["won", "lost", "escalated"].choose(&mut self.rng).unwrap();
        let path = format!("disputes/{}/close", dispute.id);
        self.order(&path, json!({ "outcome": outcome })).await.is_some()
    }

    async fn warn(&mut self) -> bool {
        let Some(charge) = self.any(|walk| &walk.charges) else { return false };
        self.order("early_fraud_warnings", json!({ "charge": charge.id })).await.is_some()
    }

    async fn fail_refund(&mut self) -> bool {
        let Some(refund) = self.any(|walk| &walk.refunds) else { return false };
        self.order(&format!("refunds/{}/fail", refund.id), json!({})).await.is_some()
    }

    async fn cancel_refund(&mut self) -> bool {
        let Some(refund) = self.any(|walk| &walk.refunds) else { return false };
        let waits = self.order(&format!("refunds/{}/require-action", refund.id), json!({})).await.is_some();
        let path = format!("refunds/{}/cancel", refund.id);
        waits && self.ask(refund.scope.as_deref(), &path, form(&[])).await.is_some()
    }

    async fn fail_payout(&mut self) -> bool {
        let Some(payout) = self.any(|walk| &walk.payouts) else { return false };
        self.order(&format!("payouts/{}/fail", payout.id), json!({})).await.is_some()
    }

    async fn reverse_payout(&mut self) -> bool {
        let Some(payout) = self.any(|walk| &walk.payouts) else { return false };
        let path = format!("payouts/{}/reverse", payout.id);
        self.ask(payout.scope.as_deref(), &path, form(&[])).await.is_some()
    }

    /// A bank debit: its money comes days later, or does not, or is taken back.
    async fn debit(&mut self) -> bool {
        let amount = self.rng.random_range(100..50_000_i64);
        let methods = ["success", "success", "insufficientFunds", "dispute"];
        let method = format!("pm_usBankAccount_{}", methods.choose(&mut self.rng).unwrap());
        let seller = self.seller();
        let mut form = form(&[
            ("amount", &amount.to_string()),
            ("currency", "usd"),
            ("confirm", "true"),
            ("payment_method", &method),
            ("allowed_payment_method_types[]", "us_bank_account"),
            ("mandate_data[customer_acceptance][type]", "offline"),
        ]);
        if self.rng.random_bool(0.5) {
            form.push(("transfer_data[destination]".into(), seller));
        }
        let Some(intent) = self.ask(None, "payment_intents", form).await else { return false };
        let id = text(&intent["latest_charge"]);
        self.charges.push(Known { id, scope: None, amount, currency: "usd" });
        true
    }

    async fn top_up(&mut self) -> bool {
        let amount = self.rng.random_range(100..50_000_i64);
        let form = form(&[("amount", &amount.to_string()), ("currency", "usd")]);
        let Some(topup) = self.ask(None, "topups", form).await else { return false };
        self.topups.push(Known { id: text(&topup["id"]), scope: None, amount, currency: "usd" });
        true
    }

    async fn cancel_top_up(&mut self) -> bool {
        let Some(topup) = self.topups.last() else { return false };
        self.ask(None, &format!("topups/{}/cancel", topup.id), form(&[])).await.is_some()
    }

    async fn pay_with_aftermath(&mut self) -> bool {
        let cards = [
            "createDispute",
            "createDisputeInquiry",
            "createMultipleDisputes",
            "refundFail",
            "pendingRefund",
        ];
        let card = format!("pm_card_{}", cards.choose(&mut self.rng).unwrap());
        let amount = self.rng.random_range(100..50_000_i64);
        let form = form(&[
            ("amount", &amount.to_string()),
            ("currency", "usd"),
            ("confirm", "true"),
            ("payment_method", &card),
            ("return_url", "https://shop.test/"),
        ]);
        let Some(intent) = self.ask(None, "payment_intents", form).await else { return false };
        let id = text(&intent["latest_charge"]);
        self.charges.push(Known { id, scope: None, amount, currency: "usd" });
        true
    }

    async fn pay_session(&mut self) -> bool {
        let amount = self.rng.random_range(100..50_000_i64).to_string();
        let seller = self.seller();
        let form = form(&[
            ("mode", "payment"),
            ("success_url", "https://shop.test/"),
            ("line_items[0][price_data][currency]", "usd"),
            ("line_items[0][price_data][unit_amount]", &amount),
            ("line_items[0][price_data][product_data][name]", "Vase"),
            ("line_items[0][quantity]", "2"),
            ("payment_intent_data[transfer_data][destination]", &seller),
            ("payment_intent_data[application_fee_amount]", "7"),
        ]);
        let Some(session) = self.ask(None, "checkout/sessions", form).await else { return false };
        let number = *["4242424242424242", "4000000000000002"].choose(&mut self.rng).unwrap();
        let page = self.world.client().post(text(&session["url"]));
        let body = format!("email=a%40b.test&kind=card&name=Ada&number={number}&exp=12%2F34&cvc=123");
        let page = page.header("content-type", "application/x-www-form-urlencoded").body(body);
        page.send().await.unwrap().status() == StatusCode::SEE_OTHER
    }

    /// Asks for something under `/_sandbox/` that may be refused.
    async fn order(&self, path: &str, body: Value) -> Option<Value> {
        let url = format!("{}/_sandbox/{path}", self.world.sandbox.url());
        let answer = self.world.client().post(url).body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(
            status == StatusCode::OK || status == StatusCode::BAD_REQUEST,
            "{path} {body}: {status} {text}"
        );
        (status == StatusCode::OK).then(|| serde_json::from_str(&text).unwrap())
    }
}
