//! Sales, transfers and what moves a balance without one.

use souk::ledger::postings::{TransferReversal, payout_paid};
use souk_entity::Scope;

use crate::{
    engines::on_both_databases,
    market::{Market, at, id, usd},
};

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
