"""Callers who wait for the same disk share its flush."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from knowledge.errors import Temporary

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Place(Generic[Item, Result]):
    item: Item
    is_done: bool = False
    result: Result | None = None
    error: BaseException | None = None


class SharedTransaction(Generic[Item, Result]):
    """Items that arrive while one transaction runs go into the next one together.

    Whoever gets the turn carries everybody's items; the others find theirs done. An item that fails alone fails alone: the
    rest of its transaction is carried out again, one by one.
    """

    def __init__(self, carry_out: Callable[[Sequence[Item]], Sequence[Result]], most: int) -> None:
        self._carry_out = carry_out
        self._most = most
        self._turn = threading.Lock()
        self._waiting: deque[_Place[Item, Result]] = deque()

    def run(self, item: Item) -> Result:
        """The item's result, once the transaction that carried it is committed; or its own error."""
        place: _Place[Item, Result] = _Place(item)
        self._waiting.append(place)
        with self._turn:
            while not place.is_done:
                self._carry_next()
        if place.error is not None:
            raise place.error
        return cast("Result", place.result)  # set when there is no error; None may be a result

    def _carry_next(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        if not self._carried(batch):
            for place in batch:
                self._carried([place])

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
