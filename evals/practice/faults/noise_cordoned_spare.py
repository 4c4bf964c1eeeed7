"""Noise: a spare node under maintenance, which nobody needs."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_NODE = "cpu-node-3"


def _inject(store: Store) -> Truth:
    acts.cordon(store, _NODE)
    return Truth(cause="none", target=Target("", "", ""))


FAULT = Fault(
    id="noise_cordoned_spare", title_en="A spare node is cordoned", title_zh="备用节点被封锁",
    layer="kubernetes", inject=_inject, heal=lambda store: acts.cordon(store, _NODE, is_cordoned=False), is_fault=False,
)  # fmt: skip
