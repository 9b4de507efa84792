"""Buyers' banks take money back."""

from ..market import DAY
from .flow import flow, show


@flow
def a_dispute_is_won(m):
    dispute = m.dispute()
    m.shop.post(f"disputes/{dispute}", evidence={"uncategorized_text": "winning_evidence"}).ok()
    m.control(f"disputes/{dispute}/close", outcome="won")
    won = show(m, f"disputes/{dispute}", "charge", "payment_intent")
    assert won["status"] == "won", won["status"]


@flow
def a_dispute_is_lost(m):
    dispute = m.dispute()
    m.control(f"disputes/{dispute}/close", outcome="lost")
    lost = show(m, f"disputes/{dispute}")
    assert lost["status"] == "lost", lost["status"]


@flow
def a_card_disputes_by_itself(m):
    intent = m.paid(payment_method="pm_card_createDispute")
    m.advance(DAY)
    disputes = m.shop.get("disputes", payment_intent=intent["id"]).ok()["data"]
    assert len(disputes) == 1, disputes


@flow
def a_dispute_of_a_direct_charge_is_the_sellers(m):
    seller = m.new_seller()
    caller = m.shop.on(seller)
    charge = m.charge(caller=caller, application_fee_amount=500)
    m.control("disputes", charge=charge, reason="duplicate")
    dispute = caller.get("disputes", charge=charge, expand=["data.charge", "data.balance_transactions"]).ok()["data"][0]
    caller.post(f"disputes/{dispute['id']}", evidence={"uncategorized_text": "losing_evidence"}, submit=True).ok()
    m.control(f"disputes/{dispute['id']}/close", outcome="lost")
    caller.get("balance_transactions", expand=["data.source"]).ok()
    m.shop.get(f"accounts/{seller}").ok()


@flow
def cards_bring_trouble_by_themselves(m):
    for card in (
        "pm_card_createDisputeProductNotReceived",
        "pm_card_createDisputeInquiry",
        "pm_card_createMultipleDisputes",
        "pm_card_createIssuerFraudRecord",
        "pm_card_riskLevelElevated",
    ):
        intent = m.paid(payment_method=card)
        m.advance(DAY)
        show(m, f"charges/{intent['latest_charge']}", "balance_transaction", "payment_intent", "review", "refunds")
        m.shop.get("disputes", payment_intent=intent["id"], expand=["data.charge"]).ok()
    m.shop.get("radar/early_fraud_warnings", expand=["data.charge"]).ok()


@flow
def refunds_arrive_late_or_come_back(m):
    for card in ("pm_card_pendingRefund", "pm_card_refundFail"):
        refund = m.shop.post("refunds", charge=m.charge(payment_method=card)).ok()["id"]
        show(m, f"refunds/{refund}")
        m.advance(10 * DAY)
        show(m, f"refunds/{refund}", "failure_balance_transaction", "balance_transaction")


@flow
def nobody_answers_a_dispute(m):
    dispute = m.dispute()
    m.advance(60 * DAY)
    lost = show(m, f"disputes/{dispute}")
    assert lost["status"] == "lost", lost["status"]
