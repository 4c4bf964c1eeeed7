"""`auth whoami`, `auth can-i` and `auth can-i --list` are answered by an API server for the identity that reads."""

from __future__ import annotations

import pytest

from evals.safety.place import Still, plan_of, practice_place
from knowledge.vocabulary import Ruling
from tools.execution.reading import read_step
from tools.safety.offline import load_policy


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("kubectl auth whoami", "username: "),
        ("kubectl auth can-i get pods -n shop", "yes"),
        ("kubectl auth can-i --list -n shop", ": "),
    ],
)
async def test_question_about_oneself_is_automatic_and_answered(script: str, says: str) -> None:
    async with practice_place(load_policy()) as place:
        review = await place.reviewed(plan_of(script))
        assert review.ruling is Ruling.AUTO
        (step,) = review.steps
        text, failure = await read_step(step, place.reader, Still(), _goes_on)
    assert failure == ""
    assert says in text
    assert "{" not in text


async def _goes_on() -> str:
    return ""
