//! Balance transactions find their way into the books, each once.

use std::sync::Arc;

use sea_orm::{EntityTrait, PaginatorTrait};
use souk_entity::{balance_transaction, import_cursor, ledger_transaction};

use super::{
    stripe::{FakeStripe, wire},
    *,
};
use crate::{clock::Clock, ledger::import::import_from};

async fn imported(stripe: &FakeStripe, books: &Books) -> u64 {
    import_from(stripe, &books.db, &Clock::default(), &Scope::Platform).await.unwrap().new
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
            import_from(&*stripe, &db, &Clock::default(), &Scope::Platform).await.unwrap().new
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
