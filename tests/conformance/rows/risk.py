"""What goes wrong, and who is told: disputes, warnings, reviews, files, events, webhook endpoints."""

from .row import Row, many, one


def on_dispute(m, action="", dispute=None, **form):
    return m.shop.post(f"disputes/{dispute or m.dispute()}{action}", **form)


def lost(m):
    return on_dispute(m, "/close").ok()["id"]


def evidence(m):
    return on_dispute(m, evidence={"product_description": "A vase", "uncategorized_file": m.file().ok()["id"]}, submit=False)


def on_review(m, review=None):
    return m.shop.post(f"reviews/{review or m.review()}/approve")


def event(m):
    m.charge()
    return m.shop.get("events", type="charge.succeeded", limit=1).ok()["data"][0]["id"]


def endpoint(m, **form):
    # Nobody listens there, and nothing that happens is of these types.
    form = {"url": "http://127.0.0.1:9/hook", "enabled_events": ["account.application.authorized"], **form}
    return m.shop.post("webhook_endpoints", **form)


def on_endpoint(m, **form):
    return m.shop.post(f"webhook_endpoints/{endpoint(m).ok()['id']}", **form)


DISPUTES = [
    many("disputes", lambda m: m.dispute(), "du_nothing"),
    one("disputes", lambda m: m.dispute(), "du_nothing"),
    Row("POST /v1/disputes/{id}", evidence, lambda m: on_dispute(m, dispute=lost(m), evidence={"receipt": "none"}), "400"),
    Row("POST /v1/disputes/{id}/close", lambda m: on_dispute(m, "/close"), lambda m: on_dispute(m, "/close", lost(m)), "400"),
    many("radar/early_fraud_warnings", lambda m: m.warning(), "issfr_nothing"),
    one("radar/early_fraud_warnings", lambda m: m.warning(), "issfr_nothing"),
    many("reviews", lambda m: m.review(), "prv_nothing"),
    one("reviews", lambda m: m.review(), "prv_nothing"),
    Row("POST /v1/reviews/{id}/approve", on_review, lambda m: on_review(m, on_review(m).ok()["id"]), "400"),
]

FILES = [
    many("files", lambda m: m.file().ok(), "file_nothing", purpose="dispute_evidence"),
    Row("POST /v1/files", lambda m: m.file(), lambda m: m.file(purpose="holiday_picture"), "400"),
    one("files", lambda m: m.file().ok()["id"], "file_nothing"),
]

EVENTS = [
    many("events", event, "evt_nothing"),
    one("events", event, "evt_nothing"),
    many("webhook_endpoints", lambda m: endpoint(m).ok(), "we_nothing"),
    Row("POST /v1/webhook_endpoints", endpoint, lambda m: endpoint(m, url="nowhere"), "400 url_invalid"),
    Row(
        "DELETE /v1/webhook_endpoints/{id}",
        lambda m: m.shop.delete(f"webhook_endpoints/{endpoint(m).ok()['id']}"),
        lambda m: m.shop.delete("webhook_endpoints/we_nothing"),
        "404 resource_missing",
    ),
    one("webhook_endpoints", lambda m: endpoint(m).ok()["id"], "we_nothing"),
    Row(
        "POST /v1/webhook_endpoints/{id}",
        lambda m: on_endpoint(m, disabled=True, description="Resting", metadata={"a": "b"}),
        lambda m: on_endpoint(m, url="nowhere"),
        "400 url_invalid",
    ),
]

ROWS = DISPUTES + FILES + EVENTS
