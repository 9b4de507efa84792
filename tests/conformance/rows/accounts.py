"""Connected accounts, and what hangs on them."""

from ..market import ADDRESS, BANK, CAPABILITIES, CONTROLLER
from .row import Row, many

PERSON = {
    "first_name": "Jenny",
    "last_name": "Rosen",
    "dob": {"day": 1, "month": 2, "year": 1980},
    "address": ADDRESS,
    "email": "jenny@example.test",
    "phone": "+12125550123",
    "ssn_last_4": "0000",
    "relationship": {"owner": True, "representative": True, "percent_ownership": 60, "title": "CEO"},
    "metadata": {"souk": "1"},
}


def link(m, **form):
    urls = {"refresh_url": "https://shop.test/again", "return_url": "https://shop.test/done"}
    return m.shop.post("account_links", **{"account": m.account(), "type": "account_onboarding", **urls, **form})


def create(m):
    form = {
        "controller": CONTROLLER,
        "capabilities": CAPABILITIES,
        "country": "US",
        "email": "seller@example.test",
        "business_type": "individual",
        "business_profile": {"mcc": "5734", "name": "Ada's", "url": "https://ada.example.test"},
        "individual": {key: value for key, value in PERSON.items() if key != "relationship"},
        "external_account": {**BANK, "account_number": "000123456789"},
        "tos_acceptance": {"date": 1790000000, "ip": "203.0.113.7"},
        "settings": {"payouts": {"schedule": {"interval": "weekly", "weekly_payout_days": ["friday"]}}},
        "metadata": {"shop": "7"},
    }
    return m.shop.post("accounts", **form)


def authorize(m):
    return m.shop.post("/oauth/token", grant_type="authorization_code", code=m.connect())


def deauthorize(m):
    connected = authorize(m).ok()["stripe_user_id"]
    return m.shop.post("/oauth/deauthorize", client_id=m.client_id(), stripe_user_id=connected)


def second_bank(m):
    account = m.custom()
    m.bank(account)
    return account, m.bank(account, "000123456789")


def delete_bank(m):
    account, bank = second_bank(m)
    return m.shop.delete(f"accounts/{account}/external_accounts/{bank}")


def delete_default_bank(m):
    account, _ = second_bank(m)
    banks = m.shop.get(f"accounts/{account}/external_accounts").ok()["data"]
    default = next(bank for bank in banks if bank["default_for_currency"])
    return m.shop.delete(f"accounts/{account}/external_accounts/{default['id']}")


def on_bank(m, send):
    account = m.custom()
    return send(f"accounts/{account}/external_accounts/{m.bank(account)}")


def on_person(m, send):
    account = m.custom(business_type="company")
    return send(f"accounts/{account}/persons/{m.person(account)}")


def rejected(m, **form):
    return m.shop.post(f"accounts/{m.new_seller()}/reject", **{"reason": "fraud_other", **form})


def unreject(m):
    account = rejected(m).ok()["id"]
    return m.shop.post(f"accounts/{account}/unreject")


def persons(m):
    return f"accounts/{m.company()}/persons"


def banks(m):
    return f"accounts/{m.seller()}/external_accounts"


ROWS = [
    Row(
        "POST /oauth/token",
        authorize,
        lambda m: m.shop.post("/oauth/token", grant_type="authorization_code", code="ac_nothing"),
        "400 invalid_grant",
    ),
    Row(
        "POST /oauth/deauthorize",
        deauthorize,
        lambda m: m.shop.post("/oauth/deauthorize", client_id=m.client_id()),
        "400 invalid_request",
    ),
    Row("GET /v1/account", lambda m: m.shop.get("account"), lambda m: m.shop.on("acct_nobody").get("account"), "403 account_invalid"),
    Row("POST /v1/account_links", link, lambda m: link(m, refresh_url="nowhere"), "400 url_invalid"),
    Row(
        "POST /v1/account_sessions",
        lambda m: m.shop.post("account_sessions", account=m.seller(), components={"payments": {"enabled": True}}),
        lambda m: m.shop.post("account_sessions", account=m.seller()),
        "400 parameter_missing",
    ),
    many("accounts", lambda m: m.seller(), "acct_nobody"),
    Row("POST /v1/accounts", create, lambda m: m.shop.post("accounts", type="express", country="Narnia"), "400 country_unsupported"),
    Row(
        "GET /v1/accounts/{accountId}/capabilities/{id}",
        lambda m: m.shop.get(f"accounts/{m.seller()}/capabilities/transfers"),
        lambda m: m.shop.get(f"accounts/{m.seller()}/capabilities/flying"),
        "4xx",
    ),
    Row(
        "POST /v1/accounts/{accountId}/capabilities/{id}",
        lambda m: m.shop.post(f"accounts/{m.seller()}/capabilities/card_payments", requested=True),
        lambda m: m.shop.post(f"accounts/{m.seller()}/capabilities/card_payments", requested="perhaps"),
        "400",
    ),
    Row("DELETE /v1/accounts/{accountId}/external_accounts/{id}", delete_bank, delete_default_bank, "400"),
    Row(
        "GET /v1/accounts/{accountId}/external_accounts/{id}",
        lambda m: on_bank(m, m.shop.get),
        lambda m: m.shop.get(f"accounts/{m.seller()}/external_accounts/ba_nothing"),
        "404 resource_missing",
    ),
    Row(
        "POST /v1/accounts/{accountId}/external_accounts/{id}",
        lambda m: on_bank(m, lambda path: m.shop.post(path, metadata={"a": "b"}, account_holder_name="Ada", default_for_currency=True)),
        lambda m: on_bank(m, lambda path: m.shop.post(path, account_holder_type="dragon")),
        "400",
    ),
    Row(
        "DELETE /v1/accounts/{accountId}/persons/{id}",
        lambda m: on_person(m, m.shop.delete),
        lambda m: m.shop.delete(f"accounts/{m.company()}/persons/person_nobody"),
        "404 resource_missing",
    ),
    Row(
        "GET /v1/accounts/{accountId}/persons/{id}",
        lambda m: on_person(m, m.shop.get),
        lambda m: m.shop.get(f"accounts/{m.company()}/persons/person_nobody"),
        "404 resource_missing",
    ),
    Row(
        "POST /v1/accounts/{accountId}/persons/{id}",
        lambda m: on_person(m, lambda path: m.shop.post(path, email="new@example.test", id_number="000000000")),
        lambda m: m.shop.post(f"accounts/{m.company()}/persons/person_nobody", email="new@example.test"),
        "404 resource_missing",
    ),
    Row(
        "DELETE /v1/accounts/{id}",
        lambda m: m.shop.delete(f"accounts/{m.account()}"),
        lambda m: m.shop.delete("accounts/acct_nobody"),
        "403 account_invalid",
    ),
    Row(
        "GET /v1/accounts/{id}",
        lambda m: m.shop.get(f"accounts/{m.seller()}"),
        lambda m: m.shop.get("accounts/acct_nobody"),
        "403 account_invalid",
    ),
    Row(
        "POST /v1/accounts/{id}",
        lambda m: m.shop.post(f"accounts/{m.seller()}", business_profile={"name": "Ada's"}, metadata={"a": "b"}),
        lambda m: m.shop.post(f"accounts/{m.seller()}", settings={"payouts": {"schedule": {"interval": "hourly"}}}),
        "400",
    ),
    Row(
        "GET /v1/accounts/{id}/capabilities",
        lambda m: m.shop.get(f"accounts/{m.seller()}/capabilities"),
        lambda m: m.shop.get("accounts/acct_nobody/capabilities"),
        "403 account_invalid",
    ),
    many(banks, lambda m: m.seller(), "ba_nothing", "/v1/accounts/{id}/external_accounts"),
    Row(
        "POST /v1/accounts/{id}/external_accounts",
        lambda m: m.shop.post(f"accounts/{m.custom()}/external_accounts", external_account={**BANK, "account_number": "000123456789"}),
        lambda m: m.shop.post(
            f"accounts/{m.custom()}/external_accounts",
            external_account={**BANK, "routing_number": "1", "account_number": "000123456789"},
        ),
        "400 routing_number_invalid",
    ),
    Row(
        "POST /v1/accounts/{id}/login_links",
        lambda m: m.shop.post(f"accounts/{m.seller()}/login_links"),
        lambda m: m.shop.post(f"accounts/{m.account()}/login_links"),
        "400",
    ),
    many(persons, lambda m: m.once("a person", lambda: m.person(m.company())), "person_nobody", "/v1/accounts/{id}/persons"),
    Row(
        "POST /v1/accounts/{id}/persons",
        lambda m: m.shop.post(f"accounts/{m.custom(business_type='company')}/persons", **PERSON),
        lambda m: m.shop.post(f"accounts/{m.company()}/persons", dob={"day": 1, "month": 13, "year": 1980}),
        "400",
    ),
    Row("POST /v1/accounts/{id}/reject", rejected, lambda m: rejected(m, reason="dislike"), "400"),
    Row("POST /v1/accounts/{id}/unreject", unreject, lambda m: m.shop.post(f"accounts/{m.seller()}/unreject"), "400"),
]

