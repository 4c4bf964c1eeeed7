"""The looser expression names every place that the exact one matches at."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logs.test_passages import PLANTED
from tools import redaction
from tools.relaxed_regex import relaxed

_PIECES = (
    "password", "token", "api_key", "secret", "--", "-", "=", ": ", ":", "=>", "'", '"', "\\", " ", "\n", "@", "://", "/", "user",
    "Bearer ", "Basic ", "Cookie", "hf_", "sk-", "eyJ", "AKIA", "ABCDEFGHIJ0123456789", "abcdefghijklmnop0123456789", ".", "tcp(",
    "name", "value", "-----BEGIN PRIVATE KEY-----", "hooks.slack.com/services/", "$6$", "is", "mysql -h x -p", "curl -u a:", "\t", "&", "?",
    "key=", "x", "9",
)  # fmt: skip


@settings(max_examples=1_500, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from(_PIECES), st.text(alphabet=st.characters(max_codepoint=127), max_size=5)), max_size=14
    )
)
def test_relaxed_match_begins_no_later_when_the_exact_one_matches(parts: list[str]) -> None:
    text = "".join(parts)
    match = redaction._SECRET.search(text)
    if match is not None:
        maybe = redaction._RELAXED.search(text.encode())
        assert maybe is not None
        assert maybe.start() <= match.start()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([*PLANTED, *_PIECES]), max_size=6))
def test_edits_are_those_of_the_exact_expression_alone(parts: list[str]) -> None:
    text = "\n".join(part.replace("{}", "Zq7aKd92mLp0sWq3RtYv6xBn") for part in parts)
    slow: list[tuple[int, int, str]] = []
    position = 0
    while match := redaction._SECRET.search(text, position):
        marked, position = redaction._mark(match, text)
        if marked:
            slow.append((match.start(), position, marked))
        position = max(position, match.start() + 1)
    assert list(redaction.secret_edits(text)) == slow


def test_relaxed_text_has_no_assertion_left() -> None:
    loose = relaxed(r"(?<!a)b(?=c)d | (?<=pre/)[\w]{1,256}(?!x) | e(?=f) | (?P<n>g)++ \ h")
    assert loose == r"(?s)bd|(?:pre/)[\w]{1,}|e(?:f)|(?:g)+\ h"
    assert re.compile(loose)
