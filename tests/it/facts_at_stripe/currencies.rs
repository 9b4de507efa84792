//! What is settled in another currency.

use serde_json::Value;
use souk::ledger::{
    Posting, PostingError,
    postings::{Conversion, SeparateSale, ShareOfSale, ShareRefund, TakenFrom},
};
use souk_entity::{Money, Scope};

use crate::{
    engines::on_both_databases,
    market::{Market, at, id},
    world::text,
};

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
