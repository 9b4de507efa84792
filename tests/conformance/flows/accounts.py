"""Sellers of every kind, and what they go through."""

from .flow import flow, show


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
def a_seller_runs_late_with_requirements(m):
    seller = m.new_seller()
    m.control(f"accounts/{seller}/requirements", currently_due=["individual.id_number"])
    m.shop.get(f"accounts/{seller}").ok()
    m.control(f"accounts/{seller}/capabilities", card_payments="inactive")
    m.shop.get(f"accounts/{seller}/capabilities").ok()


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
