"""Payments in states that no single call reaches."""

from ..market import DAY
from .flow import flow, show

MANDATE = {"customer_acceptance": {"type": "online", "online": {"ip_address": "203.0.113.7", "user_agent": "test"}}}


@flow
def a_buyer_authenticates(m):
    intent = m.paid(payment_method="pm_card_authenticationRequired")
    assert intent["status"] == "requires_action", intent["status"]
    m.browse(intent["next_action"]["redirect_to_url"]["url"], "outcome=complete")
    intent = show(m, f"payment_intents/{intent['id']}", "latest_charge.balance_transaction", "payment_method")
    assert intent["status"] == "succeeded", intent["status"]


@flow
def a_buyer_fails_to_authenticate(m):
    intent = m.paid(payment_method="pm_card_authenticationRequired")
    m.browse(intent["next_action"]["redirect_to_url"]["url"], "outcome=fail")
    intent = show(m, f"payment_intents/{intent['id']}")
    assert intent["status"] == "requires_payment_method", intent["status"]


@flow
def a_direct_charge_pays_a_fee(m):
    caller = m.shop.on(m.seller())
    intent = m.paid(caller=caller, application_fee_amount=300)
    caller.get(f"charges/{intent['latest_charge']}", expand=["balance_transaction", "payment_intent"]).ok()
    caller.post("refunds", payment_intent=intent["id"], refund_application_fee=True).ok()


@flow
def a_card_is_kept_and_charged_off_session(m):
    customer = m.customer()
    method = m.attached(customer)
    m.shop.post(f"customers/{customer}", invoice_settings={"default_payment_method": method}).ok()
    m.paid(customer=customer, payment_method=method, off_session=True)
    show(m, f"customers/{customer}", "invoice_settings.default_payment_method")
    seller = m.seller()
    clone = m.shop.on(seller).post("payment_methods", customer=customer, payment_method=method).ok()["id"]
    m.paid(caller=m.shop.on(seller), payment_method=clone, application_fee_amount=100)


@flow
def cards_are_declined(m):
    for card in (
        "pm_card_chargeDeclinedInsufficientFunds",
        "pm_card_chargeDeclinedExpiredCard",
        "pm_card_chargeDeclinedIncorrectCvc",
        "pm_card_chargeDeclinedProcessingError",
        "pm_card_chargeDeclinedFraudulent",
    ):
        intent = m.intent()
        reply = m.shop.post(f"payment_intents/{intent['id']}/confirm", payment_method=card, return_url="https://shop.test/")
        assert reply.status == 402, reply.body
        show(m, f"payment_intents/{intent['id']}", "latest_charge")


@flow
def an_authorization_is_captured_in_part(m):
    intent = m.held(transfer_data={"destination": m.seller()}, application_fee_amount=500)
    m.shop.post(f"payment_intents/{intent['id']}/capture", amount_to_capture=3000, application_fee_amount=300).ok()
    show(m, f"charges/{intent['latest_charge']}", "balance_transaction", "refunds", "transfer")


@flow
def a_buyer_pays_on_the_hosted_page(m):
    session = m.session(payment_intent_data={"transfer_data": {"destination": m.seller()}, "application_fee_amount": 500})
    status, _, page = m.browse(session["url"])
    assert status == 200, (status, page[:300])
    form = "email=ada%40example.test&kind=card&number=4242424242424242&exp=12%2F34&cvc=123&name=Ada"
    m.browse(session["url"], form)
    paid = show(m, f"checkout/sessions/{session['id']}", "payment_intent.latest_charge", "line_items", "customer")
    assert (paid["status"], paid["payment_status"]) == ("complete", "paid"), (paid["status"], paid["payment_status"])


@flow
def a_card_is_set_up_with_authentication(m):
    setup = m.setup(customer=m.customer(), payment_method="pm_card_authenticationRequired", confirm=True, return_url="https://shop.test/")
    assert setup["status"] == "requires_action", setup["status"]
    m.browse(setup["next_action"]["redirect_to_url"]["url"], "outcome=complete")
    done = show(m, f"setup_intents/{setup['id']}", "latest_attempt", "payment_method")
    assert done["status"] == "succeeded", done["status"]


@flow
def a_bank_debit_succeeds_days_later(m):
    for method, currency in (("pm_usBankAccount_success", "usd"), ("pm_success_de", "eur")):
        kind = "us_bank_account" if currency == "usd" else "sepa_debit"
        form = {"currency": currency, "allowed_payment_method_types": [kind], "mandate_data": MANDATE}
        intent = m.shop.post("payment_intents", amount=5000, confirm=True, payment_method=method, **form).ok()
        assert intent["status"] == "processing", intent["status"]
        m.advance(10 * DAY)
        done = show(m, f"payment_intents/{intent['id']}", "latest_charge.balance_transaction", "payment_method")
        assert done["status"] == "succeeded", done["status"]


@flow
def a_bank_debit_comes_back(m):
    for method in ("pm_usBankAccount_insufficientFunds", "pm_usBankAccount_accountClosed"):
        form = {"allowed_payment_method_types": ["us_bank_account"], "mandate_data": MANDATE, "payment_method": method}
        intent = m.intent(confirm=True, **form)
        m.advance(10 * DAY)
        failed = show(m, f"payment_intents/{intent['id']}", "latest_charge")
        assert failed["status"] == "requires_payment_method", failed["status"]


@flow
def a_buyer_is_redirected_to_the_bank(m):
    for outcome, status in (("complete", "succeeded"), ("fail", "requires_payment_method")):
        intent = m.shop.post(
            "payment_intents",
            amount=5000,
            currency="eur",
            confirm=True,
            payment_method_data={"type": "ideal", "ideal": {"bank": "ing"}, "billing_details": {"name": "Ada"}},
            allowed_payment_method_types=["ideal"],
            return_url="https://shop.test/",
        ).ok()
        m.browse(intent["next_action"]["redirect_to_url"]["url"], f"outcome={outcome}")
        done = show(m, f"payment_intents/{intent['id']}", "latest_charge.balance_transaction")
        assert done["status"] == status, done["status"]


@flow
def an_authorization_expires(m):
    intent = m.held()
    m.advance(8 * DAY)
    done = show(m, f"payment_intents/{intent['id']}", "latest_charge.refunds")
    assert done["status"] == "canceled", done["status"]


@flow
def amounts_come_in_every_currency(m):
    for currency, amount in (("jpy", 5000), ("eur", 5000), ("kwd", 5000), ("gbp", 5000)):
        form = {"payment_method": "pm_card_visa", "confirm": True, "return_url": "https://shop.test/"}
        m.shop.post("payment_intents", amount=amount, currency=currency, **form).ok()
    m.shop.get("balance").ok()


@flow
def a_session_expires_by_itself(m):
    session = m.session(customer_email="ada@example.test")
    m.advance(2 * DAY)
    assert show(m, f"checkout/sessions/{session['id']}")["status"] == "expired"


@flow
def a_session_sets_up_a_card(m):
    session = m.shop.post(
        "checkout/sessions", mode="setup", currency="usd", customer=m.customer(), success_url="https://shop.test/thanks"
    ).ok()
    show(m, f"checkout/sessions/{session['id']}", "setup_intent")
