"""Money on its way: refunds, transfers, payouts, top-ups."""

from ..market import DAY, READY_CARD
from .flow import flow, show


@flow
def a_destination_charge_is_unwound(m):
    intent = m.destination(payment_method=READY_CARD)
    flags = {"reverse_transfer": True, "refund_application_fee": True}
    m.shop.post("refunds", payment_intent=intent["id"], amount=2000, **flags).ok()
    refund = m.shop.post("refunds", payment_intent=intent["id"], **flags).ok()
    show(m, f"refunds/{refund['id']}", "charge.refunds", "transfer_reversal.transfer", "balance_transaction.source")
    charge = show(m, f"charges/{intent['latest_charge']}", "application_fee.refunds", "transfer.destination_payment")
    assert charge["refunded"]
    m.shop.on(m.seller()).get("balance_transactions", expand=["data.source"]).ok()


@flow
def a_transfer_belongs_to_a_charge(m):
    charge = m.charge(transfer_group="order_9")
    transfer = m.transfer(3000, source_transaction=charge)
    m.reversal(transfer, 1000)
    show(m, f"transfers/{transfer}", "destination_payment", "source_transaction", "balance_transaction")
    m.shop.get("transfers", transfer_group="order_9", expand=["data.reversals"]).ok()


@flow
def a_bank_sends_a_payout_back(m):
    seller = m.new_seller(bank={"account_number": "000111111116"})
    payout = m.payout(seller)
    m.advance(3 * DAY)
    failed = m.shop.on(seller).get(f"payouts/{payout}", expand=["failure_balance_transaction", "destination"]).ok()
    assert failed["status"] == "failed", failed["status"]
    m.shop.get(f"accounts/{seller}").ok()


@flow
def a_payout_arrives(m):
    seller = m.new_seller()
    payout = m.payout(seller, method="instant")
    m.advance(DAY)
    paid = m.shop.on(seller).get(f"payouts/{payout}").ok()
    assert paid["status"] == "paid", paid["status"]


@flow
def a_schedule_pays_out(m):
    seller = m.new_seller(settings={"payouts": {"schedule": {"interval": "daily"}}})
    m.transfer(3000, seller)
    m.advance(3 * DAY)
    payouts = m.shop.on(seller).every("payouts", expand=["data.balance_transaction"])
    assert [payout["automatic"] for payout in payouts] == [True], payouts


@flow
def money_is_added_and_arrives(m):
    topup = m.topup()
    m.advance(10 * DAY)
    done = show(m, f"topups/{topup}", "balance_transaction")
    assert done["status"] == "succeeded", done["status"]


@flow
def a_seller_settles_in_another_currency(m):
    seller = m.new_seller(country="DE")
    caller = m.shop.on(seller)
    intent = m.paid(transfer_data={"destination": seller}, application_fee_amount=500, payment_method=READY_CARD)
    show(m, f"charges/{intent['latest_charge']}", "balance_transaction", "transfer.destination_payment", "application_fee")
    m.paid(caller=caller, application_fee_amount=300)
    m.transfer(2000, seller)
    m.shop.post("refunds", payment_intent=intent["id"], amount=1000, reverse_transfer=True, refund_application_fee=True).ok()
    exchanged = [found for found in caller.every("balance_transactions", expand=["data.source"]) if found["exchange_rate"]]
    assert exchanged, "nothing was exchanged"
