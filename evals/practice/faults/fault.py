"""What a fault is: how it comes into the cluster, what is then true, and what should cure it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from evals.practice.store import Store

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """The object that is to blame."""

    kind: str
    namespace: str
    """"" for cluster-scoped objects."""
    name: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What a diagnosis should find. Scenarios compare with it; nothing in the cluster shows it."""

    cause: str
    """An id of the fault catalogue; "none" for a healthy cluster."""
    target: Target
    symptoms: tuple[str, ...] = ()
    """Ids of the catalogue that also show, downstream of the cause."""
    remedy: str = ""
    """A script of the closed grammar that cures it; "" when only a person at the machine can."""
    manual: str = ""
    """What a person must do, when no script will."""
    services: tuple[str, ...] = ()
    """Services whose requests suffer."""
    alerts: tuple[str, ...] = ()
    """Alerts of alert_rules.yaml that fire."""


Inject = Callable[[Store], Truth]
Heal = Callable[[Store], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """`inject` and `heal` act on the store as a person or the world would, on the server's loop."""

    id: str
    title_en: str
    title_zh: str
    layer: str
    inject: Inject = field(repr=False)
    heal: Heal = field(repr=False)
    is_fault: bool = True
    """False for noise that looks worrying in a healthy cluster."""

    def described(self) -> Object:
        return {"name": self.id, "title": self.title_en, "title_zh": self.title_zh, "layer": self.layer,
                "is_fault": self.is_fault}  # fmt: skip


def shown(truth: Truth) -> Object:
    """The truth as JSON."""
    found: Object = asdict(truth)
    return found
