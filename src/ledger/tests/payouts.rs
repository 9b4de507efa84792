//! Payouts that fail, before and after they were said to have arrived.

use sea_orm::{EntityTrait, PaginatorTrait};
use souk_entity::ledger_transaction;

use super::*;
use crate::ledger::payouts::return_at;

async fn returned(books: &Books) {
    let tx = db::begin_write(&books.db).await.unwrap();
    return_at(&tx, at(9), &seller(), "po_1", usd(9_000), at(9)).await.unwrap();
    db::commit(tx, "test", "post").await.unwrap();
}

#[tokio::test]
async fn a_payout_that_never_arrived_has_nothing_to_take_back() {
    let books = Books::new().await;
    returned(&books).await;
    assert_eq!(ledger_transaction::Entity::find().count(&books.db).await.unwrap(), 0);
}

#[tokio::test]
async fn an_arrival_is_taken_back_once_however_often_the_return_is_told() {
    let books = Books::new().await;
    books.post(&payout_paid(seller(), "po_1", usd(9_000), at(0)).unwrap()).await.unwrap();
    returned(&books).await;
    returned(&books).await;
    let shown = serde_json::to_value(trial_balance(&books.db).await.unwrap()).unwrap();
    assert_eq!(
        shown["books"][0]["currencies"][0]["accounts"],
        json!([
            {"code": "in_transit", "debit": 9_000, "credit": 9_000},
            {"code": "paid_out", "debit": 9_000, "credit": 9_000},
        ])
    );
}
