"""What a run found, for people."""

from collections import Counter
from dataclasses import dataclass, field

from .exceptions import is_excepted

#: Deviations of the sandbox. What the scenarios send wrongly on purpose is of kind `request.*`.
COUNTED = ("response.", "webhook.", "proxy.")


@dataclass
class Outcome:
    """What became of one operation: a reason for each way that did not work."""

    operation: str
    success: str | None = None
    refusal: str | None = None
    code: str = ""


@dataclass
class Findings:
    outcomes: list[Outcome]
    flows: dict[str, str | None]
    reports: list[dict]
    violations: list[dict] = field(default_factory=list)
    excepted: int = 0

    def __post_init__(self):
        for report in self.reports:
            for violation in report["violations"]:
                if not violation["kind"].startswith(COUNTED):
                    continue
                if is_excepted(violation):
                    self.excepted += 1
                else:
                    self.violations.append(violation)

    @property
    def is_clean(self):
        exercised = all(outcome.success is None and outcome.refusal is None for outcome in self.outcomes)
        return exercised and not self.violations and not any(self.flows.values())

    def print(self, received):
        self._print_violations()
        missing = [o for o in self.outcomes if o.success is not None or o.refusal is not None]
        if missing:
            print("\nMissing:")
        for outcome in missing:
            for way, reason in (("success", outcome.success), ("own error", outcome.refusal)):
                if reason is not None:
                    print(f"  {outcome.operation}, {way}: {reason[:300]}")
        for name, reason in self.flows.items():
            if reason is not None:
                print(f"  flow {name}: {reason[:300]}")

        total = len(self.outcomes)
        good = sum(outcome.success is None for outcome in self.outcomes)
        bad = sum(outcome.refusal is None for outcome in self.outcomes)
        print(f"\nOperations exercised: {total - len(missing)} of {total} (success {good}, own error {bad})")
        print(f"Flows: {sum(reason is None for reason in self.flows.values())} of {len(self.flows)}")
        exchanges = sum(report["exchanges"] for report in self.reports)
        checked = sum(event["count"] for report in self.reports for event in report["events"].values())
        print(f"Checked: {exchanges} exchanges, {checked} deliveries of {len(received)} event types")
        print(f"Violations: {len(self.violations)} (and {self.excepted} known differences of the description)")

    def _print_violations(self):
        if not self.violations:
            return
        print("\nViolations by kind:")
        for kind, count in Counter(violation["kind"] for violation in self.violations).most_common():
            print(f"  {count:6} {kind}")
        print("\nViolations:")
        groups = Counter(
            (v["kind"], v["endpoint"] if v["endpoint"] != "webhook" else v["path"], v["pointer"], v["message"][:200])
            for v in self.violations
        )
        for (kind, where, pointer, message), count in groups.most_common(200):
            print(f"  {count:6} {kind} {where} {pointer}: {message}")
