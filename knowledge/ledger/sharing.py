"""Callers who wait for the same disk share its flush."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from knowledge.errors import Temporary

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Place(Generic[Item, Result]):
    item: Item
    woken: threading.Event = field(default_factory=threading.Event)
    is_done: bool = False
    result: Result | None = None
    error: BaseException | None = None


class SharedTransaction(Generic[Item, Result]):
    """Items that arrive while one transaction runs go into the next one together, in the order of their arrival.

    One caller leads: it carries the first items of the queue, its own among them, wakes their owners, and lets the head of
    the queue lead next. Nobody waits longer than for the items before its own: a lock that is fought for cannot promise
    that. An item that fails alone fails alone: the rest of its transaction is carried out again, one by one.
    """

    def __init__(self, carry_out: Callable[[Sequence[Item]], Sequence[Result]], most: int) -> None:
        self._carry_out = carry_out
        self._most = most
        self._door = threading.Lock()
        self._is_led = False
        self._waiting: deque[_Place[Item, Result]] = deque()

    def run(self, item: Item) -> Result:
        """The item's result, once the transaction that carried it is committed; or its own error."""
        place: _Place[Item, Result] = _Place(item)
        with self._door:
            self._waiting.append(place)
            leads, self._is_led = not self._is_led, True
        if not leads:
            place.woken.wait()
        if not place.is_done:
            self._lead()
        if place.error is not None:
            raise place.error
        return cast("Result", place.result)  # set when there is no error; None may be a result

    def _lead(self) -> None:
        """The leader's own place is at the head of the queue: it opened the queue, or was called from its head."""
        with self._door:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        try:
            if not self._carried(batch):
                for place in batch:
                    self._carried([place])
        finally:
            with self._door:
                following = self._waiting[0] if self._waiting else None
                self._is_led = following is not None
            for place in batch:
                place.woken.set()
            if following is not None:
                following.woken.set()

    def _carried(self, batch: Sequence[_Place[Item, Result]]) -> bool:
        """False when several failed together and each must be tried alone. Nobody may be left without an answer, whatever
        goes wrong: that is why every exception is caught here, and raised again by the one it belongs to."""
        try:
            for place, result in zip(batch, self._carry_out([place.item for place in batch]), strict=True):
                place.result = result
        except BaseException as error:  # noqa: BLE001
            if len(batch) > 1 and not isinstance(error, Temporary):
                return False
            for place in batch:
                place.error = error
        for place in batch:
            place.is_done = True
        return True
