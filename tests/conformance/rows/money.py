"""Where money goes: balances, transfers, fees, refunds, payouts, top-ups."""

from ..market import DAY
from .row import Row, many, one

HUGE = 99_999_999


def on(m, noun, id, action="", **form):
    return m.shop.post(f"{noun}/{id}{action}", **form)


def transaction(m):
    charge = m.shop.get(f"charges/{m.destination()['latest_charge']}").ok()
    return charge["balance_transaction"]


def fee_with_refund(m):
    def make():
        fee = m.fee()
        return fee, m.fee_refund(fee)

    return m.once("fee with refund", make)


def reversed_transfer(m):
    def make():
        transfer = m.transfer()
        return transfer, m.reversal(transfer)

    return m.once("reversed transfer", make)


def on_payout(m, action, seller=None, wait=0, **form):
    seller = seller or m.new_seller()
    payout = m.payout(seller)
    if wait:
        m.advance(wait)
    return m.shop.on(seller).post(f"payouts/{payout}{action}", **form)


def own_payout(m):
    """The platform's, because the seller's are not in its scope."""
    m.fill()
    return m.shop.post("payouts", amount=1000, currency="usd").ok()["id"]


def pay_out(m):
    m.transfer(2000)
    form = {"description": "Week 7", "statement_descriptor": "SOUK", "metadata": {"a": "b"}}
    return m.shop.on(m.seller()).post("payouts", amount=1000, currency="usd", **form)


def cancel_refund(m):
    refund = m.refund()
    m.control(f"refunds/{refund}/require-action")
    return on(m, "refunds", refund, "/cancel")


def canceled_topup(m):
    topup = m.topup()
    on(m, "topups", topup, "/cancel").ok()
    return topup


def refund_too_much(m):
    return m.shop.post("refunds", charge=m.charge(5000), amount=5001)


BALANCE = [
    Row("GET /v1/balance", lambda m: m.shop.get("balance"), lambda m: m.shop.on("acct_nobody").get("balance"), "403 account_invalid"),
    Row(
        "GET /v1/balance_settings",
        lambda m: m.shop.on(m.seller()).get("balance_settings"),
        lambda m: m.shop.on("acct_nobody").get("balance_settings"),
        "403 account_invalid",
    ),
    Row(
        "POST /v1/balance_settings",
        lambda m: m.shop.on(m.new_seller()).post("balance_settings", payments={"payouts": {"schedule": {"interval": "daily"}}}),
        lambda m: m.shop.on(m.seller()).post("balance_settings", payments={"payouts": {"schedule": {"interval": "hourly"}}}),
        "400",
    ),
    many("balance_transactions", transaction, "txn_nothing"),
    one("balance_transactions", transaction, "txn_nothing"),
]

FEES = [
    many("application_fees", lambda m: m.fee(), "fee_nothing"),
    one("application_fees", lambda m: m.fee(), "fee_nothing"),
    many(
        lambda m: f"application_fees/{fee_with_refund(m)[0]}/refunds",
        fee_with_refund,
        "fr_nothing",
        "/v1/application_fees/{id}/refunds",
    ),
    Row(
        "POST /v1/application_fees/{id}/refunds",
        lambda m: on(m, "application_fees", m.fee(), "/refunds", amount=200, metadata={"a": "b"}),
        lambda m: on(m, "application_fees", m.fee(), "/refunds", amount=501),
        "400",
    ),
    Row(
        "GET /v1/application_fees/{feeId}/refunds/{id}",
        lambda m: m.shop.get("application_fees/{}/refunds/{}".format(*fee_with_refund(m))),
        lambda m: m.shop.get(f"application_fees/{m.fee()}/refunds/fr_nothing"),
        "404 resource_missing",
    ),
    Row(
        "POST /v1/application_fees/{feeId}/refunds/{id}",
        lambda m: m.shop.post("application_fees/{}/refunds/{}".format(*fee_with_refund(m)), metadata={"a": "b"}),
        lambda m: m.shop.post(f"application_fees/{m.fee()}/refunds/fr_nothing", metadata={"a": "b"}),
        "404 resource_missing",
    ),
]

REFUNDS = [
    many("refunds", lambda m: m.refund(), "re_nothing"),
    Row("POST /v1/refunds", lambda m: m.shop.post("refunds", charge=m.charge(), amount=100, reason="duplicate"), refund_too_much, "400"),
    one("refunds", lambda m: m.refund(), "re_nothing"),
    Row(
        "POST /v1/refunds/{id}",
        lambda m: on(m, "refunds", m.refund(), metadata={"a": "b"}),
        lambda m: on(m, "refunds", "re_nothing", metadata={"a": "b"}),
        "404 resource_missing",
    ),
    Row("POST /v1/refunds/{id}/cancel", cancel_refund, lambda m: on(m, "refunds", m.refund(), "/cancel"), "400"),
]

TRANSFERS = [
    many("transfers", lambda m: m.transfer(), "tr_nothing"),
    Row(
        "POST /v1/transfers",
        lambda m: m.shop.post(
            "transfers",
            amount=1000,
            currency="usd",
            destination=m.seller(),
            source_transaction=m.charge(),
            description="Share",
            metadata={"a": "b"},
            transfer_group="order_7",
        ),
        lambda m: m.shop.post("transfers", amount=HUGE, currency="usd", destination=m.seller()),
        "400 balance_insufficient",
    ),
    one("transfers", lambda m: reversed_transfer(m)[0], "tr_nothing"),
    Row(
        "POST /v1/transfers/{id}",
        lambda m: on(m, "transfers", m.transfer(), metadata={"a": "b"}, description="Share"),
        lambda m: on(m, "transfers", "tr_nothing", metadata={"a": "b"}),
        "404 resource_missing",
    ),
    many(lambda m: f"transfers/{reversed_transfer(m)[0]}/reversals", reversed_transfer, "trr_nothing", "/v1/transfers/{id}/reversals"),
    Row(
        "POST /v1/transfers/{id}/reversals",
        lambda m: on(m, "transfers", m.transfer(), "/reversals", amount=300, description="Back", metadata={"a": "b"}),
        lambda m: on(m, "transfers", m.transfer(1000), "/reversals", amount=1001),
        "400",
    ),
    Row(
        "GET /v1/transfers/{transferId}/reversals/{id}",
        lambda m: m.shop.get("transfers/{}/reversals/{}".format(*reversed_transfer(m))),
        lambda m: m.shop.get(f"transfers/{m.transfer()}/reversals/trr_nothing"),
        "404 resource_missing",
    ),
    Row(
        "POST /v1/transfers/{transferId}/reversals/{id}",
        lambda m: m.shop.post("transfers/{}/reversals/{}".format(*reversed_transfer(m)), metadata={"a": "b"}),
        lambda m: m.shop.post(f"transfers/{m.transfer()}/reversals/trr_nothing", metadata={"a": "b"}),
        "404 resource_missing",
    ),
]

PAYOUTS = [
    many("payouts", own_payout, "po_nothing"),
    Row(
        "POST /v1/payouts",
        pay_out,
        lambda m: m.shop.on(m.seller()).post("payouts", amount=HUGE, currency="usd"),
        "400 balance_insufficient",
    ),
    one("payouts", own_payout, "po_nothing"),
    Row(
        "POST /v1/payouts/{id}",
        lambda m: on_payout(m, "", metadata={"a": "b"}),
        lambda m: on(m, "payouts", "po_nothing", metadata={"a": "b"}),
        "404 resource_missing",
    ),
    Row("POST /v1/payouts/{id}/cancel", lambda m: on_payout(m, "/cancel"), lambda m: on_payout(m, "/cancel", wait=3 * DAY), "400"),
    Row(
        "POST /v1/payouts/{id}/reverse",
        lambda m: on_payout(m, "/reverse", wait=3 * DAY, metadata={"a": "b"}),
        lambda m: on_payout(m, "/reverse"),
        "400",
    ),
]

TOPUPS = [
    many("topups", lambda m: m.topup(), "tu_nothing"),
    Row(
        "POST /v1/topups",
        lambda m: m.shop.post("topups", amount=2000, currency="usd", description="Float", statement_descriptor="SOUK", metadata={"a": "b"}),
        lambda m: m.shop.post("topups", amount=0, currency="usd"),
        "400",
    ),
    one("topups", lambda m: m.topup(), "tu_nothing"),
    Row(
        "POST /v1/topups/{id}",
        lambda m: on(m, "topups", m.topup(), metadata={"a": "b"}, description="More"),
        lambda m: on(m, "topups", "tu_nothing", metadata={"a": "b"}),
        "404 resource_missing",
    ),
    Row(
        "POST /v1/topups/{id}/cancel",
        lambda m: on(m, "topups", m.topup(), "/cancel"),
        lambda m: on(m, "topups", canceled_topup(m), "/cancel"),
        "400",
    ),
]

ROWS = BALANCE + FEES + REFUNDS + TRANSFERS + PAYOUTS + TOPUPS
