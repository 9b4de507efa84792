"""Runs the table and the flows, and says what deviates."""

import argparse
import sys
import traceback

from .client import Operations
from .expansion import Expansion
from .flows import FLOWS
from .market import Market
from .report import Findings, Outcome
from .rows import ROWS
from .stage import Stage


def main():
    parser = argparse.ArgumentParser()
    for name in ("checker", "spec", "operations", "binary"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", default="")
    given = parser.parse_args()

    with open(given.operations) as file:
        listed = [line.strip() for line in file if line.strip()]
    operations = Operations(listed)
    rows = {row.operation: row for row in ROWS}
    wanted = [name for name in listed if given.only in name]
    expansion = Expansion(given.spec)

    with Stage(given.binary, given.checker, given.spec, operations) as stage:
        market = Market(stage, operations)
        outcomes = [exercise(market, name, rows.get(name), expansion) for name in wanted]
        flows = {} if given.only else {flow.__name__: play(market, flow) for flow in FLOWS}
        findings = Findings(outcomes, flows, stage.reports())
        findings.print(stage.received)
    sys.exit(0 if findings.is_clean else 1)


def exercise(market, operation, row, expansion):
    if row is None:
        return Outcome(operation, "no row in the table", "no row in the table")
    outcome = Outcome(operation)
    outcome.success = reason_of(lambda: succeed(market, row))
    outcome.refusal = reason_of(lambda: be_refused(market, row))
    # The same again with everything expanded; only reading can be repeated without consequences.
    fields = expansion.of(operation) if operation.startswith("GET ") and outcome.success is None else []
    if fields:
        outcome.success = reason_of(lambda: expand(market, row, fields))
    return outcome


def succeed(market, row):
    reply = row.success(market)
    assert reply.operation == row.operation, f"the row calls {reply.operation}"
    reply.ok()


def be_refused(market, row):
    reply = row.refusal(market)
    error = reply.error
    assert reply.operation == row.operation, f"the row calls {reply.operation}"
    found = f"{reply.status} {error.get('code') or ''} {error.get('message', '')}"
    assert 400 <= reply.status < 500 and reply.status != 401, f"not refused: {found}"
    assert error.get("code") != "parameter_unknown", f"refused for an unknown parameter: {found}"
    assert "Unrecognized request URL" not in found, "the operation is not served"
    status, _, code = row.refused.partition(" ")
    assert status == "4xx" or reply.status == int(status), f"{row.refused} expected, got {found}"
    assert not code or error.get("code") == code, f"{row.refused} expected, got {found}"


def expand(market, row, fields):
    """Calls with `expand[]`, which the calls of the row don't know about."""
    plain = market.shop
    market.shop = plain.expanding(row.operation, fields)
    try:
        succeed(market, row)
    finally:
        market.shop = plain


def play(market, flow):
    return reason_of(lambda: flow(market))


def reason_of(work):
    """Why it did not work; nothing if it did."""
    try:
        work()
        return None
    except Exception as error:
        if isinstance(error, (AssertionError, RuntimeError)) or type(error).__name__ == "Unexpected":
            return str(error) or traceback.format_exc(limit=-1)
        return f"{type(error).__name__}: {error}; {traceback.format_exc(limit=-2)}"


if __name__ == "__main__":
    main()
