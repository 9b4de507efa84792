//! Balance transactions find their way into the books, each once.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use souk_entity::{balance_transaction, import_cursor, ledger_transaction};

use super::{
    stripe::{FakeStripe, wire},
    *,
};
use crate::{
    clock::Clock,
    ledger::import::{Reach, import_from},
};

async fn imported(stripe: &FakeStripe, books: &Books) -> u64 {
    import_from(stripe, &books.db, &Clock::default(), &Scope::Platform, Reach::WIDE).await.unwrap().new
}

fn top_up(stripe: &FakeStripe, number: i64) {
    stripe.happens(&Scope::Platform, wire(&format!("txn_{number}"), "topup", "tu_1", 100, &[]));
}

async fn cursor(books: &Books) -> String {
    import_cursor::Entity::find_by_id(Scope::Platform).one(&books.db).await.unwrap().unwrap().last_id
}

#[tokio::test]
async fn nothing_is_imported_from_an_account_where_nothing_happened() {
    let (stripe, books) = (FakeStripe::default(), Books::new().await);
    assert_eq!(imported(&stripe, &books).await, 0);
    assert_eq!(import_cursor::Entity::find().count(&books.db).await.unwrap(), 0);
}

#[tokio::test]
async fn a_history_of_any_length_is_imported_from_its_beginning() {
    for length in 1..=7 {
        let (stripe, books) = (FakeStripe::default(), Books::new().await);
        (1..=length).for_each(|number| top_up(&stripe, number));
        assert_eq!(imported(&stripe, &books).await, u64::try_from(length).unwrap());
        assert_eq!(cursor(&books).await, format!("txn_{length}"));
        let posted = ledger_transaction::Entity::find().all(&books.db).await.unwrap();
        assert_eq!(posted.len(), usize::try_from(length).unwrap());
    }
}

#[tokio::test]
async fn an_import_goes_on_where_the_last_one_ended() {
    let (stripe, books) = (FakeStripe::default(), Books::new().await);
    (1..=3).for_each(|number| top_up(&stripe, number));
    assert_eq!(imported(&stripe, &books).await, 3);
    assert_eq!(imported(&stripe, &books).await, 0);
    (4..=8).for_each(|number| top_up(&stripe, number));
    assert_eq!(imported(&stripe, &books).await, 5);
    assert_eq!(cursor(&books).await, "txn_8");
}

#[tokio::test]
async fn a_cursor_that_was_lost_costs_a_second_reading_and_nothing_else() {
    let (stripe, books) = (FakeStripe::default(), Books::new().await);
    (1..=5).for_each(|number| top_up(&stripe, number));
    imported(&stripe, &books).await;
    import_cursor::Entity::delete_by_id(Scope::Platform).exec(&books.db).await.unwrap();
    assert_eq!(imported(&stripe, &books).await, 0);
    assert_eq!(ledger_transaction::Entity::find().count(&books.db).await.unwrap(), 5);
}

#[tokio::test]
async fn replicas_that_import_at_once_post_each_transaction_once() {
    let (stripe, books) = (Arc::new(FakeStripe::default()), Books::new().await);
    (1..=9).for_each(|number| top_up(&stripe, number));
    let replicas = (0..4).map(|_| {
        let (stripe, db) = (Arc::clone(&stripe), books.db.clone());
        tokio::spawn(async move {
            import_from(&*stripe, &db, &Clock::default(), &Scope::Platform, Reach::WIDE).await.unwrap().new
        })
    });
    let mut new = 0;
    for replica in replicas.collect::<Vec<_>>() {
        new += replica.await.unwrap();
    }
    assert_eq!(new, 9);
    assert_eq!(ledger_transaction::Entity::find().count(&books.db).await.unwrap(), 9);
}

#[tokio::test]
async fn a_transaction_is_kept_as_stripe_told_it() {
    let (stripe, books) = (FakeStripe::default(), Books::new().await);
    stripe.happens(&Scope::Platform, wire("txn_1", "charge", "ch_1", 10_000, &[("stripe_fee", 320)]));
    imported(&stripe, &books).await;
    let kept = balance_transaction::Entity::find().one(&books.db).await.unwrap().unwrap();
    let told = txn(Scope::Platform, "txn_1", "charge", "ch_1", 10_000, &[("stripe_fee", 320)]);
    let category = Some("charge".to_owned());
    let imported_at = kept.imported_at;
    assert_eq!(kept, balance_transaction::Model { reporting_category: category, imported_at, ..told });
}

/// A top-up some seconds after noon.
fn top_up_at(number: i64, seconds: i64) -> serde_json::Value {
    let mut wire = wire(&format!("txn_{number}"), "topup", "tu_1", 100, &[]);
    wire["created"] = at(seconds).timestamp().into();
    wire
}

#[tokio::test]
async fn a_transaction_that_comes_about_late_in_the_same_second_is_imported() {
    let (stripe, books) = (FakeStripe::default(), Books::new().await);
    for (number, seconds) in [(1, 0), (2, 5_000), (3, 10_000), (4, 10_000)] {
        stripe.happens(&Scope::Platform, top_up_at(number, seconds));
    }
    assert_eq!(imported(&stripe, &books).await, 4);
    // Stripe's list is by second: what is new stands before what was the newest.
    stripe.happens_late(&Scope::Platform, top_up_at(5, 10_000));
    stripe.happens_late(&Scope::Platform, top_up_at(6, 9_999));
    assert_eq!(imported(&stripe, &books).await, 2);
    assert_eq!(imported(&stripe, &books).await, 0);
    assert_eq!(cursor(&books).await, "txn_4");
    assert_eq!(ledger_transaction::Entity::find().count(&books.db).await.unwrap(), 6);
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_page_leaves_nothing_of_it_and_the_next_import_takes_it_whole() {
    let (stripe, books) = (FakeStripe::default(), Books::new().await);
    (1..=7).for_each(|number| top_up(&stripe, number));
    // The fourth is the second of its page.
    let crash = "CREATE TRIGGER crash BEFORE INSERT ON ledger_transactions WHEN NEW.source = 'txn_4' \
                 BEGIN SELECT RAISE(ABORT, 'crash'); END";
    books.db.execute_unprepared(crash).await.unwrap();
    let stopped =
        import_from(&stripe, &books.db, &Clock::default(), &Scope::Platform, Reach::WIDE).await.unwrap_err();
    assert!(stopped.to_string().contains("crash"), "{stopped}");
    let count = balance_transaction::Entity::find().count(&books.db).await.unwrap();
    assert_eq!(count, ledger_transaction::Entity::find().count(&books.db).await.unwrap());
    assert_eq!(cursor(&books).await, format!("txn_{count}"), "the page before is there, cursor and all");
    assert!(count < 4);
    books.db.execute_unprepared("DROP TRIGGER crash").await.unwrap();
    assert_eq!(imported(&stripe, &books).await, 7 - count);
    assert_eq!(ledger_transaction::Entity::find().count(&books.db).await.unwrap(), 7);
}

#[tokio::test]
async fn the_beginning_of_a_long_history_is_found_without_reading_it_twice() {
    let (stripe, books) = (FakeStripe::default(), Books::new().await);
    (1..=400).for_each(|number| stripe.happens(&Scope::Platform, top_up_at(number, number * 3_600)));
    assert_eq!(imported(&stripe, &books).await, 400);
    // Two a page: 200 forwards, and some thirty to find the first.
    assert!(stripe.pages() <= 200 + 40, "{} pages", stripe.pages());
}

#[tokio::test]
async fn an_import_with_few_pages_says_that_it_is_not_finished() {
    let (stripe, books) = (FakeStripe::default(), Books::new().await);
    (1..=5).for_each(|number| stripe.happens(&Scope::Platform, top_up_at(number, number * 3_600)));
    let reach = Reach { most_pages: 2, ..Reach::WIDE };
    let mut runs = Vec::new();
    for _ in 0..4 {
        let clock = Clock::default();
        let run = import_from(&stripe, &books.db, &clock, &Scope::Platform, reach).await.unwrap();
        runs.push((run.new, run.finished));
    }
    assert_eq!(runs.iter().map(|(new, _)| new).sum::<u64>(), 5, "{runs:?}");
    assert!(!runs[0].1 && runs[3].1, "{runs:?}");
}
