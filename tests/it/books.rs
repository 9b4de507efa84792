//! What the books keep by themselves, whoever writes to them, and what their balances say.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend};
use souk::{
    db,
    ledger::{self, Account, LedgerError, Posted, Posting, TrialBalance},
};
use souk_entity::{Currency, Money, Scope};

use crate::{
    engines::on_both_databases,
    world::{World, eventually},
};

/// The invariant that compares what is carried forward with the entries.
const SUMS: &str = "ledger_sums_match_entries";

/// Noon of 1 November 2026, and minutes later.
fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_534_400, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn usd() -> Currency {
    "usd".parse().unwrap()
}

/// A debit of the platform's losses, a credit of its commission.
fn loss(source: &str, cents: i64, occurred_at: DateTime<Utc>) -> Posting {
    let amount = Money::new(cents, usd());
    Posting::of(Scope::Platform, source.to_owned(), "test", occurred_at)
        .debit(Account::Loss, amount)
        .credit(Account::Commission, amount)
        .balanced()
        .unwrap()
}

async fn post(world: &World, posting: Posting) -> Result<Posted, LedgerError> {
    let tx = db::begin_write(&world.ctx.db).await?;
    let posted = ledger::post(&tx, &world.ctx, posting).await?;
    db::commit(tx, "test", "commit").await?;
    Ok(posted)
}

async fn reverse(world: &World, source: &str, occurred_at: DateTime<Utc>) -> Result<Posted, LedgerError> {
    let tx = db::begin_write(&world.ctx.db).await?;
    let posted = ledger::reverse(&tx, &world.ctx, &Scope::Platform, source, occurred_at).await?;
    db::commit(tx, "test", "commit").await?;
    Ok(posted)
}

async fn losses(world: &World) -> i64 {
    ledger::balance(&world.ctx.db, &Scope::Platform, Account::Loss, usd()).await.unwrap().amount
}

async fn losses_before(world: &World, time: DateTime<Utc>) -> i64 {
    let before =
        ledger::balance_before(&world.ctx.db, &Scope::Platform, Account::Loss, usd(), time).await.unwrap();
    // Both ways of asking know the same.
    let all = ledger::trial_balance_before(&world.ctx.db, time).await.unwrap();
    assert!(all.balanced);
    assert_eq!(amounts(&all).get("loss").copied().unwrap_or_default(), before.amount);
    before.amount
}

/// Debits less credits by account, of all books.
fn amounts(balance: &TrialBalance) -> BTreeMap<String, i64> {
    let accounts = balance.books.iter().flat_map(|book| &book.currencies).flat_map(|totals| &totals.accounts);
    accounts.map(|account| (account.code.clone(), account.debit - account.credit)).collect()
}

/// Runs statements in one transaction; tells what the database says against it, at the latest on commit.
async fn refusal(world: &World, statements: &[&str]) -> String {
    let tx = db::begin_write(&world.ctx.db).await.unwrap();
    for statement in statements {
        if let Err(error) = tx.execute_unprepared(statement).await {
            return error.to_string();
        }
    }
    match db::commit(tx, "test", "commit").await {
        Ok(()) => panic!("not refused: {statements:?}"),
        Err(error) => error.to_string(),
    }
}

/// Somebody who writes to the tables by hand: a transaction of these legs, by account's code and amount.
struct ByHand {
    is_postgres: bool,
}

impl ByHand {
    fn of(world: &World) -> Self {
        Self { is_postgres: world.ctx.db.get_database_backend() == DbBackend::Postgres }
    }

    fn id(&self, number: u32) -> String {
        format!("'00000000-0000-7000-8000-{number:012}'")
    }

    fn head(&self, number: u32, source: &str) -> String {
        format!(
            "INSERT INTO ledger_transactions (id, book, source, kind, occurred_at, posted_at) VALUES \
             ({}, 'platform', '{source}', 'x', '2026-11-01T12:00:00+00:00', '2026-11-01T12:00:00+00:00')",
            self.id(number)
        )
    }

    fn legs(&self, number: u32, from: u32, legs: &[(&str, i64)]) -> String {
        let rows = (from..).zip(legs).map(|(position, (code, amount))| {
            format!(
                "SELECT {}, {position}, id, '', {amount} FROM ledger_accounts WHERE code = '{code}'",
                if self.is_postgres { format!("CAST({} AS UUID)", self.id(number)) } else { self.id(number) }
            )
        });
        format!(
            "INSERT INTO ledger_entries (transaction_id, position, account_id, key, amount) {}",
            rows.collect::<Vec<_>>().join(" UNION ALL ")
        )
    }

    /// PostgreSQL looks at all legs of a statement, so the head may come first; SQLite closes with the head.
    fn in_order(&self, head: String, legs: String) -> Vec<String> {
        if self.is_postgres { vec![head, legs] } else { vec![legs, head] }
    }
}

on_both_databases!(
    async fn the_database_itself_refuses_what_is_no_posting(world: World) {
        // Accounts to write to.
        post(&world, loss("known", 1, at(0))).await.unwrap();
        let hand = ByHand::of(&world);
        let written = async |number: u32, source: &str, legs: &[(&str, i64)]| {
            let statements = hand.in_order(hand.head(number, source), hand.legs(number, 0, legs));
            refusal(&world, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await
        };
        let unbalanced = written(1, "s1", &[("loss", 5), ("commission", -4)]).await;
        assert!(unbalanced.contains("is unbalanced"), "{unbalanced}");
        let one_leg = written(2, "s2", &[("loss", 5)]).await;
        assert!(one_leg.contains("is unbalanced"), "{one_leg}");
        let again = written(3, "known", &[("loss", 5), ("commission", -5)]).await;
        let again = again.to_lowercase();
        assert!(again.contains("unique") || again.contains("is closed"), "{again}");
        let empty = refusal(&world, &[&hand.head(4, "s4")]).await;
        assert!(empty.contains("has no entries"), "{empty}");
        let headless = refusal(&world, &[&hand.legs(5, 0, &[("loss", 5), ("commission", -5)])]).await;
        assert!(headless.contains("not of one book") || headless.contains("FOREIGN KEY"), "{headless}");
        let of_nothing = written(6, "s6", &[("loss", 0), ("commission", 0)]).await.to_lowercase();
        assert!(of_nothing.contains("check"), "{of_nothing}");
        assert_eq!(world.rows("ledger_transactions").await, 1);
        assert_eq!(world.rows("ledger_entries").await, 2);
        assert_eq!(losses(&world).await, 1);
    }
);

on_both_databases!(
    async fn a_transaction_that_was_written_takes_no_more_legs(world: World) {
        post(&world, loss("first", 1, at(0))).await.unwrap();
        let hand = ByHand::of(&world);
        let good = hand.in_order(hand.head(1, "s1"), hand.legs(1, 0, &[("loss", 5), ("commission", -5)]));
        let tx = db::begin_write(&world.ctx.db).await.unwrap();
        for statement in &good {
            tx.execute_unprepared(statement).await.unwrap();
        }
        db::commit(tx, "test", "commit").await.unwrap();
        assert_eq!(losses(&world).await, 6);
        let more = refusal(&world, &[&hand.legs(1, 2, &[("loss", 7), ("commission", -7)])]).await;
        assert!(more.contains("is closed"), "{more}");
        assert_eq!(losses(&world).await, 6);
    }
);

on_both_databases!(
    async fn a_leg_in_the_account_of_another_book_is_refused(world: World) {
        post(&world, loss("known", 1, at(0))).await.unwrap();
        let seller = Scope::Connected("acct_1".parse().unwrap());
        let paid = ledger::postings::payout_paid(seller, "po_1", Money::new(5, usd()), at(0)).unwrap();
        post(&world, paid).await.unwrap();
        let hand = ByHand::of(&world);
        let statements = hand.in_order(hand.head(1, "s1"), hand.legs(1, 0, &[("loss", 5), ("paid_out", -5)]));
        let refused = refusal(&world, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(refused.contains("not of one book"), "{refused}");
    }
);

on_both_databases!(
    async fn neither_accounts_nor_transactions_nor_entries_are_ever_changed(world: World) {
        post(&world, loss("known", 1, at(0))).await.unwrap();
        let is_postgres = world.ctx.db.get_database_backend() == DbBackend::Postgres;
        for table in ["ledger_accounts", "ledger_transactions", "ledger_entries"] {
            let mut statements = vec![format!("DELETE FROM {table}")];
            let column = if table == "ledger_entries" { "key" } else { "book" };
            statements.push(format!("UPDATE {table} SET {column} = 'x'"));
            if is_postgres {
                statements.push(format!("TRUNCATE {table} CASCADE"));
            } else {
                statements.push(format!("REPLACE INTO {table} SELECT * FROM {table}"));
            }
            for statement in statements {
                let refused = refusal(&world, &[&statement]).await;
                let is_refused = refused.contains("append-only") || refused.contains("is closed");
                assert!(is_refused, "{statement}: {refused}");
            }
        }
    }
);

on_both_databases!(
    async fn a_reversal_is_the_mirror_of_what_it_takes_back_and_there_is_one(world: World) {
        post(&world, loss("mistake", 700, at(0))).await.unwrap();
        let Posted::New(reversal) = reverse(&world, "mistake", at(60)).await.unwrap() else {
            panic!("not new")
        };
        assert_eq!(losses(&world).await, 0);
        // What was believed at the time is still there to be seen.
        assert_eq!(losses_before(&world, at(59)).await, 700);
        assert_eq!(losses_before(&world, at(61)).await, 0);
        assert_eq!(reverse(&world, "mistake", at(90)).await.unwrap(), Posted::Already(reversal));
        let linked = "SELECT COUNT(*) AS count FROM ledger_transactions r JOIN ledger_transactions o \
                      ON o.id = r.reverses WHERE r.kind = 'reversal' AND o.source = 'mistake'";
        assert_eq!(world.count(linked).await, 1);
        let of_reversal = reverse(&world, "reversal:mistake", at(90)).await;
        assert!(matches!(of_reversal, Err(LedgerError::NotReversible { .. })), "{of_reversal:?}");
        let unknown = reverse(&world, "nothing", at(90)).await;
        assert!(matches!(unknown, Err(LedgerError::NotPosted { .. })), "{unknown:?}");
    }
);

on_both_databases!(
    async fn what_stripe_says_of_a_balance_is_not_ours_to_reverse(world: World) {
        let amount = Money::new(5, usd());
        let mirrored = Posting::of(Scope::Platform, "txn_1".to_owned(), "topup", at(0))
            .debit(Account::Stripe, amount)
            .credit(Account::Bank, amount)
            .balanced()
            .unwrap();
        post(&world, mirrored).await.unwrap();
        let refused = reverse(&world, "txn_1", at(1)).await;
        assert!(matches!(refused, Err(LedgerError::NotReversible { .. })), "{refused:?}");
        assert_eq!(world.rows("ledger_transactions").await, 1);
    }
);

on_both_databases!(
    async fn a_balance_is_the_same_before_and_after_it_is_summed_up(world: World) {
        let midnight = at(12 * 60);
        for (number, minutes) in [0, 719, 720, 721, 3_000].into_iter().enumerate() {
            post(
                &world,
                loss(&format!("s{number}"), 10_i64.pow(u32::try_from(number).unwrap()), at(minutes)),
            )
            .await
            .unwrap();
        }
        let seen = async || {
            let mut before = Vec::new();
            for time in [at(0), at(1), midnight, midnight + TimeDelta::seconds(1), at(722), at(4_000)] {
                before.push(losses_before(&world, time).await);
            }
            (losses(&world).await, before)
        };
        let literal = (11_111, vec![0, 1, 11, 111, 1_111, 11_111]);
        assert_eq!(seen().await, literal);
        assert_eq!(ledger::sum_up(&world.ctx.db).await.unwrap(), 5);
        assert_eq!(seen().await, literal);
        assert_eq!(ledger::sum_up(&world.ctx.db).await.unwrap(), 0);
        // A fact that was heard of late falls into the period in which it occurred.
        post(&world, loss("late", 5, at(30))).await.unwrap();
        let with_late = (11_116, vec![0, 1, 16, 116, 1_116, 11_116]);
        assert_eq!(seen().await, with_late);
        assert_eq!(ledger::sum_up(&world.ctx.db).await.unwrap(), 1);
        assert_eq!(seen().await, with_late);
        assert!(world.violations_of(SUMS).await.is_empty());
    }
);

on_both_databases!(
    async fn a_balance_of_a_key_is_that_of_its_entries(world: World) {
        for (source, key, cents) in [("a", "du_1", 5), ("b", "du_1", 7), ("c", "du_2", 11)] {
            let amount = Money::new(cents, usd());
            let posting = Posting::of(Scope::Platform, source.to_owned(), "test", at(0))
                .debit(Account::DisputeOpen.at(key), amount)
                .credit(Account::Loss, amount);
            post(&world, posting.balanced().unwrap()).await.unwrap();
        }
        let held = async |key: &str| {
            let (db, open) = (&world.ctx.db, Account::DisputeOpen);
            ledger::balance_of_key(db, &Scope::Platform, open, usd(), key).await.unwrap().amount
        };
        assert_eq!((held("du_1").await, held("du_2").await, held("du_3").await), (12, 11, 0));
    }
);

on_both_databases!(
    async fn sums_that_somebody_changed_are_found_and_can_be_made_again(world: World) {
        post(&world, loss("a", 5, at(0))).await.unwrap();
        ledger::sum_up(&world.ctx.db).await.unwrap();
        assert!(world.violations_of(SUMS).await.is_empty());
        world.ctx.db.execute_unprepared("UPDATE ledger_days SET debit = debit + 1").await.unwrap();
        assert_eq!(world.violations_of(SUMS).await, ["platform commission usd", "platform loss usd"]);
        // As docs/OPERATIONS.md says: nothing is lost that the entries don't bring back.
        let tx = db::begin_write(&world.ctx.db).await.unwrap();
        for statement in [
            "DELETE FROM ledger_balances",
            "DELETE FROM ledger_days",
            "DELETE FROM ledger_unsummed",
            "INSERT INTO ledger_unsummed SELECT id FROM ledger_transactions",
        ] {
            tx.execute_unprepared(statement).await.unwrap();
        }
        db::commit(tx, "test", "commit").await.unwrap();
        assert!(world.violations_of(SUMS).await.is_empty());
        assert_eq!(losses(&world).await, 5);
    }
);

on_both_databases!(
    async fn the_worker_sums_up_when_enough_waits(world: World) {
        for number in 0..256 {
            post(&world, loss(&format!("s{number}"), 1, at(number))).await.unwrap();
        }
        world.ctx.wake.notify_waiters();
        eventually("it is summed up", async || world.rows("ledger_unsummed").await == 0).await;
        assert_eq!(losses(&world).await, 256);
    }
);

/// PostgreSQL alone can have one writer commit after another that began later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_commits_late_is_summed_up_later_and_never_missed() {
    let world = World::start(crate::engines::Engine::Postgres).await;
    // The accounts are there: the first to open one makes others wait for it, once.
    post(&world, loss("first", 100, at(0))).await.unwrap();
    assert_eq!(ledger::sum_up(&world.ctx.db).await.unwrap(), 1);
    let late = db::begin_write(&world.ctx.db).await.unwrap();
    ledger::post(&late, &world.ctx, loss("late", 1, at(0))).await.unwrap();
    // Its id is older than all of these, and it is not there yet when they are summed up.
    for number in 0..3 {
        post(&world, loss(&format!("s{number}"), 10, at(0))).await.unwrap();
    }
    assert_eq!(ledger::sum_up(&world.ctx.db).await.unwrap(), 3);
    assert_eq!(losses(&world).await, 130);
    db::commit(late, "test", "commit").await.unwrap();
    assert_eq!(losses(&world).await, 131);
    assert_eq!(losses_before(&world, at(1)).await, 131);
    assert_eq!(ledger::sum_up(&world.ctx.db).await.unwrap(), 1);
    assert_eq!(losses(&world).await, 131);
    // One that is given up leaves nothing to sum.
    let given_up = db::begin_write(&world.ctx.db).await.unwrap();
    ledger::post(&given_up, &world.ctx, loss("given up", 500, at(0))).await.unwrap();
    given_up.rollback().await.unwrap();
    assert_eq!(ledger::sum_up(&world.ctx.db).await.unwrap(), 0);
    assert_eq!(losses(&world).await, 131);
}

on_both_databases!(
    async fn balances_are_right_at_any_moment_while_many_post_and_sum_up(world: World) {
        const POSTERS: i64 = 6;
        const EACH: i64 = 40;
        let posters = (0..POSTERS).map(|poster| {
            let ctx = world.ctx.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    let tx = db::begin_write(&ctx.db).await.unwrap();
                    let posting = loss(&format!("{poster}:{number}"), 1, at(number * 60));
                    ledger::post(&tx, &ctx, posting).await.unwrap();
                    // Some commit late, some never.
                    for _ in 0..(poster * number) % 7 {
                        tokio::task::yield_now().await;
                    }
                    if number % 5 == 4 {
                        tx.rollback().await.unwrap()
                    } else {
                        db::commit(tx, "test", "commit").await.unwrap()
                    }
                }
            })
        });
        let posters: Vec<_> = posters.collect();
        // Two sum up side by side; one of them may be told to come again.
        let summers: Vec<_> = (0..2)
            .map(|_| {
                let db = world.ctx.db.clone();
                tokio::spawn(async move {
                    loop {
                        let _ = ledger::sum_up(&db).await;
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        // A balance never goes down here, and both its sides are of one moment.
        let mut last = 0;
        while !posters.iter().all(tokio::task::JoinHandle::is_finished) {
            let all = ledger::trial_balance(&world.ctx.db).await.unwrap();
            assert!(all.balanced, "{all:?}");
            let now = losses(&world).await;
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
        for poster in posters {
            poster.await.unwrap();
        }
        summers.iter().for_each(tokio::task::JoinHandle::abort);
        for summer in summers {
            let _ = summer.await;
        }
        assert_eq!(losses(&world).await, POSTERS * EACH * 4 / 5);
        assert!(world.violations_of(SUMS).await.is_empty());
        while ledger::sum_up(&world.ctx.db).await.unwrap() > 0 {}
        assert_eq!(losses(&world).await, POSTERS * EACH * 4 / 5);
        assert!(world.violations_of(SUMS).await.is_empty());
    }
);

on_both_databases!(
    async fn what_is_posted_together_is_told_apart(world: World) {
        let post_all = async |postings: Vec<Posting>| {
            let tx = db::begin_write(&world.ctx.db).await?;
            let posted = ledger::post_all(&tx, &world.ctx, &postings).await?;
            db::commit(tx, "test", "commit").await?;
            Ok::<_, LedgerError>(posted)
        };
        let Ok(Posted::New(first)) = post(&world, loss("first", 1, at(0))).await else {
            panic!("not posted")
        };
        // Posted before, new, new with accounts that are not open yet, the same one twice.
        let fees = Posting::of(Scope::Platform, "fees".to_owned(), "test", at(1))
            .debit(Account::Fees, Money::new(8, usd()))
            .credit(Account::Commission, Money::new(8, usd()))
            .balanced()
            .unwrap();
        let second = loss("second", 20, at(1));
        let together = vec![loss("first", 1, at(0)), second.clone(), fees, second];
        let posted = post_all(together.clone()).await.unwrap();
        assert_eq!(posted[0], Posted::Already(first));
        assert!(matches!(posted[1..3], [Posted::New(_), Posted::New(_)]), "{posted:?}");
        let Posted::New(second) = posted[1] else { panic!("not new") };
        assert_eq!(posted[3], Posted::Already(second));
        assert_eq!(losses(&world).await, 21);
        assert!(post_all(together).await.unwrap().iter().all(|posted| matches!(posted, Posted::Already(_))));

        // One that says something else keeps all of them out.
        let differs = post_all(vec![loss("third", 300, at(2)), loss("first", 2, at(0))]).await.unwrap_err();
        assert!(matches!(differs, LedgerError::Differs { source_name, .. } if source_name == "first"));
        assert_eq!((losses(&world).await, post_all(Vec::new()).await.unwrap()), (21, Vec::new()));
    }
);
