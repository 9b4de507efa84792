//! A marketplace with one seller, whose money is moved by hand: by calls of the sandbox, as Stripe would be called, and
//! by postings, as the rooms make them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use souk::{
    db,
    ledger::{
        self, Account, Posting, PostingError,
        postings::{DestinationSale, DirectSale, SeparateSale, ShareOfSale, ShareTransfer},
    },
};
use souk_entity::{Money, OrderId, OrderShareId, Scope, SellerId, StripeAccountId};
use uuid::Uuid;

use crate::{
    engines::Engine,
    world::{SECRET_KEY, World, text},
};

const DAY_S: u64 = 86_400;

/// A marketplace with one seller, whose money is moved by hand.
pub(crate) struct Market {
    pub(crate) world: World,
    pub(crate) account: StripeAccountId,
    pub(crate) order: OrderId,
    pub(crate) share: OrderShareId,
    pub(crate) seller: SellerId,
}

pub(crate) fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_534_400, 0).unwrap()
}

pub(crate) fn usd(amount: i64) -> Money {
    Money::new(amount, "usd".parse().unwrap())
}

pub(crate) fn id(object: &Value, field: &str) -> String {
    text(object[field].get("id").unwrap_or(&object[field]))
}

impl Market {
    pub(crate) async fn start(engine: Engine) -> Self {
        let world = World::start(engine).await;
        let account = text(&world.active_seller().await["stripe_account_id"]).parse().unwrap();
        let (order, share) = (OrderId::from_uuid(Uuid::now_v7()), OrderShareId::from_uuid(Uuid::now_v7()));
        Self { world, account, order, share, seller: SellerId::from_uuid(Uuid::now_v7()) }
    }

    /// A call of Stripe's API that succeeds, for the platform or in the seller's name.
    pub(crate) async fn stripe(
        &self,
        in_name: Option<&StripeAccountId>,
        path: &str,
        form: &[(&str, &str)],
    ) -> Value {
        let (status, body) = self.call(in_name, path, form).await;
        assert_eq!(status, 200, "{path}: {body:#}");
        body
    }

    pub(crate) async fn call(
        &self,
        in_name: Option<&StripeAccountId>,
        path: &str,
        form: &[(&str, &str)],
    ) -> (u16, Value) {
        let url = format!("{}/v1/{path}", self.world.sandbox.url());
        let mut request = self.world.http.request(Method::POST, url).bearer_auth(SECRET_KEY).form(form);
        if let Some(account) = in_name {
            request = request.header("Stripe-Account", account.as_str());
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A card is charged; the charge, with what it moved.
    pub(crate) async fn pay(
        &self,
        in_name: Option<&StripeAccountId>,
        amount: &str,
        more: &[(&str, &str)],
    ) -> Value {
        let mut form = vec![
            ("amount", amount),
            ("confirm", "true"),
            ("payment_method", "pm_card_bypassPending"),
            ("capture_method", "automatic"),
            ("return_url", "https://shop.example.com"),
            ("expand[]", "latest_charge.transfer"),
            ("expand[]", "latest_charge.balance_transaction"),
        ];
        form.extend_from_slice(more);
        if !more.iter().any(|(name, _)| *name == "currency") {
            form.push(("currency", "usd"));
        }
        self.stripe(in_name, "payment_intents", &form).await["latest_charge"].clone()
    }

    pub(crate) async fn days_pass(&self, days: u64) {
        self.world.control("/_sandbox/clock/advance", &json!({"seconds": days * DAY_S})).await;
    }

    pub(crate) async fn post(&self, postings: impl IntoIterator<Item = Result<Posting, PostingError>>) {
        for posting in postings {
            let tx = db::begin_write(&self.world.ctx.db).await.unwrap();
            ledger::post(&tx, &self.world.ctx, posting.unwrap()).await.unwrap();
            db::commit(tx, "test", "commit").await.unwrap();
        }
    }

    /// The sale of 100.00 less 10.00 as a separate charge, and the transfer of all of the share.
    pub(crate) async fn separate_sale(&self) -> (Value, Value) {
        let charge = self.pay(None, "10000", &[]).await;
        let transfer = self.transfer("9000", &charge).await;
        self.post([self.separate(&charge).of_platform()]).await;
        self.post_transfer(&transfer, 9_000, 1_000).await;
        (charge, transfer)
    }

    pub(crate) fn separate(&self, charge: &Value) -> SeparateSale {
        SeparateSale {
            order: self.order,
            charge: id(charge, "id"),
            gross: usd(10_000),
            shares: vec![ShareOfSale { share: self.share, net: usd(9_000), commission: usd(1_000) }],
            occurred_at: at(),
        }
    }

    pub(crate) async fn transfer(&self, amount: &str, charge: &Value) -> Value {
        let source = id(charge, "id");
        let form = [
            ("amount", amount),
            ("currency", "usd"),
            ("destination", self.account.as_str()),
            ("source_transaction", &source),
        ];
        self.stripe(None, "transfers", &form).await
    }

    pub(crate) async fn post_transfer(&self, transfer: &Value, amount: i64, commission: i64) {
        let transfer = ShareTransfer {
            share: self.share,
            transfer: id(transfer, "id"),
            destination_payment: id(transfer, "destination_payment"),
            amount: usd(amount),
            commission: usd(commission),
            occurred_at: at(),
        };
        self.post([transfer.of_platform(), transfer.of_seller(&self.account)]).await;
    }

    pub(crate) async fn reverse(&self, transfer: &Value, amount: &str) -> Value {
        let path = format!("transfers/{}/reversals", id(transfer, "id"));
        self.stripe(None, &path, &[("amount", amount)]).await
    }

    /// Some of a charge goes back to the buyer, and nothing else moves.
    pub(crate) async fn refund(&self, charge: &Value, amount: &str) -> Value {
        self.stripe(None, "refunds", &[("charge", &id(charge, "id")), ("amount", amount)]).await
    }

    /// A buyer disputes all of a charge; the dispute's id.
    pub(crate) async fn dispute(&self, charge: &Value) -> String {
        id(&self.world.control("/_sandbox/disputes", &json!({"charge": charge["id"]})).await, "id")
    }

    /// The bank decides a dispute: `won` or `lost`.
    pub(crate) async fn decide(&self, dispute: &str, outcome: &str) {
        self.world
            .control(&format!("/_sandbox/disputes/{dispute}/close"), &json!({"outcome": outcome}))
            .await;
    }

    pub(crate) async fn destination_sale(&self) -> Value {
        let form =
            [("transfer_data[destination]", self.account.as_str()), ("application_fee_amount", "1000")];
        let charge = self.pay(None, "10000", &form).await;
        let sale = DestinationSale {
            order: self.order,
            charge: id(&charge, "id"),
            transfer: id(&charge, "transfer"),
            application_fee: Some(id(&charge, "application_fee")),
            destination_payment: id(&charge["transfer"], "destination_payment"),
            gross: usd(10_000),
            commission: usd(1_000),
            occurred_at: at(),
        };
        self.post([sale.of_platform(), sale.of_seller(&self.account)]).await;
        charge
    }

    pub(crate) async fn direct_sale(&self) -> Value {
        let charge = self.pay(Some(&self.account), "10000", &[("application_fee_amount", "1000")]).await;
        let sale = DirectSale {
            order: self.order,
            charge: id(&charge, "id"),
            application_fee: Some(id(&charge, "application_fee")),
            gross: usd(10_000),
            commission: usd(1_000),
            occurred_at: at(),
        };
        self.post([sale.of_platform().map(Option::unwrap), sale.of_seller(&self.account)]).await;
        charge
    }

    /// What is in the books, without what is zero: both halves must have met. Lines are book, account, amount.
    pub(crate) async fn books(&self) -> Vec<String> {
        const SUMS: &str = "SELECT a.book, a.code, e.key, a.currency, CAST(SUM(e.amount) AS BIGINT) AS amount \
             FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id \
             GROUP BY a.book, a.code, e.key, a.currency HAVING SUM(e.amount) <> 0";
        let db = &self.world.ctx.db;
        let mut lines = BTreeMap::new();
        for scope in [Scope::Platform, Scope::Connected(self.account.clone())] {
            ledger::import(&self.world.ctx, &scope).await.unwrap();
            // Every balance is Stripe's, to the cent.
            let balance =
                self.world.stripe(scope.account().map(StripeAccountId::as_str), "/v1/balance").await;
            for (currency, theirs) in held(&balance) {
                let ours =
                    ledger::balance(db, &scope, Account::Stripe, currency.parse().unwrap()).await.unwrap();
                assert_eq!(ours.amount, theirs, "{scope} in {currency}: {balance:#}");
            }
        }
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), SUMS)).await.unwrap();
        for row in rows {
            let [book, code, key, currency]: [String; 4] =
                ["book", "code", "key", "currency"].map(|name| row.try_get("", name).unwrap());
            // Every key is zero, and nothing went unexplained.
            let must_be_zero = code.starts_with("clearing_") || code == "suspense" || code == "in_transit";
            assert!(!must_be_zero, "{book} {code} {key} is open");
            let book = if book == "platform" { "platform" } else { "seller" };
            let currency = if currency == "usd" { String::new() } else { format!(" {currency}") };
            let amount: i64 = row.try_get("", "amount").unwrap();
            *lines.entry(format!("{book} {code}{currency}")).or_insert(0) += amount;
        }
        lines.into_iter().map(|(place, amount)| format!("{place} {amount}")).collect()
    }
}

/// What an account holds by currency: available, pending and reserved.
fn held(balance: &Value) -> BTreeMap<String, i64> {
    let mut held = BTreeMap::new();
    for kind in ["available", "pending", "connect_reserved"] {
        for funds in balance[kind].as_array().into_iter().flatten() {
            *held.entry(text(&funds["currency"])).or_insert(0) += funds["amount"].as_i64().unwrap();
        }
    }
    held
}
