"""Where the checker's description is wrong and Stripe differs. Each has its source."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownDifference:
    kind: str
    where: str
    message: str
    source: str

    def covers(self, violation):
        return (
            violation["kind"] == self.kind
            and re.search(self.where, violation["path"]) is not None
            and self.message in violation["message"]
        )


EXCEPTIONS = [
    KnownDifference(
        "response.error_shape",
        r"^/oauth/",
        'an error must be {"error": {',
        "OAuth answers with a word and a sentence, {error, error_description}: "
        "https://docs.stripe.com/connect/oauth-reference#post-token-errors; Stripe's SDKs read it so as well",
    ),
]


def is_excepted(violation):
    return any(exception.covers(violation) for exception in EXCEPTIONS)
