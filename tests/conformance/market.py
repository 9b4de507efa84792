"""What scenarios start from: a platform, its sellers, payments in every state."""

from urllib.parse import urlsplit

from .client import Caller, Unexpected, fetch

CARD = "pm_card_visa"
#: Its funds can be used at once.
READY_CARD = "pm_card_bypassPending"
DAY = 24 * 60 * 60

CONTROLLER = {
    "fees": {"payer": "application"},
    "losses": {"payments": "application"},
    "requirement_collection": "application",
    "stripe_dashboard": {"type": "none"},
}
CAPABILITIES = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
ADDRESS = {"line1": "Main Street 1", "city": "Springfield", "state": "IL", "postal_code": "62701", "country": "US"}
BANK = {"object": "bank_account", "country": "US", "currency": "usd", "routing_number": "110000000"}


class Market:
    def __init__(self, stage, operations):
        self.stage = stage
        self.shop = Caller(stage.api, operations)
        self.control = stage.control
        self._kept = {}

    def once(self, name, make):
        """Something that scenarios share because none changes it."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def advance(self, seconds):
        self.control("clock/advance", seconds=seconds)

    def browse(self, url, form=None):
        """Visits a hosted page as a browser without redirects: status, headers, text."""
        path = url[url.index("/", 8) :] if url.startswith("http") else url
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        status, received, data = fetch(self.stage.sandbox, "POST" if form else "GET", path, form, headers)
        return status, received, data.decode()

    # -- accounts

    def account(self, **form):
        return self.shop.post("accounts", **{"type": "express", "country": "US", **form}).ok()["id"]

    def new_seller(self, bank=None, **form):
        """An Express seller who is through with onboarding."""
        account = self.account(**form)
        self.control(f"accounts/{account}/complete-onboarding", **(bank or {}))
        return account

    def seller(self):
        return self.once("seller", self.new_seller)

    def custom(self, **form):
        """An account whose requirements the platform collects itself."""
        form = {"country": "US", "controller": CONTROLLER, "capabilities": CAPABILITIES, **form}
        return self.shop.post("accounts", **form).ok()["id"]

    def company(self):
        return self.once("company", lambda: self.custom(business_type="company"))

    def person(self, account):
        form = {"first_name": "Jenny", "last_name": "Rosen", "relationship": {"title": "CEO", "owner": True}}
        return self.shop.post(f"accounts/{account}/persons", **form).ok()["id"]

    def bank(self, account, number="000123456789"):
        form = {**BANK, "account_number": number}
        return self.shop.post(f"accounts/{account}/external_accounts", external_account=form).ok()["id"]

    # -- payments

    def intent(self, amount=5000, caller=None, **form):
        return (caller or self.shop).post("payment_intents", amount=amount, currency="usd", **form).ok()

    def paid(self, amount=5000, caller=None, **form):
        form = {"payment_method": CARD, "confirm": True, "capture_method": "automatic", "return_url": "https://shop.test/", **form}
        return self.intent(amount, caller, **form)

    def charge(self, amount=5000, caller=None, **form):
        return self.paid(amount, caller, **form)["latest_charge"]

    def destination(self, fee=500, **form):
        """A payment that its destination gets, less a fee."""
        return self.paid(transfer_data={"destination": self.seller()}, application_fee_amount=fee, **form)

    def fee(self):
        charge = self.shop.get(f"charges/{self.destination()['latest_charge']}").ok()
        return charge["application_fee"]

    def held(self, **form):
        """A payment that waits to be captured."""
        return self.paid(**{"capture_method": "manual", **form})

    def customer(self, **form):
        return self.shop.post("customers", **{"email": "ada@example.test", "name": "Ada", **form}).ok()["id"]

    def method(self, number="4242424242424242"):
        card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        return self.shop.post("payment_methods", type="card", card=card).ok()["id"]

    def attached(self, customer):
        return self.shop.post(f"payment_methods/{self.method()}/attach", customer=customer).ok()["id"]

    def setup(self, **form):
        return self.shop.post("setup_intents", **form).ok()

    def session(self, **form):
        line = {"price_data": {"currency": "usd", "unit_amount": 2500, "product_data": {"name": "Vase"}}, "quantity": 2}
        base = {"mode": "payment", "line_items": [line], "success_url": "https://shop.test/thanks"}
        return self.shop.post("checkout/sessions", **{**base, **form}).ok()

    # -- money

    def fill(self):
        """Gives the platform a balance that lasts for all scenarios."""
        return self.once("filled", lambda: self.paid(5_000_000, payment_method=READY_CARD)["id"])

    def transfer(self, amount=1000, destination=None, **form):
        self.fill()
        form = {"currency": "usd", "destination": destination or self.seller(), **form}
        return self.shop.post("transfers", amount=amount, **form).ok()["id"]

    def reversal(self, transfer, amount=400):
        return self.shop.post(f"transfers/{transfer}/reversals", amount=amount).ok()["id"]

    def fee_refund(self, fee, amount=100):
        return self.shop.post(f"application_fees/{fee}/refunds", amount=amount).ok()["id"]

    def refund(self, **form):
        return self.shop.post("refunds", **{"charge": self.charge(), **form}).ok()["id"]

    def payout(self, account=None, amount=1000, **form):
        account = account or self.seller()
        self.transfer(amount + 1000, account)
        return self.shop.on(account).post("payouts", amount=amount, currency="usd", **form).ok()["id"]

    def topup(self, **form):
        return self.shop.post("topups", **{"amount": 2000, "currency": "usd", "description": "Float", **form}).ok()["id"]

    # -- trouble

    def dispute(self, **form):
        """A dispute that a bank opened on a card payment."""
        charge = self.charge(**form)
        self.control("disputes", charge=charge, reason="fraudulent")
        return self._only("disputes", charge)

    def warning(self):
        charge = self.charge()
        self.control("early_fraud_warnings", charge=charge)
        return self._only("radar/early_fraud_warnings", charge)

    def review(self):
        """A payment that Stripe's rules put before a human."""
        intent = self.paid(payment_method="pm_card_riskLevelElevated")
        charge = self.shop.get(f"charges/{intent['latest_charge']}").ok()
        if not charge["review"]:
            raise Unexpected("a payment of elevated risk is not under review")
        return charge["review"]

    def _only(self, path, charge):
        found = self.shop.get(path, charge=charge).ok()["data"]
        if len(found) != 1:
            raise Unexpected(f"{path} of {charge}: {len(found)} instead of 1")
        return found[0]["id"]

    def file(self, purpose="dispute_evidence"):
        upload = {"file": ("receipt.png", "image/png", b"\x89PNG\r\n\x1a\n" + b"\0" * 64)}
        return self.shop.post("files", files=upload, purpose=purpose)

    # -- OAuth

    def client_id(self):
        """The id of the platform's application, as payments on connected accounts carry it."""
        seller = self.seller()
        return self.paid(caller=self.shop.on(seller))["application"]

    def connect(self):
        """A seller agrees on the OAuth page: the code that comes back with the browser."""
        back = "http%3A%2F%2F127.0.0.1%3A9%2Fconnected"
        query = f"response_type=code&client_id={self.client_id()}&scope=read_write&state=s&redirect_uri={back}"
        url = f"/oauth/authorize?{query}"
        status, headers, _ = self.browse(url)
        if status == 200:
            status, headers, _ = self.browse(url, "action=connect")
        query = urlsplit(headers.get("location", "")).query
        code = dict(part.split("=", 1) for part in query.split("&") if "=" in part).get("code")
        if not code:
            raise Unexpected(f"no code came back from {url}: {status} {headers.get('location')}")
        return code
