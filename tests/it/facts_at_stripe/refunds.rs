//! Refunds of each charge model, and those that fail.

use serde_json::json;
use souk::ledger::postings::{
    CommissionReturned, DestinationRefund, DirectRefund, FailedRefund, RestoredTo, ShareRefund, TakenFrom,
    payout_paid,
};
use souk_entity::Scope;

use crate::{
    engines::on_both_databases,
    market::{Market, at, id, usd},
    world::text,
};

on_both_databases!(
    async fn separate_refunds_before_and_after_the_transfer_meet_their_halves(market: Market) {
        // Before: half of the order.
        let charge = market.pay(None, "10000", &[]).await;
        market.post([market.separate(&charge).of_platform()]).await;
        let refund = market.refund(&charge, "5000").await;
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
        let refund = market.refund(&charge, "2000").await;
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
        let refund = market.refund(&charge, "3000").await;
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
        for (amount, commission) in [(4_000, 400), (2_000, 0)] {
            let text_of = |amount: i64| amount.to_string();
            let refund = market.refund(&charge, &text_of(amount)).await;
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
