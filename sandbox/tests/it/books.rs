//! No cent is made or lost, whatever is asked for in whatever order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Caller, DAY, World, text};

#[derive(Clone, Debug)]
enum Step {
    Destination {
        amount: i64,
        fee_percent: i64,
    },
    Direct {
        amount: i64,
        fee_percent: i64,
    },
    Platform {
        amount: i64,
    },
    Transfer {
        amount: i64,
    },
    TransferOfCharge {
        percent: i64,
    },
    Reverse {
        amount: i64,
    },
    Refund {
        percent: i64,
        flags: bool,
    },
    RefundDirect {
        percent: i64,
    },
    /// With a card whose refunds come back, or whose buyers dispute.
    Trouble {
        amount: i64,
        card: &'static str,
        seller: bool,
    },
    Dispute {
        percent: i64,
        seller: bool,
        inquiry: bool,
    },
    Answer {
        text: &'static str,
        seller: bool,
    },
    Decide {
        outcome: &'static str,
        seller: bool,
    },
    Payout {
        amount: i64,
        seller: bool,
        instant: bool,
    },
    Return {
        reverse: bool,
    },
    TopUp {
        amount: i64,
        fails: bool,
    },
    Decline,
    Advance {
        hours: i64,
    },
}

const TROUBLE: &[&str] = &[
    "pm_card_refundFail",
    "pm_card_createDispute",
    "pm_card_createMultipleDisputes",
    "pm_card_createDisputeInquiry",
];
const EVIDENCE: &[&str] =
    &["winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "something else"];
const OUTCOMES: &[&str] = &["won", "lost", "escalated"];

fn step() -> impl Strategy<Value = Step> {
    let (amount, percent) = (100_i64..50_000, 0_i64..=100);
    prop_oneof![
        (amount.clone(), percent.clone())
            .prop_map(|(amount, fee_percent)| Step::Destination { amount, fee_percent }),
        (amount.clone(), percent.clone())
            .prop_map(|(amount, fee_percent)| Step::Direct { amount, fee_percent }),
        amount.clone().prop_map(|amount| Step::Platform { amount }),
        amount.clone().prop_map(|amount| Step::Transfer { amount }),
        percent.clone().prop_map(|percent| Step::TransferOfCharge { percent }),
        amount.clone().prop_map(|amount| Step::Reverse { amount }),
        (percent.clone(), any::<bool>()).prop_map(|(percent, flags)| Step::Refund { percent, flags }),
        percent.prop_map(|percent| Step::RefundDirect { percent }),
        (amount.clone(), prop::sample::select(TROUBLE), any::<bool>())
            .prop_map(|(amount, card, seller)| Step::Trouble { amount, card, seller }),
        (0_i64..=100, any::<bool>(), any::<bool>()).prop_map(|(percent, seller, inquiry)| Step::Dispute {
            percent,
            seller,
            inquiry
        }),
        (prop::sample::select(EVIDENCE), any::<bool>())
            .prop_map(|(text, seller)| Step::Answer { text, seller }),
        (prop::sample::select(OUTCOMES), any::<bool>())
            .prop_map(|(outcome, seller)| Step::Decide { outcome, seller }),
        (amount.clone(), any::<bool>(), any::<bool>()).prop_map(|(amount, seller, instant)| Step::Payout {
            amount,
            seller,
            instant
        }),
        any::<bool>().prop_map(|reverse| Step::Return { reverse }),
        (amount, any::<bool>()).prop_map(|(amount, fails)| Step::TopUp { amount, fails }),
        Just(Step::Decline),
        (1_i64..72).prop_map(|hours| Step::Advance { hours }),
    ]
}

/// Asks for one thing; whether it is granted depends on what came before, and does not matter.
async fn take(world: &World, seller: &str, step: &Step) {
    let (shop, on_seller) = (world.shop(), world.shop().on(seller));
    let of = |at_seller: bool| if at_seller { on_seller.clone() } else { shop.clone() };
    match step {
        Step::Destination { amount, fee_percent } => {
            let fee = part(*amount, *fee_percent);
            shop.pay(*amount, &[("transfer_data[destination]", seller), ("application_fee_amount", &fee)])
                .await;
        }
        Step::Direct { amount, fee_percent } => {
            on_seller.pay(*amount, &[("application_fee_amount", &part(*amount, *fee_percent))]).await;
        }
        Step::Platform { amount } => {
            drop(shop.pay(*amount, &[("payment_method", "pm_card_bypassPending")]).await)
        }
        Step::Transfer { amount } => send(&shop, seller, &amount.to_string(), None).await,
        Step::TransferOfCharge { percent } => {
            let Some((id, amount)) = last_charge(&shop).await else { return };
            send(&shop, seller, &part(amount, *percent), Some(&id)).await;
        }
        Step::Reverse { amount } => {
            let Some(transfer) = shop.list("transfers").await.into_iter().next() else { return };
            let path = format!("transfers/{}/reversals", text(&transfer["id"]));
            shop.post(&path, &[("amount", &amount.to_string())]).await;
        }
        Step::Refund { percent, flags } => refund(&shop, *percent, *flags).await,
        Step::RefundDirect { percent } => refund(&on_seller, *percent, false).await,
        Step::Trouble { amount, card, seller } => {
            drop(of(*seller).pay(*amount, &[("payment_method", card)]).await)
        }
        Step::Dispute { percent, seller, inquiry } => {
            let Some((charge, amount)) = last_charge(&of(*seller)).await else { return };
            let body = json!({ "charge": charge, "amount": amount * percent / 100, "inquiry": inquiry });
            world.try_control("disputes", body).await;
        }
        Step::Answer { text: evidence, seller } => {
            let who = of(*seller);
            let Some(dispute) = who.list("disputes").await.into_iter().next() else { return };
            let path = format!("disputes/{}", text(&dispute["id"]));
            who.post(&path, &[("evidence[uncategorized_text]", evidence)]).await;
        }
        Step::Decide { outcome, seller } => {
            let Some(dispute) = of(*seller).list("disputes").await.into_iter().next() else { return };
            let path = format!("disputes/{}/close", text(&dispute["id"]));
            world.try_control(&path, json!({ "outcome": outcome })).await;
        }
        Step::Payout { amount, seller, instant } => pay_out(&of(*seller), *amount, *instant).await,
        Step::Return { reverse } => {
            let Some(payout) = on_seller.list("payouts").await.into_iter().next() else { return };
            let end = if *reverse { "reverse" } else { "cancel" };
            on_seller.post(&format!("payouts/{}/{end}", text(&payout["id"])), &[]).await;
        }
        Step::TopUp { amount, fails } => {
            let source = if *fails { "btok_us_noAccount" } else { "btok_us" };
            let amount = amount.to_string();
            shop.post("topups", &[("amount", &amount), ("currency", "usd"), ("source", source)]).await.ok();
        }
        Step::Decline => {
            let form = [
                ("amount", "500"),
                ("currency", "usd"),
                ("confirm", "true"),
                ("payment_method", "pm_card_chargeDeclined"),
            ];
            shop.post("payment_intents", &form).await.refused(402);
        }
        Step::Advance { hours } => world.advance(hours * 3600).await,
    }
}

async fn pay_out(who: &Caller, amount: i64, instant: bool) {
    let method = if instant { "instant" } else { "standard" };
    who.post("payouts", &[("amount", &amount.to_string()), ("currency", "usd"), ("method", method)]).await;
}

fn part(amount: i64, percent: i64) -> String {
    (amount * percent / 100).to_string()
}

/// The last payment that a card paid: its id and amount.
async fn last_charge(who: &Caller) -> Option<(String, i64)> {
    let paid = |charge: &Value| charge["status"] == "succeeded" && charge["source_transfer"].is_null();
    let charge = who.list("charges").await.into_iter().find(paid)?;
    Some((text(&charge["id"]), charge["amount"].as_i64()?))
}

async fn send(shop: &Caller, seller: &str, amount: &str, source: Option<&str>) {
    let mut form = vec![("amount", amount), ("currency", "usd"), ("destination", seller)];
    form.extend(source.map(|id| ("source_transaction", id)));
    shop.post("transfers", &form).await;
}

async fn refund(who: &Caller, percent: i64, flags: bool) {
    let Some((id, amount)) = last_charge(who).await else { return };
    let amount = part(amount, percent);
    let mut form = vec![("charge", id.as_str()), ("amount", amount.as_str())];
    if flags {
        form.extend([("reverse_transfer", "true"), ("refund_application_fee", "true")]);
    }
    who.post("refunds", &form).await;
}

/// Each balance is the sum of its transactions as the API shows them, and all positions sum to zero.
pub(crate) async fn check(world: &World, seller: &str) {
    let mut on_accounts = 0;
    for caller in [world.shop(), world.shop().on(seller)] {
        let (mut available, mut pending) = (0, 0);
        for transaction in caller.list("balance_transactions").await {
            let figure = |name: &str| transaction[name].as_i64().unwrap();
            assert_eq!(figure("net"), figure("amount") - figure("fee"));
            let fees: i64 = transaction["fee_details"]
                .as_array()
                .unwrap()
                .iter()
                .map(|fee| fee["amount"].as_i64().unwrap())
                .sum();
            assert_eq!(fees, figure("fee"));
            *(if transaction["status"] == "available" { &mut available } else { &mut pending }) +=
                figure("net");
        }
        // What the platform must hold back for a seller below zero is its own, and not available.
        let reserved =
            caller.get("balance").await.ok()["connect_reserved"][0]["amount"].as_i64().unwrap_or(0);
        assert_eq!(caller.balance().await, (available - reserved, pending));
        on_accounts += available + pending;
    }
    let ledger = world.control(Method::GET, "ledger?platform=shop", json!({})).await;
    let (mut sums, mut held) = (BTreeMap::new(), 0);
    for position in ledger["positions"].as_array().unwrap() {
        let amount = position["available"].as_i64().unwrap() + position["pending"].as_i64().unwrap();
        *sums.entry(text(&position["currency"])).or_insert(0) += amount;
        if !text(&position["position"]).contains('/') {
            held += amount;
        }
    }
    assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    assert_eq!(held, on_accounts);
    for movement in ledger["movements"].as_array().unwrap() {
        let sum: i64 =
            movement["legs"].as_array().unwrap().iter().map(|leg| leg["amount"].as_i64().unwrap()).sum();
        assert_eq!(sum, 0, "{movement}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_cent_is_made_or_lost(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::start().await;
            let seller = world.seller().await;
            for step in &steps {
                take(&world, &seller, step).await;
            }
            check(&world, &seller).await;
            world.advance(10 * DAY).await;
            check(&world, &seller).await;
            world.sandbox.shutdown().await;
        });
    }
}
