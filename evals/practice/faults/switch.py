"""The faults by name, for `/practice/faults` and for scenarios."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from evals.practice import faults as folder
from evals.practice.clock import Clock
from evals.practice.faults.fault import Fault, Truth, shown
from evals.practice.store import Store

Object = dict[str, Any]


@cache
def catalogue() -> dict[str, Fault]:
    """Every fault of this folder by id; a file whose name is not its fault's id is an error."""
    found: dict[str, Fault] = {}
    for module in pkgutil.iter_modules(folder.__path__):
        loaded = importlib.import_module(f"{folder.__name__}.{module.name}")
        value = getattr(loaded, "FAULT", None)
        if value is None:
            continue
        if value.id != module.name:
            raise ValueError(f"{module.name}.py holds the fault {value.id!r}; the file is named for its fault")
        found[value.id] = value
    return dict(sorted(found.items()))


class Faults:
    """The FaultSwitch of the HTTP server. Remembers the truth of what is on."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._active: dict[str, Truth] = {}

    def names(self) -> list[str]:
        return list(catalogue())

    def active(self) -> list[str]:
        return sorted(self._active)

    def describe(self, name: str) -> Object:
        return catalogue()[name].described()

    def truth(self, name: str) -> Truth:
        """What is true while the fault is on; KeyError when it is off."""
        return self._active[name]

    def switch_on(self, name: str, **_parameters: Any) -> Object:
        """Break it and return the fault with its truth; switched on already, the truth is returned again."""
        fault = catalogue()[name]
        if name not in self._active:
            self._active[name] = fault.inject(self._store)
        return {**fault.described(), "active": True, "truth": shown(self._active[name])}

    def switch_off(self, name: str) -> None:
        """Put it right again; nothing when it is off."""
        fault = catalogue()[name]
        if self._active.pop(name, None) is not None:
            fault.heal(self._store)
