"""One line of the table."""

from collections.abc import Callable
from dataclasses import dataclass

from ..client import Reply
from ..market import Market

Call = Callable[[Market], Reply]


@dataclass(frozen=True)
class Row:
    #: "POST /v1/refunds", as the list of operations writes it.
    operation: str
    success: Call
    refusal: Call
    #: Status and code of the refusal: "400 resource_missing"; without a code any but `parameter_unknown` will do.
    refused: str


def one(path, make, missing, refused="404 resource_missing", template=None):
    """`GET /v1/things/{id}`: one that is there, and one that is not."""
    return Row(
        f"GET {template or f'/v1/{path}/{{id}}'}",
        lambda m: m.shop.get(f"{path}/{make(m)}"),
        lambda m: m.shop.get(f"{path}/{missing}"),
        refused,
    )


def many(path, make, missing, template=None, **filters):
    """`GET /v1/things`: a page with something on it, and a page that starts after nothing."""

    def page(m):
        make(m)
        reply = m.shop.get(path(m) if callable(path) else path, limit=10, **filters)
        assert reply.ok()["data"], f"{path} is empty"
        return reply

    return Row(
        f"GET {template or f'/v1/{path}'}",
        page,
        lambda m: m.shop.get(path(m) if callable(path) else path, starting_after=missing, **filters),
        "400 resource_missing",
    )
