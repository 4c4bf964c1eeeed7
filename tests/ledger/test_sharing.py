"""Sharing a transaction: everybody gets their own answer, whatever happens to the others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from knowledge.errors import LedgerBusy
from knowledge.ledger.sharing import SharedTransaction


class Carrier:
    """Doubles numbers; negative ones fail their whole transaction. The first batch waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.began, self.may_go = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.began.set()
        assert self.may_go.wait(10)
        if any(item < 0 for item in items):
            raise ValueError(min(items))
        return [item * 2 for item in items]


def queue_up(shared: SharedTransaction[int, int], carrier: Carrier, items: Sequence[int]) -> list[int | str]:
    """Runs the first item, and the others while it is still being carried."""

    def run(item: int) -> int | str:
        try:
            return shared.run(item)
        except ValueError as error:
            return f"failed {error}"

    with ThreadPoolExecutor(len(items)) as pool:
        first = pool.submit(run, items[0])
        assert carrier.began.wait(10)
        others = [pool.submit(run, item) for item in items[1:]]
        while len(shared._waiting) < len(others):
            threading.Event().wait(0.001)
        carrier.may_go.set()
        return [future.result(10) for future in (first, *others)]


def test_items_share_a_transaction_when_they_wait_together() -> None:
    carrier = Carrier()
    shared = SharedTransaction(carrier, most=3)
    assert queue_up(shared, carrier, [1, 2, 3, 4, 5, 6]) == [2, 4, 6, 8, 10, 12]
    assert [len(batch) for batch in carrier.batches] == [1, 3, 2]


def test_item_fails_alone_when_it_spoils_a_shared_transaction() -> None:
    carrier = Carrier()
    shared = SharedTransaction(carrier, most=8)
    assert queue_up(shared, carrier, [1, 2, -3, 4]) == [2, 4, "failed -3", 8]
    assert shared.run(5) == 10


def test_everybody_hears_of_it_when_the_ledger_is_busy() -> None:
    calls = []

    def carry_out(items: Sequence[int]) -> list[int]:
        calls.append(list(items))
        raise LedgerBusy("locked")

    shared = SharedTransaction(carry_out, most=8)
    for _ in range(2):
        with pytest.raises(LedgerBusy):
            shared.run(1)
    assert calls == [[1], [1]]


def test_nobody_is_left_waiting_when_hundreds_come() -> None:
    def carry_out(items: Sequence[int]) -> list[int]:
        return [item + 1 for item in items]

    shared = SharedTransaction(carry_out, most=4)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(shared.run, range(2000))) == list(range(1, 2001))
