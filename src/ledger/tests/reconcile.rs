//! A reconciliation is clean if everything is there, and names what isn't.

use chrono::Duration;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use souk_entity::{SellerId, seller as seller_row};

use super::{
    stripe::{FakeStripe, wire},
    *,
};
use crate::{clock::Clock, ledger::reconcile::Comparison};

/// A marketplace with one seller, and Stripe beside it.
struct World {
    stripe: FakeStripe,
    books: Books,
}

impl World {
    async fn new() -> Self {
        let world = Self { stripe: FakeStripe::default(), books: Books::new().await };
        let seller = seller_row::ActiveModel {
            id: Set(SellerId::from_uuid(Uuid::from_u128(1))),
            email: Set("seller@example.com".to_owned()),
            country: Set("US".to_owned()),
            account_type: Set(seller_row::AccountType::Express),
            display_name: Set(None),
            business_type: Set(None),
            status: Set(seller_row::Status::Active),
            stripe_account_id: Set(Some(account())),
            charges_enabled: Set(true),
            payouts_enabled: Set(true),
            details_submitted: Set(true),
            capabilities: Set(json!({})),
            requirements: Set(json!({})),
            metadata: Set(json!({})),
            created_at: Set(at(0)),
            updated_at: Set(at(0)),
        };
        seller_row::Entity::insert(seller).exec_without_returning(&world.books.db).await.unwrap();
        world
    }

    /// A sale with everything that Stripe and we say of it.
    async fn sells(&self) {
        let platform = Scope::Platform;
        self.stripe.happens(&platform, wire("txn_1", "charge", "ch_1", 10_000, &[("stripe_fee", 320)]));
        self.stripe.happens(&platform, wire("txn_2", "transfer", "tr_1", -10_000, &[]));
        self.stripe.happens(&platform, wire("txn_3", "application_fee", "fee_1", 1_000, &[]));
        self.stripe
            .happens(&seller(), wire("txn_4", "payment", "py_1", 10_000, &[("application_fee", 1_000)]));
        self.books.post(&sale().of_platform().unwrap()).await.unwrap();
        self.books.post(&sale().of_seller(&account()).unwrap()).await.unwrap();
    }

    async fn reconcile(&self) -> Report {
        let (feed, db, clock) = (&self.stripe, &self.books.db, &Clock::default());
        Comparison { feed, db, clock, tell: &|_| {} }.report().await.unwrap()
    }

    /// The differences as kind, object and amount.
    async fn differences(&self) -> Vec<(String, String, Option<i64>)> {
        let differences = self.reconcile().await.differences.into_iter();
        differences.map(|found| (found.kind, found.object, found.amount.map(|money| money.amount))).collect()
    }

    /// Changes the tables behind the ledger's back, as nobody should be able to.
    async fn tamper(&self, statement: &str) {
        let tables = ["ledger_transactions", "ledger_entries"];
        for (table, event) in tables.into_iter().flat_map(|table| [(table, "update"), (table, "delete")]) {
            let on = match self.books.db.get_database_backend() {
                sea_orm::DbBackend::Postgres => format!(" ON {table}"),
                _ => String::new(),
            };
            let drop = format!("DROP TRIGGER IF EXISTS {table}_no_{event}{on}");
            self.books.db.execute_unprepared(&drop).await.unwrap();
        }
        self.books.db.execute_unprepared(statement).await.unwrap();
    }
}

fn found(kind: &str, object: &str, amount: impl Into<Option<i64>>) -> (String, String, Option<i64>) {
    (kind.to_owned(), object.to_owned(), amount.into())
}

const DELETE_TXN_2: &str = "DELETE FROM ledger_entries WHERE transaction_id = \
     (SELECT id FROM ledger_transactions WHERE source = 'txn_2')";

#[tokio::test]
async fn a_sale_that_both_sides_know_is_clean() {
    let world = World::new().await;
    world.sells().await;
    let report = world.reconcile().await;
    let shown = serde_json::to_value(&report).unwrap();
    assert_eq!(shown["state"], "clean");
    assert_eq!(shown["differences"], json!([]));
    assert_eq!(
        shown["scopes"],
        json!([
            {"scope": "platform", "currency": "usd", "ours": 680, "stripe": 680, "open_keys": 0},
            {"scope": "acct_1", "currency": "usd", "ours": 9_000, "stripe": 9_000, "open_keys": 0},
        ])
    );
}

#[tokio::test]
async fn a_marketplace_where_nothing_happened_is_clean() {
    let report = World::new().await.reconcile().await;
    assert_eq!((report.state, report.scopes.len()), (State::Clean, 2));
}

#[tokio::test]
async fn a_balance_that_moves_is_looked_at_again() {
    let world = World::new().await;
    for number in 1..=3 {
        world.stripe.surprises(&seller(), wire(&format!("txn_{number}"), "topup", "tu_1", 100, &[]));
    }
    assert_eq!(world.differences().await, []);
}

#[tokio::test]
async fn a_balance_that_never_stands_still_is_a_difference_of_timing() {
    let world = World::new().await;
    for number in 1..=20 {
        world.stripe.surprises(&seller(), wire(&format!("txn_{number}"), "topup", "tu_1", 100, &[]));
    }
    assert_eq!(world.differences().await, [found("timing", "acct_1", None)]);
}

#[tokio::test]
async fn money_that_no_balance_transaction_explains_is_a_difference() {
    let world = World::new().await;
    world.sells().await;
    world.stripe.has_besides(&seller(), 50);
    assert_eq!(world.differences().await, [found("balance", "acct_1", -50)]);
}

#[tokio::test]
async fn a_sale_that_we_have_not_heard_of_is_an_open_key() {
    let world = World::new().await;
    world.stripe.happens(&seller(), wire("txn_4", "payment", "py_1", 10_000, &[("application_fee", 1_000)]));
    assert_eq!(world.differences().await, [found("missing_here", "py_1", -9_000)]);
    assert_eq!(world.reconcile().await.scopes[1].open_keys, 1);
    world.books.post(&sale().of_seller(&account()).unwrap()).await.unwrap();
    assert_eq!(world.differences().await, []);
}

/// A charge that is some minutes old, and the refund of it.
fn refund_of(world: &World, minutes: i64) {
    let created = Clock::default().wall().timestamp() - minutes * 60;
    for (txn, kind, source, amount) in
        [("txn_1", "charge", "ch_1", 10_000), ("txn_2", "refund", "re_1", -10_000)]
    {
        let mut movement = wire(txn, kind, source, amount, &[]);
        movement["created"] = created.into();
        world.stripe.happens(&Scope::Platform, movement);
    }
    let charge =
        json!({"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"from": "a shop"}});
    world.stripe.is_behind("txn_1", charge.clone());
    world
        .stripe
        .is_behind("txn_2", json!({"id": "re_1", "object": "refund", "charge": "ch_1", "metadata": null}));
    world.stripe.is_behind("/v1/charges/ch_1", charge);
}

#[tokio::test]
async fn what_nobody_here_made_is_foreign_an_hour_later_once_all_that_is_behind_it_can_be_read() {
    let world = World::new().await;
    refund_of(&world, 61);
    // Its intent might carry a name of ours.
    let open = [found("missing_here", "ch_1", -10_000), found("timing", "re_1", 10_000)];
    assert_eq!(world.differences().await, open);
    world.stripe.is_behind("/v1/payment_intents/pi_1", json!({"id": "pi_1", "object": "payment_intent"}));
    let foreign = [found("foreign", "ch_1", -10_000), found("foreign", "re_1", 10_000)];
    assert_eq!(world.differences().await, foreign);
    assert_eq!(world.differences().await, foreign);
}

/// An account that was in use before, with more charges than one look at the keys takes.
#[tokio::test]
async fn a_long_history_of_others_is_settled_round_by_round() {
    const CHARGES: i64 = 1_100;
    let world = World::new().await;
    let created = Clock::default().wall().timestamp() - 90 * 86_400;
    for number in 0..CHARGES {
        let (txn, charge) = (format!("txn_{number}"), format!("ch_{number}"));
        let mut movement = wire(&txn, "charge", &charge, 100, &[]);
        movement["created"] = (created + number).into();
        world.stripe.happens(&Scope::Platform, movement);
        world.stripe.is_behind(&txn, json!({"id": charge, "object": "charge", "payment_intent": null}));
    }
    let report = world.reconcile().await;
    assert_eq!((report.state, report.scopes[0].open_keys), (State::Clean, 0), "{:?}", report.differences);
    let platform = Scope::Platform;
    let foreign =
        balance(&world.books.db, &platform, Account::ForeignActivity, usd(0).currency).await.unwrap();
    assert_eq!(foreign, usd(-100 * CHARGES));
}

#[tokio::test]
async fn what_is_younger_than_an_hour_may_still_be_ours() {
    let world = World::new().await;
    refund_of(&world, 59);
    world.stripe.is_behind("/v1/payment_intents/pi_1", json!({"id": "pi_1", "object": "payment_intent"}));
    let open = [found("missing_here", "ch_1", -10_000), found("timing", "re_1", 10_000)];
    assert_eq!(world.differences().await, open);
}

#[tokio::test]
async fn what_has_something_of_ours_behind_it_is_never_foreign() {
    let world = World::new().await;
    refund_of(&world, 2 * 24 * 60);
    let intent = json!({"id": "pi_1", "object": "payment_intent", "metadata": {"souk_order": "order_1"}});
    world.stripe.is_behind("/v1/payment_intents/pi_1", intent);
    let open = [found("missing_here", "ch_1", -10_000), found("missing_here", "re_1", 10_000)];
    assert_eq!(world.differences().await, open);
}

#[tokio::test]
async fn what_was_foreign_and_is_posted_as_ours_is_taken_back_in_whatever_currency_ours_is() {
    let world = World::new().await;
    refund_of(&world, 61);
    world.stripe.is_behind("/v1/payment_intents/pi_1", json!({"id": "pi_1", "object": "payment_intent"}));
    world.reconcile().await;
    // One that fits, and one in another currency than the one that was taken for foreign.
    let ours = |source: &str, key: &'static str, amount: Money| {
        let draft = Posting::of(Scope::Platform, source.to_owned(), "ours", Clock::default().wall());
        draft.debit(Account::clearing(key).unwrap().at(key), amount).credit(Account::Commission, amount)
    };
    let eur = Money::new(-9_000, "eur".parse().unwrap());
    for posting in [ours("sale", "ch_1", usd(10_000)), ours("refund", "re_1", eur)] {
        world.books.post(&posting.balanced().unwrap()).await.unwrap();
    }
    assert_eq!(world.differences().await, [found("currency", "re_1", None)]);
    assert_eq!(world.differences().await, [found("currency", "re_1", None)]);
}

#[tokio::test]
async fn a_transaction_of_an_unknown_type_is_a_difference_under_its_own_name() {
    let world = World::new().await;
    world.stripe.happens(&Scope::Platform, wire("txn_9", "novelty", "nov_1", 700, &[]));
    assert_eq!(world.differences().await, [found("suspense", "txn_9", -700)]);
}

#[tokio::test]
async fn a_payout_may_be_underway_for_two_weeks_and_no_longer() {
    let world = World::new().await;
    world.sells().await;
    let ago = |days: i64| Clock::default().wall().timestamp() - days * 86_400;
    for (number, days) in [(2, 15), (1, 3)] {
        let mut payout = wire(&format!("txn_1{number}"), "payout", &format!("po_{number}"), -100, &[]);
        payout["created"] = ago(days).into();
        world.stripe.happens(&seller(), payout);
    }
    assert_eq!(world.differences().await, [found("missing_here", "po_2", 100)]);
    let paid = payout_paid(seller(), "po_2", usd(100), at(0)).unwrap();
    world.books.post(&paid).await.unwrap();
    assert_eq!(world.differences().await, []);
}

#[tokio::test]
async fn a_payout_that_arrived_without_having_left_is_a_difference() {
    let world = World::new().await;
    world.books.post(&payout_paid(seller(), "po_1", usd(100), at(0)).unwrap()).await.unwrap();
    assert_eq!(world.differences().await, [found("missing_there", "po_1", -100)]);
}

#[tokio::test]
async fn a_posting_whose_entries_were_deleted_is_found() {
    let world = World::new().await;
    world.sells().await;
    world.reconcile().await;
    world.tamper(DELETE_TXN_2).await;
    assert_eq!(
        world.differences().await,
        [
            found("missing_there", "tr_1", -10_000),
            found("balance", "platform", 10_000),
            found("unbalanced_transaction", "txn_2", None),
            found("missing_here", "txn_2", 10_000),
        ]
    );
}

#[tokio::test]
async fn a_posting_that_was_deleted_as_a_whole_is_found() {
    let world = World::new().await;
    world.sells().await;
    world.reconcile().await;
    world.tamper(DELETE_TXN_2).await;
    world.tamper("DELETE FROM ledger_transactions WHERE source = 'txn_2'").await;
    let differences = world.differences().await;
    assert!(differences.contains(&found("missing_here", "txn_2", 10_000)), "{differences:?}");
    assert!(differences.contains(&found("missing_there", "tr_1", -10_000)), "{differences:?}");
}

#[tokio::test]
async fn an_entry_that_was_changed_is_found() {
    let world = World::new().await;
    world.sells().await;
    world.reconcile().await;
    world
        .tamper(
            "UPDATE ledger_entries SET amount = amount + 1 WHERE position = 0 AND transaction_id = \
             (SELECT id FROM ledger_transactions WHERE source = 'txn_1')",
        )
        .await;
    assert_eq!(
        world.differences().await,
        [
            found("unbalanced_book", "platform", 1),
            found("balance", "platform", 1),
            found("unbalanced_transaction", "txn_1", 1),
            found("amount", "txn_1", 1),
        ]
    );
}

#[tokio::test]
async fn an_entry_that_was_moved_to_another_book_is_found() {
    let world = World::new().await;
    world.sells().await;
    world.reconcile().await;
    world
        .tamper(
            "UPDATE ledger_entries SET account_id = \
             (SELECT id FROM ledger_accounts WHERE book = 'acct_1' AND code = 'sales') WHERE amount = -1000 \
             AND account_id = (SELECT id FROM ledger_accounts WHERE book = 'platform' AND code = 'commission')",
        )
        .await;
    let differences = world.differences().await;
    let source = sale().of_platform().unwrap().source().to_owned();
    assert!(
        differences.iter().any(|(kind, object, _)| kind == "unbalanced_transaction" && *object == source)
    );
    assert!(differences.contains(&found("unbalanced_book", "platform", 1_000)), "{differences:?}");
}

#[tokio::test]
async fn a_balance_transaction_that_was_deleted_is_found() {
    let world = World::new().await;
    world.sells().await;
    world.reconcile().await;
    // What is as young as this is simply imported again.
    world.tamper("DELETE FROM balance_transactions WHERE id = 'txn_3'").await;
    assert_eq!(world.differences().await, []);
    world.stripe.happens(&Scope::Platform, later("txn_5", 86_400));
    assert_eq!(world.differences().await, []);
    world.tamper("DELETE FROM balance_transactions WHERE id = 'txn_1'").await;
    assert_eq!(world.differences().await, [found("missing_there", "txn_1", 9_680)]);
}

/// A top-up some seconds after noon.
fn later(id: &str, seconds: i64) -> serde_json::Value {
    let mut wire = wire(id, "topup", "tu_1", 100, &[]);
    wire["created"] = at(seconds).timestamp().into();
    wire
}

#[tokio::test]
async fn balance_transactions_that_make_a_difference_are_named_one_by_one() {
    let world = World::new().await;
    for (number, seconds) in [(1, 0), (2, 10), (3, 86_400), (4, 86_410), (5, 90_000), (6, 400_000)] {
        world.stripe.happens(&Scope::Platform, later(&format!("txn_{number}"), seconds));
    }
    assert_eq!(world.differences().await, []);
    // One that was never imported, one that Stripe has otherwise, one that Stripe does not have.
    let delete = |what: &str| {
        let of = format!("(SELECT id FROM ledger_transactions WHERE source = '{what}')");
        [
            format!("DELETE FROM ledger_entries WHERE transaction_id IN {of}"),
            format!("DELETE FROM ledger_transactions WHERE source = '{what}'"),
            format!("DELETE FROM balance_transactions WHERE id = '{what}'"),
        ]
    };
    for statement in delete("txn_2").iter().chain(&delete("txn_4")) {
        world.tamper(statement).await;
    }
    for (id, amount) in [("txn_4", 105), ("txn_0", 7)] {
        let row = txn(Scope::Platform, id, "topup", "tu_1", amount, &[]);
        world.books.post(&mirror(&row).unwrap().unwrap()).await.unwrap();
        let row = souk_entity::balance_transaction::ActiveModel::from(row);
        souk_entity::balance_transaction::Entity::insert(row)
            .exec_without_returning(&world.books.db)
            .await
            .unwrap();
    }
    assert_eq!(
        world.differences().await,
        [
            found("balance", "platform", -88),
            found("amount", "txn_4", 5),
            found("missing_here", "txn_2", -100),
            found("missing_there", "txn_0", 7),
        ]
    );
}

#[tokio::test]
async fn a_key_that_is_open_in_two_currencies_is_one_difference_of_currency() {
    let world = World::new().await;
    world.sells().await;
    let mut payment = wire("txn_7", "payment", "py_7", 500, &[]);
    payment["currency"] = "eur".into();
    world.stripe.happens(&seller(), payment);
    let of_seller = Posting::of(seller(), "sale:7".to_owned(), "sale", at(0))
        .debit(Account::ClearingPayment.at("py_7"), usd(600))
        .credit(Account::Sales, usd(600));
    world.books.post(&of_seller.balanced().unwrap()).await.unwrap();
    let found_keys = world.differences().await;
    assert!(found_keys.contains(&found("currency", "py_7", None)), "{found_keys:?}");
    assert!(!found_keys.iter().any(|(kind, ..)| kind.starts_with("missing")), "{found_keys:?}");
}

#[tokio::test]
async fn a_half_that_is_young_waits_for_the_other_and_gets_another_name_when_it_is_late() {
    let world = World::new().await;
    let now = Clock::default().wall();
    for (key, age) in [("ch_1", Duration::minutes(9)), ("ch_2", Duration::minutes(11))] {
        let half = Posting::of(Scope::Platform, format!("sale of {key}"), "sale", now - age)
            .debit(Account::ClearingCharge.at(key), usd(600))
            .credit(Account::Commission, usd(600));
        world.books.post(&half.balanced().unwrap()).await.unwrap();
    }
    let expected = [found("timing", "ch_1", 600), found("missing_there", "ch_2", 600)];
    assert_eq!(world.differences().await, expected);
}

#[tokio::test]
async fn a_difference_keeps_the_time_of_the_first_report_that_named_it() {
    let world = World::new().await;
    world.sells().await;
    world.stripe.has_besides(&seller(), 50);
    let first = world.reconcile().await;
    let second = world.reconcile().await;
    assert!(second.as_of > first.as_of);
    assert_eq!(second.differences[0].since, Some(first.as_of));
}

#[tokio::test]
async fn an_amount_that_stripe_knows_nothing_of_is_found() {
    let world = World::new().await;
    world.sells().await;
    let posting = Posting::of(Scope::Platform, "by hand".to_owned(), "correction", at(0))
        .debit(Account::Stripe, usd(5))
        .credit(Account::Commission, usd(5));
    world.books.post(&posting.balanced().unwrap()).await.unwrap();
    assert_eq!(
        world.differences().await,
        [found("balance", "platform", 5), found("missing_there", "by hand", 5)]
    );
}

#[tokio::test]
async fn an_account_that_cannot_be_read_does_not_hide_the_others() {
    let world = World::new().await;
    world.sells().await;
    world.stripe.is_away(&Scope::Platform);
    let report = world.reconcile().await;
    assert_eq!(report.differences[0].kind, "missing_there");
    assert_eq!(report.differences.last().unwrap().kind, "unreadable");
    assert_eq!(report.scopes.len(), 1, "the seller's");
    assert_eq!(report.scopes[0].ours, 9_000);
}

#[tokio::test]
async fn what_contradicts_the_book_stops_its_import_and_is_named() {
    let world = World::new().await;
    world.sells().await;
    let other = txn(Scope::Platform, "txn_1", "charge", "ch_1", 10_001, &[]);
    world.books.post(&mirror(&other).unwrap().unwrap()).await.unwrap();
    let differences = world.differences().await;
    assert!(differences.contains(&found("import", "platform", None)), "{differences:?}");
}

#[tokio::test]
async fn the_last_report_is_kept_as_it_was() {
    let world = World::new().await;
    world.sells().await;
    world.stripe.has_besides(&seller(), 50);
    let report = world.reconcile().await;
    let kept = crate::ledger::reconcile::last_report(&world.books.db).await.unwrap();
    assert_eq!(kept, Some(report));
}
