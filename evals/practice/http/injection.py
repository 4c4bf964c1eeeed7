"""Failures on purpose, for tests of clients: the next matching requests are refused, hang, or lose their answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from evals.practice.errors import bad_request

Effect = Literal["status", "hang", "drop", "drop_after_write", "status_after_write", "late", "garbage", "truncated"]
EFFECTS: tuple[Effect, ...] = (
    "status", "hang", "drop", "drop_after_write", "status_after_write", "late", "garbage", "truncated",
)  # fmt: skip
"""`late` carries the request out after `seconds`, whether or not anybody still waits; `garbage` and `truncated` carry it out
and answer 200 with a page of HTML, or with the first half of the object."""


@dataclass(slots=True)
class Injection:
    """One order. `times` counts down; at 0 it is spent."""

    id: int
    method: str
    path: str
    effect: Effect
    times: int
    status: int
    reason: str
    message: str
    retry_after_seconds: int | None
    seconds: float
    spares_dry_runs: bool = False

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "method": self.method, "path": self.path, "effect": self.effect, "times": self.times,
                "status": self.status, "seconds": self.seconds}  # fmt: skip


class Injections:
    """The orders in force, in the order in which they were given."""

    def __init__(self) -> None:
        self._orders: list[Injection] = []
        self._next = 1

    def add(self, order: dict[str, Any]) -> Injection:
        """Take an order: {"method": regex, "path": regex, "effect", "times": 1, "status": 500, "seconds": 60,
        "spares_dry_runs": false}."""
        effect = order.get("effect", "status")
        if effect not in EFFECTS:
            raise bad_request(f"effect must be one of {', '.join(EFFECTS)}, not {effect!r}")
        try:
            re.compile(str(order.get("method", ".*")))
            re.compile(str(order.get("path", ".*")))
        except re.error as error:
            raise bad_request(f"method and path must be regular expressions: {error}") from None
        made = Injection(
            self._next,
            str(order.get("method", ".*")),
            str(order.get("path", ".*")),
            effect,
            int(order.get("times", 1)),
            int(order.get("status", 500)),
            str(order.get("reason", "")),
            str(order.get("message", "injected by the practice cluster")),
            order.get("retry_after_seconds"),
            float(order.get("seconds", 60)),
            bool(order.get("spares_dry_runs", False)),
        )
        self._next += 1
        self._orders.append(made)
        return made

    def take(self, method: str, path: str, *, is_dry_run: bool = False) -> Injection | None:
        """The first order that matches, counted down; None when the request goes its usual way."""
        for order in self._orders:
            if is_dry_run and order.spares_dry_runs:
                continue
            if re.fullmatch(order.method, method) and re.search(order.path, path):
                order.times -= 1
                if order.times <= 0:
                    self._orders.remove(order)
                return order
        return None

    def list(self) -> list[dict[str, Any]]:
        return [order.shown() for order in self._orders]

    def clear(self) -> None:
        self._orders.clear()
