"""Objects in states that no single call reaches, and the events on the way there."""

from .market import DAY, READY_CARD

FLOWS = []


def flow(scenario):
    FLOWS.append(scenario)
    return scenario


def show(m, path, *expand):
    return m.shop.get(path, expand=list(expand)).ok()


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
def a_direct_charge_pays_a_fee(m):
    caller = m.shop.on(m.seller())
    intent = m.paid(caller=caller, application_fee_amount=300)
    caller.get(f"charges/{intent['latest_charge']}", expand=["balance_transaction", "payment_intent"]).ok()
    caller.post("refunds", payment_intent=intent["id"], refund_application_fee=True).ok()


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
def a_seller_fills_in_the_form(m):
    account = m.account()
    link = m.shop.post(
        "account_links",
        account=account,
        type="account_onboarding",
        refresh_url="https://shop.test/again",
        return_url="https://shop.test/done",
    ).ok()
    _, headers, _ = m.browse(link["url"])
    form = (
        "action=submit&first_name=Jenny&last_name=Rosen&dob_day=1&dob_month=2&dob_year=1980&line1=Main+Street+1"
        "&city=Springfield&state=IL&postal_code=62701&routing_number=110000000&account_number=000123456789&tos=yes"
    )
    status, headers, page = m.browse(headers["location"], form)
    assert headers.get("location") == "https://shop.test/done", (status, page[:500])
    assert m.shop.get(f"accounts/{account}").ok()["charges_enabled"]


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
def a_seller_runs_late_with_requirements(m):
    seller = m.new_seller()
    m.control(f"accounts/{seller}/requirements", currently_due=["individual.id_number"])
    m.shop.get(f"accounts/{seller}").ok()
    m.control(f"accounts/{seller}/capabilities", card_payments="inactive")
    m.shop.get(f"accounts/{seller}/capabilities").ok()


@flow
def money_is_added_and_arrives(m):
    topup = m.topup()
    m.advance(10 * DAY)
    done = show(m, f"topups/{topup}", "balance_transaction")
    assert done["status"] == "succeeded", done["status"]


@flow
def a_buyer_pays_on_the_hosted_page(m):
    session = m.session(payment_intent_data={"transfer_data": {"destination": m.seller()}, "application_fee_amount": 500})
    status, _, page = m.browse(session["url"])
    assert status == 200, (status, page[:300])
    form = "email=ada%40example.test&number=4242424242424242&exp_month=12&exp_year=2034&cvc=123&name=Ada"
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
def sellers_come_in_every_kind(m):
    for form in (
        {"type": "standard"},
        {"type": "custom", "capabilities": {"transfers": {"requested": True}}},
        {"type": "express", "country": "DE"},
        {"type": "express", "business_type": "company", "company": {"name": "Souk GmbH", "tax_id": "000000000"}},
    ):
        account = m.account(**form)
        m.control(f"accounts/{account}/complete-onboarding")
        show(m, f"accounts/{account}")
        m.shop.get(f"accounts/{account}/capabilities").ok()
