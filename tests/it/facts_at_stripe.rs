//! Facts that happen: the sandbox moves the money, its balance transactions are imported, our postings are made of
//! what its objects say, and both halves must meet: every key zero, every balance equal to Stripe's.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use souk::{
    db,
    ledger::{self, Account, Posting, PostingError, postings::*},
};
use souk_entity::{Money, OrderId, OrderShareId, Scope, SellerId, StripeAccountId};
use uuid::Uuid;

use crate::{
    engines::{Engine, on_both_databases},
    world::{World, text},
};

const SECRET_KEY: &str = "sk_test_souk";
const DAY_S: u64 = 86_400;

/// A marketplace with one seller, whose money is moved by hand.
struct Market {
    world: World,
    account: StripeAccountId,
    order: OrderId,
    share: OrderShareId,
    seller: SellerId,
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_534_400, 0).unwrap()
}

fn usd(amount: i64) -> Money {
    Money::new(amount, "usd".parse().unwrap())
}

fn id(object: &Value, field: &str) -> String {
    text(object[field].get("id").unwrap_or(&object[field]))
}

impl Market {
    async fn start(engine: Engine) -> Self {
        let world = World::start(engine).await;
        let account = text(&world.active_seller().await["stripe_account_id"]).parse().unwrap();
        let (order, share) = (OrderId::from_uuid(Uuid::now_v7()), OrderShareId::from_uuid(Uuid::now_v7()));
        Self { world, account, order, share, seller: SellerId::from_uuid(Uuid::now_v7()) }
    }

    /// A call of Stripe's API that succeeds, for the platform or in the seller's name.
    async fn stripe(&self, in_name: Option<&StripeAccountId>, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, body) = self.call(in_name, path, form).await;
        assert_eq!(status, 200, "{path}: {body:#}");
        body
    }

    async fn call(
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
    async fn pay(&self, in_name: Option<&StripeAccountId>, amount: &str, more: &[(&str, &str)]) -> Value {
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

    async fn days_pass(&self, days: u64) {
        self.world.control("/_sandbox/clock/advance", &json!({"seconds": days * DAY_S})).await;
    }

    async fn post(&self, postings: impl IntoIterator<Item = Result<Posting, PostingError>>) {
        for posting in postings {
            let tx = db::begin_write(&self.world.ctx.db).await.unwrap();
            ledger::post(&tx, &self.world.ctx, posting.unwrap()).await.unwrap();
            db::commit(tx, "test", "commit").await.unwrap();
        }
    }

    /// The sale of 100.00 less 10.00 as a separate charge, and the transfer of all of the share.
    async fn separate_sale(&self) -> (Value, Value) {
        let charge = self.pay(None, "10000", &[]).await;
        let transfer = self.transfer("9000", &charge).await;
        self.post([self.separate(&charge).of_platform()]).await;
        self.post_transfer(&transfer, 9_000, 1_000).await;
        (charge, transfer)
    }

    fn separate(&self, charge: &Value) -> SeparateSale {
        SeparateSale {
            order: self.order,
            charge: id(charge, "id"),
            gross: usd(10_000),
            shares: vec![ShareOfSale { share: self.share, net: usd(9_000), commission: usd(1_000) }],
            occurred_at: at(),
        }
    }

    async fn transfer(&self, amount: &str, charge: &Value) -> Value {
        let source = id(charge, "id");
        let form = [
            ("amount", amount),
            ("currency", "usd"),
            ("destination", self.account.as_str()),
            ("source_transaction", &source),
        ];
        self.stripe(None, "transfers", &form).await
    }

    async fn post_transfer(&self, transfer: &Value, amount: i64, commission: i64) {
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

    async fn reverse(&self, transfer: &Value, amount: &str) -> Value {
        let path = format!("transfers/{}/reversals", id(transfer, "id"));
        self.stripe(None, &path, &[("amount", amount)]).await
    }

    async fn destination_sale(&self) -> Value {
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

    async fn direct_sale(&self) -> Value {
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
    async fn books(&self) -> Vec<String> {
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

on_both_databases!(
    async fn a_separate_sale_is_transferred_and_its_reversal_waits_again(market: Market) {
        let (_, transfer) = market.separate_sale().await;
        let sold = [
            "platform commission -1000",
            "platform fees 320",
            "platform stripe 680",
            "seller commission_paid 1000",
            "seller sales -10000",
            "seller stripe 9000",
        ];
        assert_eq!(market.books().await, sold);
        let reversal = market.reverse(&transfer, "4500").await;
        let back = TransferReversal {
            share: market.share,
            reversal: id(&reversal, "id"),
            seller_refund: id(&reversal, "destination_payment_refund"),
            amount: usd(4_500),
            commission: usd(500),
            occurred_at: at(),
        };
        market.post([back.of_platform(), back.of_seller(&market.account)]).await;
        let reversed = [
            "platform commission -1000",
            "platform fees 320",
            "platform payable -4500",
            "platform stripe 5180",
            "seller commission_paid 500",
            "seller sales -5000",
            "seller stripe 4500",
        ];
        assert_eq!(market.books().await, reversed);
    }
);

on_both_databases!(
    async fn a_sale_that_was_captured_in_part_is_what_was_captured(market: Market) {
        let form = [
            ("amount", "15000"),
            ("currency", "usd"),
            ("confirm", "true"),
            ("payment_method", "pm_card_visa"),
            ("capture_method", "manual"),
            ("return_url", "https://shop.example.com"),
        ];
        let intent = market.stripe(None, "payment_intents", &form).await;
        let path = format!("payment_intents/{}/capture", id(&intent, "id"));
        let captured = market
            .stripe(None, &path, &[("amount_to_capture", "10000"), ("expand[]", "latest_charge")])
            .await;
        market.post([market.separate(&captured["latest_charge"]).of_platform()]).await;
        let books = [
            "platform commission -1000",
            "platform fees 320",
            "platform payable -9000",
            "platform stripe 9680",
        ];
        assert_eq!(market.books().await, books);
    }
);

on_both_databases!(
    async fn separate_refunds_before_and_after_the_transfer_meet_their_halves(market: Market) {
        // Before: half of the order.
        let charge = market.pay(None, "10000", &[]).await;
        market.post([market.separate(&charge).of_platform()]).await;
        let refund =
            market.stripe(None, "refunds", &[("charge", &id(&charge, "id")), ("amount", "5000")]).await;
        let before = ShareRefund {
            refund: id(&refund, "id"),
            share: market.share,
            amount: usd(5_000),
            commission: usd(500),
            taken_from: TakenFrom::Payable,
            occurred_at: at(),
        };
        market.post([before.of_platform()]).await;
        assert!(before.of_seller(&market.account).unwrap().is_none());
        // The rest is transferred; then 20.00 of it are refunded.
        let transfer = market.transfer("4500", &charge).await;
        market.post_transfer(&transfer, 4_500, 500).await;
        let refund =
            market.stripe(None, "refunds", &[("charge", &id(&charge, "id")), ("amount", "2000")]).await;
        let reversal = market.reverse(&transfer, "1800").await;
        let taken_from = TakenFrom::Transfer {
            reversal: id(&reversal, "id"),
            seller_refund: id(&reversal, "destination_payment_refund"),
        };
        let after = ShareRefund {
            refund: id(&refund, "id"),
            amount: usd(2_000),
            commission: usd(200),
            taken_from,
            ..before.clone()
        };
        market.post([after.of_platform(), after.of_seller(&market.account).map(Option::unwrap)]).await;
        // The last 30.00: Stripe refuses the reversal, because the seller was paid out.
        market.stripe(Some(&market.account), "payouts", &[("amount", "2700"), ("currency", "usd")]).await;
        let refund =
            market.stripe(None, "refunds", &[("charge", &id(&charge, "id")), ("amount", "3000")]).await;
        let reversals = format!("transfers/{}/reversals", id(&transfer, "id"));
        let (status, refusal) = market.call(None, &reversals, &[("amount", "2700")]).await;
        assert_eq!((status, &refusal["error"]["code"]), (400, &json!("balance_insufficient")));
        let debt = ShareRefund {
            refund: id(&refund, "id"),
            amount: usd(3_000),
            commission: usd(300),
            taken_from: TakenFrom::Debt(market.seller),
            ..before
        };
        market.post([debt.of_platform(), debt.of_seller(&market.account).map(Option::unwrap)]).await;
        market.days_pass(5).await;
        let payout =
            text(&market.world.stripe(Some(market.account.as_str()), "/v1/payouts").await["data"][0]["id"]);
        market.post([payout_paid(Scope::Connected(market.account.clone()), &payout, usd(2_700), at())]).await;
        let books = [
            "platform fees 320",
            "platform seller_due 2700",
            "platform stripe -3020",
            "seller paid_out 2700",
            "seller seller_due -2700",
        ];
        assert_eq!(market.books().await, books);
    }
);

on_both_databases!(
    async fn a_destination_refund_by_steps_meets_its_halves_with_commission_returned_and_kept(
        market: Market,
    ) {
        let charge = market.destination_sale().await;
        let transfer = charge["transfer"].clone();
        let charge_id = id(&charge, "id");
        for (amount, commission) in [(4_000, 400), (2_000, 0)] {
            let text_of = |amount: i64| amount.to_string();
            let form = [("charge", &*charge_id), ("amount", &*text_of(amount))];
            let refund = market.stripe(None, "refunds", &form).await;
            let reversal = market.reverse(&transfer, &text_of(amount)).await;
            let fee_refund = if commission > 0 {
                let path = format!("application_fees/{}/refunds", id(&charge, "application_fee"));
                Some(id(&market.stripe(None, &path, &[("amount", &text_of(commission))]).await, "id"))
            } else {
                None
            };
            let refund = DestinationRefund {
                refund: id(&refund, "id"),
                reversal: id(&reversal, "id"),
                seller_refund: id(&reversal, "destination_payment_refund"),
                fee_refund,
                amount: usd(amount),
                commission: usd(commission),
                occurred_at: at(),
            };
            market.post([refund.of_platform(), refund.of_seller(&market.account)]).await;
        }
        let books = [
            "platform commission -600",
            "platform fees 320",
            "platform stripe 280",
            "seller commission_paid 600",
            "seller sales -4000",
            "seller stripe 3400",
        ];
        assert_eq!(market.books().await, books);
    }
);

on_both_databases!(
    async fn a_direct_sale_its_refund_and_commission_given_back_meet_their_halves(market: Market) {
        let charge = market.direct_sale().await;
        let sold = [
            "platform commission -1000",
            "platform stripe 1000",
            "seller commission_paid 1000",
            "seller fees 320",
            "seller sales -10000",
            "seller stripe 8680",
        ];
        assert_eq!(market.books().await, sold);
        let form = [("charge", &*id(&charge, "id")), ("amount", "4000")];
        let refund = market.stripe(Some(&market.account), "refunds", &form).await;
        let fees = format!("application_fees/{}/refunds", id(&charge, "application_fee"));
        let fee_refund = market.stripe(None, &fees, &[("amount", "400")]).await;
        let refund = DirectRefund {
            refund: id(&refund, "id"),
            fee_refund: Some(id(&fee_refund, "id")),
            amount: usd(4_000),
            commission: usd(400),
            occurred_at: at(),
        };
        market.post([refund.of_platform().map(Option::unwrap), refund.of_seller(&market.account)]).await;
        let goodwill = market.stripe(None, &fees, &[("amount", "100")]).await;
        let goodwill =
            CommissionReturned { fee_refund: id(&goodwill, "id"), amount: usd(100), occurred_at: at() };
        market.post([goodwill.of_platform(), goodwill.of_seller(&market.account)]).await;
        let refunded = [
            "platform commission -500",
            "platform stripe 500",
            "seller commission_paid 500",
            "seller fees 320",
            "seller sales -6000",
            "seller stripe 5180",
        ];
        assert_eq!(market.books().await, refunded);
        // The refund comes back.
        let fail = format!("/_sandbox/refunds/{}/fail", refund.refund);
        market.world.control(&fail, &json!({})).await;
        market.post([refund.failed_of_seller(&market.account, at())]).await;
        let failed = [
            "platform commission -500",
            "platform stripe 500",
            "seller commission_paid 500",
            "seller fees 320",
            "seller sales -10000",
            "seller stripe 9180",
        ];
        assert_eq!(market.books().await, failed);
    }
);

on_both_databases!(
    async fn a_refund_that_fails_waits_to_be_sent_again(market: Market) {
        let charge = market.destination_sale().await;
        let form = [
            ("charge", &*id(&charge, "id")),
            ("reverse_transfer", "true"),
            ("refund_application_fee", "true"),
            ("expand[]", "transfer_reversal"),
        ];
        let refund = market.stripe(None, "refunds", &form).await;
        let fee = market
            .world
            .stripe(None, &format!("/v1/application_fees/{}/refunds", id(&charge, "application_fee")))
            .await;
        let full = DestinationRefund {
            refund: id(&refund, "id"),
            reversal: id(&refund, "transfer_reversal"),
            seller_refund: id(&refund["transfer_reversal"], "destination_payment_refund"),
            fee_refund: Some(text(&fee["data"][0]["id"])),
            amount: usd(10_000),
            commission: usd(1_000),
            occurred_at: at(),
        };
        market.post([full.of_platform(), full.of_seller(&market.account)]).await;
        assert_eq!(market.books().await, ["platform fees 320", "platform stripe -320"]);
        // The reversal is not undone: the money waits on the platform.
        market.world.control(&format!("/_sandbox/refunds/{}/fail", full.refund), &json!({})).await;
        let failed = FailedRefund {
            refund: full.refund,
            share: market.share,
            amount: usd(10_000),
            commission: usd(1_000),
            restored_to: RestoredTo::Payable,
            occurred_at: at(),
        };
        market.post([failed.of_platform()]).await;
        let waiting = [
            "platform commission -1000",
            "platform fees 320",
            "platform payable -9000",
            "platform stripe 9680",
        ];
        assert_eq!(market.books().await, waiting);
        let form = [("amount", "9000"), ("currency", "usd"), ("destination", market.account.as_str())];
        let again = market.stripe(None, "transfers", &form).await;
        market.post_transfer(&again, 9_000, 1_000).await;
        let sent = [
            "platform commission -1000",
            "platform fees 320",
            "platform stripe 680",
            "seller commission_paid 1000",
            "seller sales -10000",
            "seller stripe 9000",
        ];
        assert_eq!(market.books().await, sent);
    }
);

/// A dispute of a separate sale, recovered from the seller.
async fn disputed(market: &Market) -> (Dispute, DisputeRecovery) {
    let (charge, transfer) = market.separate_sale().await;
    let dispute = market.world.control("/_sandbox/disputes", &json!({"charge": charge["id"]})).await;
    let dispute = Dispute { book: Scope::Platform, dispute: id(&dispute, "id"), amount: usd(10_000) };
    let reversal = market.reverse(&transfer, "9000").await;
    let recovery = DisputeRecovery {
        dispute: dispute.dispute.clone(),
        reversal: id(&reversal, "id"),
        seller_refund: id(&reversal, "destination_payment_refund"),
        amount: usd(9_000),
        occurred_at: at(),
    };
    market.post([dispute.withdrawn(at()), recovery.of_platform(), recovery.of_seller(&market.account)]).await;
    let books = [
        "platform commission -1000",
        "platform dispute_fees 1500",
        "platform dispute_open 1000",
        "platform fees 320",
        "platform stripe -1820",
        "seller commission_paid 1000",
        "seller dispute_open 9000",
        "seller sales -10000",
    ];
    assert_eq!(market.books().await, books);
    (dispute, recovery)
}

on_both_databases!(
    async fn a_dispute_that_is_won_goes_back_to_the_seller(market: Market) {
        let (dispute, recovery) = disputed(&market).await;
        market
            .world
            .control(&format!("/_sandbox/disputes/{}/close", dispute.dispute), &json!({"outcome": "won"}))
            .await;
        // Stripe keeps its fees: what came back is not enough to send all of it on.
        market.stripe(None, "topups", &[("amount", "5000"), ("currency", "usd")]).await;
        market.days_pass(2).await;
        let form = [("amount", "9000"), ("currency", "usd"), ("destination", market.account.as_str())];
        let transfer = market.stripe(None, "transfers", &form).await;
        let returned = RecoveryReturned {
            dispute: recovery.dispute,
            transfer: id(&transfer, "id"),
            destination_payment: id(&transfer, "destination_payment"),
            amount: usd(9_000),
            occurred_at: at(),
        };
        market
            .post([dispute.reinstated(at()), returned.of_platform(), returned.of_seller(&market.account)])
            .await;
        let books = [
            "platform bank -5000",
            "platform commission -1000",
            "platform dispute_fees 1500",
            "platform fees 320",
            "platform stripe 4180",
            "seller commission_paid 1000",
            "seller sales -10000",
            "seller stripe 9000",
        ];
        assert_eq!(market.books().await, books);
    }
);

on_both_databases!(
    async fn a_dispute_that_is_lost_undoes_the_sale(market: Market) {
        let (dispute, recovery) = disputed(&market).await;
        market
            .world
            .control(&format!("/_sandbox/disputes/{}/close", dispute.dispute), &json!({"outcome": "lost"}))
            .await;
        let charged = DisputeCharged {
            dispute: dispute.dispute,
            seller: market.seller,
            amount: usd(10_000),
            recovered: recovery.amount,
            commission: usd(1_000),
            occurred_at: at(),
        };
        market.post([charged.of_platform().map(Option::unwrap), charged.of_seller(&market.account)]).await;
        let books = ["platform dispute_fees 1500", "platform fees 320", "platform stripe -1820"];
        assert_eq!(market.books().await, books);
    }
);

on_both_databases!(
    async fn a_dispute_of_a_direct_sale_is_the_sellers(market: Market) {
        let charge = market.direct_sale().await;
        let dispute = market.world.control("/_sandbox/disputes", &json!({"charge": charge["id"]})).await;
        let book = Scope::Connected(market.account.clone());
        let dispute = Dispute { book, dispute: id(&dispute, "id"), amount: usd(10_000) };
        market.post([dispute.withdrawn(at())]).await;
        market
            .world
            .control(&format!("/_sandbox/disputes/{}/close", dispute.dispute), &json!({"outcome": "lost"}))
            .await;
        market.post([dispute.lost(at())]).await;
        let books = [
            "platform commission -1000",
            "platform stripe 1000",
            "seller commission_paid 1000",
            "seller dispute_fees 1500",
            "seller fees 320",
            "seller loss 10000",
            "seller sales -10000",
            "seller stripe -2820",
        ];
        assert_eq!(market.books().await, books);
    }
);

on_both_databases!(
    async fn top_ups_and_instant_payouts_meet_their_halves(market: Market) {
        market.stripe(None, "topups", &[("amount", "5000"), ("currency", "usd")]).await;
        market.days_pass(2).await;
        assert_eq!(market.books().await, ["platform bank -5000", "platform stripe 5000"]);
        let payout = market.stripe(None, "payouts", &[("amount", "2000"), ("currency", "usd")]).await;
        market.days_pass(5).await;
        market.post([payout_paid(Scope::Platform, &id(&payout, "id"), usd(2_000), at())]).await;
        let books = ["platform bank -5000", "platform paid_out 2000", "platform stripe 3000"];
        assert_eq!(market.books().await, books);
    }
);

/// What a balance transaction exchanged: its amount without the application fee, in the balance's currency.
fn converted(book: Scope, moved: &Value, original: Money) -> Result<Posting, PostingError> {
    let fees = moved["fee_details"].as_array().into_iter().flatten();
    let application_fee: i64 =
        fees.filter(|fee| fee["type"] == "application_fee").map(|fee| fee["amount"].as_i64().unwrap()).sum();
    let settled = moved["amount"].as_i64().unwrap() - application_fee;
    let conversion = Conversion {
        book,
        transaction: id(moved, "id"),
        object: id(moved, "source"),
        original,
        settled: Money::new(settled, text(&moved["currency"]).parse().unwrap()),
        occurred_at: at(),
    };
    conversion.posting()
}

on_both_databases!(
    async fn what_is_settled_in_another_currency_leaves_a_position(market: Market) {
        let eur = |amount| Money::new(amount, "eur".parse().unwrap());
        // A buyer pays euros, the platform holds dollars: at 1.10.
        let charge = market.pay(None, "10000", &[("currency", "eur")]).await;
        let sale = SeparateSale {
            order: market.order,
            charge: id(&charge, "id"),
            gross: eur(10_000),
            shares: vec![ShareOfSale { share: market.share, net: eur(9_000), commission: eur(1_000) }],
            occurred_at: at(),
        };
        let exchanged = converted(Scope::Platform, &charge["balance_transaction"], eur(10_000));
        market.post([sale.of_platform(), exchanged]).await;
        let sold = [
            "platform commission eur -1000",
            "platform fees 352",
            "platform fx -11000",
            "platform fx eur 10000",
            "platform payable eur -9000",
            "platform stripe 10648",
        ];
        assert_eq!(market.books().await, sold);
        // And gets half of it back.
        let form = [("charge", &*id(&charge, "id")), ("amount", "5000"), ("expand[]", "balance_transaction")];
        let refund = market.stripe(None, "refunds", &form).await;
        let back = ShareRefund {
            refund: id(&refund, "id"),
            share: market.share,
            amount: eur(5_000),
            commission: eur(500),
            taken_from: TakenFrom::Payable,
            occurred_at: at(),
        };
        let exchanged = converted(Scope::Platform, &refund["balance_transaction"], eur(-5_000));
        market.post([back.of_platform(), exchanged]).await;
        let refunded = [
            "platform commission eur -500",
            "platform fees 352",
            "platform fx -5500",
            "platform fx eur 5000",
            "platform payable eur -4500",
            "platform stripe 5148",
        ];
        assert_eq!(market.books().await, refunded);
    }
);
