//! Disputes: won, lost, and the seller's own.

use souk::ledger::postings::{Dispute, DisputeCharged, DisputeRecovery, RecoveryReturned};
use souk_entity::Scope;

use crate::{
    engines::on_both_databases,
    market::{Market, at, id, usd},
};

/// A dispute of a separate sale, recovered from the seller.
async fn disputed(market: &Market) -> (Dispute, DisputeRecovery) {
    let (charge, transfer) = market.separate_sale().await;
    let dispute =
        Dispute { book: Scope::Platform, dispute: market.dispute(&charge).await, amount: usd(10_000) };
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
        market.decide(&dispute.dispute, "won").await;
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
        market.decide(&dispute.dispute, "lost").await;
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
        let book = Scope::Connected(market.account.clone());
        let dispute = Dispute { book, dispute: market.dispute(&charge).await, amount: usd(10_000) };
        market.post([dispute.withdrawn(at())]).await;
        market.decide(&dispute.dispute, "lost").await;
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
