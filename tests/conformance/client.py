"""A small client of Stripe's wire format. It knows no resource, so that nothing is hidden by good manners."""

import http.client
import json
import re
import uuid
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode, urlsplit

API_VERSION = "2026-09-30.endive"


class Unexpected(Exception):
    """An answer that a scenario cannot go on with."""


@dataclass
class Reply:
    operation: str
    status: int
    headers: dict
    body: dict

    def ok(self):
        if self.status != 200:
            raise Unexpected(f"{self.operation}: {self.status} {json.dumps(self.body)[:400]}")
        return self.body

    @property
    def error(self):
        """Type, code and parameter of a refusal; OAuth's refusals are a word and a sentence."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return {"code": error} if isinstance(error, str) else error or {}


def flatten(value, name=""):
    """`{"a": {"b": [1]}}` as Stripe writes it: `a[b][0]=1`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(item, f"{name}[{key}]" if name else key)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from flatten(item, f"{name}[{index}]")
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, str(value)


def multipart(form, files):
    """A body for an upload, and its content type."""
    boundary = uuid.uuid4().hex
    parts = []
    for name, value in flatten(form):
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, (filename, kind, data) in files.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        parts.append(head.encode() + f"Content-Type: {kind}\r\n\r\n".encode() + data + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


@dataclass
class Operations:
    """The templates of the list, to tell which one a call is."""

    names: list
    patterns: list = field(default_factory=list)

    def __post_init__(self):
        # A literal segment wins over a template: /v1/accounts/{id} is not /v1/account.
        for name in sorted(self.names, key=lambda name: name.count("{")):
            method, path = name.split()
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", path)
            self.patterns.append((method, re.compile(pattern), name))

    def of(self, method, path):
        found = (name for m, pattern, name in self.patterns if m == method and pattern.fullmatch(path))
        return next(found, f"{method} {path}")


@dataclass
class Caller:
    """One key, and perhaps the connected account in whose scope it calls."""

    base: str
    operations: Operations
    key: str = "sk_test_shop"
    account: str | None = None
    #: What to expand, and in the answer of which operation.
    expands: tuple = (None, ())

    def on(self, account):
        return replace(self, account=account)

    def expanding(self, operation, fields):
        return replace(self, expands=(operation, tuple(fields)))

    def get(self, path, **params):
        return self.send("GET", path, params)

    def delete(self, path):
        return self.send("DELETE", path, {})

    def post(self, path, /, files=None, headers=None, **form):
        return self.send("POST", path, form, files, headers)

    def send(self, method, path, params, files=None, headers=None):
        path = path if path.startswith("/") else f"/v1/{path}"
        operation = self.operations.of(method, path)
        if operation == self.expands[0]:
            params = {**params, "expand": self.expands[1]}
        sent = {"Authorization": f"Bearer {self.key}", "Stripe-Version": API_VERSION, **(headers or {})}
        if self.account:
            sent["Stripe-Account"] = self.account
        if method == "POST":
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        body, url = None, path
        if files:
            body, sent["Content-Type"] = multipart(params, files)
        elif params and method == "GET":
            url = f"{path}?{urlencode(list(flatten(params)))}"
        elif params:
            body, sent["Content-Type"] = urlencode(list(flatten(params))), "application/x-www-form-urlencoded"
        status, received, data = fetch(self.base, method, url, body, sent)
        try:
            parsed = json.loads(data)
        except ValueError:
            parsed = {}
        return Reply(operation, status, received, parsed)

    def every(self, path, **params):
        """All objects of a list, page by page."""
        found = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self.get(path, limit=100, **params, **after).ok()
            found += page["data"]
            if not page["has_more"]:
                return found


def fetch(base, method, url, body=None, headers=None):
    """One request: status, headers in lower case, bytes. Redirects are not followed."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
    try:
        connection.request(method, url, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()
