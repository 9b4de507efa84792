"""Payments and what they are made of."""

from ..market import ADDRESS, CARD
from .row import Row, many, one

DECLINED = "pm_card_chargeDeclined"
LOCAL = "https://shop.test/"


def create(m):
    form = {
        "customer": m.customer(),
        "description": "Order 7",
        "metadata": {"order": "7"},
        "receipt_email": "ada@example.test",
        "shipping": {"name": "Ada", "address": ADDRESS, "phone": "+12125550123"},
        "statement_descriptor_suffix": "SOUK",
        "transfer_group": "order_7",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "setup_future_usage": "off_session",
    }
    return m.shop.post("payment_intents", amount=5000, currency="usd", payment_method=CARD, confirm=True, **form)


def on_intent(m, action, intent, **form):
    return m.shop.post(f"payment_intents/{intent['id']}{action}", **form)


def on_charge(m, action, charge, **form):
    return m.shop.post(f"charges/{charge}{action}", **form)


def customers_method(m, id=None):
    customer = m.customer()
    method = m.attached(customer)
    return m.shop.get(f"customers/{customer}/payment_methods/{id or method}")


def shopper(m):
    """A customer with a card."""

    def make():
        customer = m.customer()
        m.attached(customer)
        return customer

    return m.once("shopper", make)


def on_method(m, action, id=None, **form):
    return m.shop.post(f"payment_methods/{id or m.method()}{action}", **form)


def detach(m):
    return on_method(m, "/detach", m.attached(m.customer()))


def attach_to_another(m):
    method = m.attached(m.customer())
    return on_method(m, "/attach", method, customer=m.customer())


def methods_of_nobody(m):
    return m.shop.get("payment_methods", customer="cus_nobody", type="card")


def on_setup(m, action, setup, **form):
    return m.shop.post(f"setup_intents/{setup['id']}{action}", **form)


def set_up(m):
    return m.setup(customer=m.customer(), payment_method=CARD, confirm=True, return_url=LOCAL)


def canceled_setup(m):
    return on_setup(m, "/cancel", m.setup(customer=m.customer())).ok()


def on_session(m, action, session, **form):
    return m.shop.post(f"checkout/sessions/{session['id']}{action}", **form)


def expired(m):
    return on_session(m, "/expire", m.session()).ok()


def delete_again(m):
    customer = m.customer()
    m.shop.delete(f"customers/{customer}").ok()
    return m.shop.delete(f"customers/{customer}")


INTENTS = [
    many("payment_intents", lambda m: m.paid(), "pi_nothing"),
    Row(
        "POST /v1/payment_intents",
        create,
        lambda m: m.shop.post("payment_intents", amount=5000, currency="usd", payment_method=DECLINED, confirm=True, return_url=LOCAL),
        "402 card_declined",
    ),
    one("payment_intents", lambda m: m.destination()["id"], "pi_nothing"),
    Row(
        "POST /v1/payment_intents/{id}",
        lambda m: on_intent(m, "", m.intent(), amount=6000, metadata={"a": "b"}),
        lambda m: on_intent(m, "", m.paid(), amount=6000),
        "400 payment_intent_unexpected_state",
    ),
    Row(
        "POST /v1/payment_intents/{id}/cancel",
        lambda m: on_intent(m, "/cancel", m.held(), cancellation_reason="requested_by_customer"),
        lambda m: on_intent(m, "/cancel", m.paid()),
        "400 payment_intent_unexpected_state",
    ),
    Row(
        "POST /v1/payment_intents/{id}/capture",
        lambda m: on_intent(m, "/capture", m.held(), amount_to_capture=3000),
        lambda m: on_intent(m, "/capture", m.paid()),
        "400 payment_intent_unexpected_state",
    ),
    Row(
        "POST /v1/payment_intents/{id}/confirm",
        lambda m: on_intent(m, "/confirm", m.intent(), payment_method=CARD, return_url=LOCAL),
        lambda m: on_intent(m, "/confirm", m.intent(), payment_method=DECLINED, return_url=LOCAL),
        "402 card_declined",
    ),
    many("charges", lambda m: m.charge(), "ch_nothing"),
    one("charges", lambda m: m.destination()["latest_charge"], "ch_nothing"),
    Row(
        "POST /v1/charges/{id}",
        lambda m: on_charge(m, "", m.charge(), metadata={"a": "b"}, description="Order 7"),
        lambda m: on_charge(m, "", "ch_nothing", description="Order 7"),
        "404 resource_missing",
    ),
    Row(
        "POST /v1/charges/{id}/capture",
        lambda m: on_charge(m, "/capture", m.held()["latest_charge"], amount=3000),
        lambda m: on_charge(m, "/capture", m.charge()),
        "400 charge_already_captured",
    ),
]

CUSTOMERS = [
    many("customers", lambda m: m.customer(), "cus_nobody"),
    Row(
        "POST /v1/customers",
        lambda m: m.shop.post("customers", name="Ada", email="ada@example.test", address=ADDRESS, metadata={"a": "b"}),
        lambda m: m.shop.post("customers", payment_method="pm_nothing"),
        "400 resource_missing",
    ),
    one("customers", lambda m: m.customer(), "cus_nobody"),
    Row("DELETE /v1/customers/{id}", lambda m: m.shop.delete(f"customers/{m.customer()}"), delete_again, "404 resource_missing"),
    Row(
        "POST /v1/customers/{id}",
        lambda m: m.shop.post(f"customers/{m.customer()}", phone="+12125550123", shipping={"name": "Ada", "address": ADDRESS}),
        lambda m: m.shop.post(f"customers/{m.customer()}", invoice_settings={"default_payment_method": "pm_nothing"}),
        "400 resource_missing",
    ),
    Row(
        "GET /v1/customers/{customerId}/payment_methods/{id}",
        customers_method,
        lambda m: customers_method(m, "pm_nothing"),
        "404 resource_missing",
    ),
    many(lambda m: f"customers/{shopper(m)}/payment_methods", shopper, "pm_nothing", "/v1/customers/{id}/payment_methods"),
    Row("GET /v1/payment_methods", lambda m: m.shop.get("payment_methods", customer=shopper(m)), methods_of_nobody, "400 resource_missing"),
    Row(
        "POST /v1/payment_methods",
        lambda m: m.shop.post("payment_methods", type="card", card={"token": "tok_visa"}, billing_details={"name": "Ada", "address": ADDRESS}),
        lambda m: m.shop.post("payment_methods", type="card", card={"number": "4242424242424241", "exp_month": 12, "exp_year": 2034}),
        "402 incorrect_number",
    ),
    one("payment_methods", lambda m: m.method(), "pm_nothing"),
    Row(
        "POST /v1/payment_methods/{id}",
        lambda m: on_method(m, "", m.attached(m.customer()), billing_details={"email": "ada@example.test"}, metadata={"a": "b"}),
        lambda m: on_method(m, "", metadata={"a": "b"}),
        "400",
    ),
    Row("POST /v1/payment_methods/{id}/attach", lambda m: on_method(m, "/attach", customer=m.customer()), attach_to_another, "400"),
    Row("POST /v1/payment_methods/{id}/detach", detach, lambda m: on_method(m, "/detach"), "400"),
]

SETUP = [
    many("setup_intents", set_up, "seti_nothing"),
    Row(
        "POST /v1/setup_intents",
        lambda m: m.shop.post("setup_intents", customer=m.customer(), payment_method=CARD, confirm=True, return_url=LOCAL, usage="off_session"),
        lambda m: m.shop.post("setup_intents", payment_method=DECLINED, confirm=True, return_url=LOCAL),
        "402 card_declined",
    ),
    one("setup_intents", lambda m: set_up(m)["id"], "seti_nothing"),
    Row(
        "POST /v1/setup_intents/{id}",
        lambda m: on_setup(m, "", m.setup(), description="Later", customer=m.customer()),
        lambda m: on_setup(m, "", canceled_setup(m), payment_method=CARD),
        "400 setup_intent_unexpected_state",
    ),
    Row(
        "POST /v1/setup_intents/{id}/cancel",
        lambda m: on_setup(m, "/cancel", m.setup(), cancellation_reason="abandoned"),
        lambda m: on_setup(m, "/cancel", canceled_setup(m)),
        "400 setup_intent_unexpected_state",
    ),
    Row(
        "POST /v1/setup_intents/{id}/confirm",
        lambda m: on_setup(m, "/confirm", m.setup(customer=m.customer()), payment_method=CARD, return_url=LOCAL),
        lambda m: on_setup(m, "/confirm", m.setup(), payment_method=DECLINED, return_url=LOCAL),
        "402 card_declined",
    ),
]

CHECKOUT = [
    many("checkout/sessions", lambda m: m.session(), "cs_test_nothing"),
    Row(
        "POST /v1/checkout/sessions",
        lambda m: m.shop.post(
            "checkout/sessions",
            mode="payment",
            success_url="https://shop.test/thanks?s={CHECKOUT_SESSION_ID}",
            cancel_url="https://shop.test/cart",
            client_reference_id="order_7",
            customer=m.customer(),
            line_items=[{"price_data": {"currency": "usd", "unit_amount": 2500, "product_data": {"name": "Vase"}}, "quantity": 1}],
            payment_intent_data={"application_fee_amount": 250, "transfer_data": {"destination": m.seller()}},
            metadata={"order": "7"},
        ),
        lambda m: m.shop.post("checkout/sessions", mode="payment", success_url="https://shop.test/thanks"),
        "400 parameter_missing",
    ),
    one("checkout/sessions", lambda m: m.session()["id"], "cs_test_nothing"),
    Row(
        "POST /v1/checkout/sessions/{id}",
        lambda m: on_session(m, "", m.session(), metadata={"a": "b"}),
        lambda m: on_session(m, "", {"id": "cs_test_nothing"}, metadata={"a": "b"}),
        "404 resource_missing",
    ),
    Row(
        "POST /v1/checkout/sessions/{id}/expire",
        lambda m: on_session(m, "/expire", m.session()),
        lambda m: on_session(m, "/expire", expired(m)),
        "400",
    ),
    Row(
        "GET /v1/checkout/sessions/{id}/line_items",
        lambda m: m.shop.get(f"checkout/sessions/{m.session()['id']}/line_items", limit=1),
        lambda m: m.shop.get("checkout/sessions/cs_test_nothing/line_items"),
        "404 resource_missing",
    ),
]

ROWS = INTENTS + CUSTOMERS + SETUP + CHECKOUT
