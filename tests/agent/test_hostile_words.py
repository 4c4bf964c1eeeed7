"""Words that are made to be slow to read: anybody who may open a ticket chooses them."""

from __future__ import annotations

import time

import pytest

from agent.reasoning.orders import order_in
from agent.reasoning.triage import intent_of, names_in, namespaces_in, split_paste

WORDS = {
    "blank lines": "x" + "\n" * 19_000 + "x",
    "a long pause": "please" + " " * 19_000 + "x",
    "an empty heading": "NAME" + " " * 19_000 + "x",
    "the, the, the": "scale " + "the " * 4_000 + "!",
}
GENEROUS_SECONDS = 2.0
"""Reading is linear and takes milliseconds; what backtracks took from four to sixteen seconds."""


@pytest.mark.parametrize("text", WORDS.values(), ids=WORDS.keys())
def test_words_are_read_at_once_however_they_are_made(text: str) -> None:
    began = time.process_time()
    words, pasted = split_paste(text)
    intent_of(text)
    order_in(text)
    names_in(text)
    namespaces_in(text)
    assert time.process_time() - began < GENEROUS_SECONDS
    assert (words, pasted) == (text, "")
