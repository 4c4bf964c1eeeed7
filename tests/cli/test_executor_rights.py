"""An executor that may do everything is left out, unless the settings accept it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from api.executor import Hands, only_fit
from api.settings import ClusterSettings
from knowledge.errors import ClusterUnreachable
from knowledge.vocabulary import Mode

NARROW = ({"verbs": ["patch"], "resources": ["deployments"]},)
BROAD = (*NARROW, {"verbs": ["*"], "resources": ["*"]})


class RightsOf:
    def __init__(self, rules: Sequence[Mapping[str, Sequence[str]]] | None) -> None:
        self._rules = rules

    async def rights(self, namespace: str) -> Sequence[Mapping[str, Sequence[str]]]:
        del namespace
        if self._rules is None:
            raise ClusterUnreachable("away")
        return self._rules


@pytest.mark.parametrize(
    ("rules", "accepts", "is_fit"),
    [(NARROW, False, True), (BROAD, False, False), (BROAD, True, True), (None, False, True)],
    ids=["narrow", "broad", "broad-accepted", "away"],
)
async def test_only_fitting_identities_execute(rules: Any, accepts: bool, is_fit: bool) -> None:
    settings = ClusterSettings(name="lab", mode=Mode.EXECUTE, accept_broad_rights=accepts)
    hands = {"lab": Hands(settings, RightsOf(None), RightsOf(rules))}  # type: ignore[arg-type]
    assert list(await only_fit(hands)) == (["lab"] if is_fit else [])
