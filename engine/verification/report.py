"""What a verification found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_MOST_EXAMPLES: Final = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the graph has something else than the events say.

    Attributes:
        kind: What is wrong: `missing`, `surplus`, `doubled`, `impossible`, or the name of the property that differs.
        where: The nodes it lies between, by what they are.
        found: What the graph has; none where it has nothing.
        expected: What the events say; none where they say nothing.
    """

    kind: str
    where: Mapping[str, Any]
    found: Any = None
    expected: Any = None

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {"kind": self.kind, "where": dict(self.where), "found": self.found, "expected": self.expected}


@dataclass(slots=True)
class Check:
    """One kind of thing that was compared.

    Attributes:
        name: `interacted`, `interests`, `interest_mass`, `co_occurrence`, `popularity` or `integrity`.
        remedy: What to do where it differs.
        compared: Things compared.
        kinds: Differences by kind.
        apart: What differs by rights or cannot be known, by reason; it is no error.
        examples: The first few differences.
        apart_examples: The first few of the others.
    """

    name: str
    remedy: str
    compared: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    apart: dict[str, int] = field(default_factory=dict)
    examples: list[Difference] = field(default_factory=list)
    apart_examples: list[Difference] = field(default_factory=list)

    @property
    def differing(self) -> int:
        """Give the number of differences."""
        return sum(self.kinds.values())

    def differs(self, difference: Difference) -> None:
        """Count a difference."""
        self.kinds[difference.kind] = self.kinds.get(difference.kind, 0) + 1
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(difference)

    def set_apart(self, reason: str, difference: Difference | None = None, *, number: int = 1) -> None:
        """Count what is no error."""
        self.apart[reason] = self.apart.get(reason, 0) + number
        if difference is not None and len(self.apart_examples) < _MOST_EXAMPLES:
            self.apart_examples.append(difference)

    def take(self, other: Check) -> None:
        """Add what another check of the same kind found."""
        self.compared += other.compared
        for whole, part in ((self.kinds, other.kinds), (self.apart, other.apart)):
            for name, number in part.items():
                whole[name] = whole.get(name, 0) + number
        self.examples = (self.examples + other.examples)[:_MOST_EXAMPLES]
        self.apart_examples = (self.apart_examples + other.apart_examples)[:_MOST_EXAMPLES]

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "name": self.name,
            "compared": self.compared,
            "differing": self.differing,
            "kinds": dict(sorted(self.kinds.items())),
            "apart": dict(sorted(self.apart.items())),
            "examples": [difference.to_dict() for difference in self.examples],
            "apart_examples": [difference.to_dict() for difference in self.apart_examples],
            "remedy": self.remedy,
        }


@dataclass(slots=True)
class Report:
    """What a verification found.

    Attributes:
        checks: What was compared.
        events: Events counted again.
        log_begins_at: Raw events before this time may have been pruned, epoch ms; none where all are there.
        seconds: How long it took.
    """

    checks: list[Check] = field(default_factory=list)
    events: int = 0
    log_begins_at: int | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Tell whether the graph is what the events say."""
        return all(check.differing == 0 for check in self.checks)

    def check(self, name: str) -> Check:
        """Give a check by name."""
        return next(check for check in self.checks if check.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "ok": self.ok,
            "events": self.events,
            "log_begins_at": self.log_begins_at,
            "seconds": round(self.seconds, 3),
            "checks": [check.to_dict() for check in self.checks],
        }
