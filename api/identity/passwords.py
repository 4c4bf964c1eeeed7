"""Passwords: how they are hashed, and which ones are no passwords.

Length is what counts: 12 to 256 characters, any of them. What is refused is what everybody tries first. A password that
falls apart into such pieces (common words, runs of the keyboard, the user's name) is refused as well, because that is how
guessing programs are built; no class of characters is asked for.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from api.identity.options import SignInSettings
from knowledge.errors import BadInput, RateLimited

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 256
LEAST_OWN = 6
"""Characters that must be left when all common pieces are taken out."""
AT_ONCE = max(2, os.cpu_count() or 2)
PATIENCE_SECONDS = 10.0
_PIECES = Path(__file__).parent / "common_pieces.txt"
_ROWS = ("01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "abcdefghijklmnopqrstuvwxyz")
_SHORTEST_RUN = 3
_DECORATION = re.compile(r"[\s!-/:-@\[-`{-~]")
_LEET = str.maketrans("013457@$!|", "oieastasii")


class PasswordRefused(BadInput):
    """``key`` is the reason's place in the words of the page."""

    title = "password refused"

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message, next_step="choose another: a few words that belong to nobody else make a good one")
        self.key = key


class Passwords:
    """argon2id. Blocking; only so many hashes are computed at once as there are cores, for each takes its memory."""

    def __init__(self, options: SignInSettings) -> None:
        self._options = options
        self._places = threading.BoundedSemaphore(AT_ONCE)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        options = self._options
        return PasswordHasher(
            time_cost=options.hash_passes, memory_cost=options.hash_memory_kib, parallelism=options.hash_lanes
        )

    @cached_property
    def _decoy(self) -> str:
        """What a password is held against where there is none: the answer takes as long."""
        return self._hasher.hash(os.urandom(16).hex())

    def hash(self, password: str) -> str:
        with self._place():
            return self._hasher.hash(_bytes(password))

    def is_right(self, hashed: str | None, password: str) -> bool:
        """Takes the same time whether there is a hash or not. Raises RateLimited when too many ask at once."""
        from argon2.exceptions import InvalidHashError, VerificationError

        decoy = self._decoy
        if len(_plain(password)) > LONGEST:
            hashed, password = None, password[:LONGEST]
        with self._place():
            try:
                return self._hasher.verify(hashed or decoy, _bytes(password)) and hashed is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, hashed: str) -> bool:
        """Whether it was computed with other parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=PATIENCE_SECONDS):
            raise RateLimited(
                "too many people sign in at this moment", next_step="try again in a minute", retry_after_seconds=15
            )
        try:
            yield
        finally:
            self._places.release()


def check_new_password(password: str, name: str) -> None:
    """Raises PasswordRefused for one that is too short, too long, or that everybody would try."""
    plain = _plain(password)
    if len(plain) < SHORTEST:
        raise PasswordRefused("short", f"a password has at least {SHORTEST} characters")
    if len(plain) > LONGEST:
        raise PasswordRefused("long", f"a password has at most {LONGEST} characters")
    folded = plain.casefold()
    own = _letters(unicodedata.normalize("NFKC", name).casefold())
    letters = _letters(folded)
    if len(own) >= _SHORTEST_RUN and own in letters and len(letters.replace(own, "")) < LEAST_OWN:
        raise PasswordRefused("name", "this password is made of your name")
    if len(set(folded)) < 5 or _is_repeated(folded):
        raise PasswordRefused("common", "this password repeats itself")
    pieces = [*(one for one in (own, *_parts(name)) if len(one) >= _SHORTEST_RUN), *common_pieces()]
    for spelled in (folded, folded.translate(_LEET)):
        if _left(_without_runs(spelled), pieces) < LEAST_OWN:
            raise PasswordRefused("common", "this password is among those that are tried first")


@cache
def common_pieces() -> tuple[str, ...]:
    """Longest first."""
    lines = (line.strip() for line in _PIECES.read_text(encoding="utf-8").splitlines())
    return tuple(sorted({line for line in lines if line and not line.startswith("#")}, key=len, reverse=True))


def _plain(password: str) -> str:
    """One spelling of what can be typed in several: composed letters, full-width forms."""
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    return _plain(password).encode("utf-8", "surrogatepass")


def _parts(name: str) -> list[str]:
    return re.split(r"[\W_]+", unicodedata.normalize("NFKC", name).casefold())


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _left(text: str, pieces: list[str]) -> int:
    """How many characters of ``text`` belong to none of the pieces. Of punctuation the first two kinds are decoration."""
    for piece in pieces:
        text = text.replace(piece, " ")
    decoration = set(_DECORATION.findall(text))
    return len(_DECORATION.sub("", text)) + max(0, len(decoration - {" "}) - 2)


def _without_runs(text: str) -> str:
    """Takes out runs along a keyboard's rows, the alphabet or the digits, forwards and backwards, and doubled letters."""
    kept, start = [], 0
    while start < len(text):
        length = max(_run(text, start, row) for row in _all_rows())
        if length >= _SHORTEST_RUN:
            kept.append(" ")
            start += length
        else:
            kept.append(text[start])
            start += 1
    return "".join(kept)


@cache
def _all_rows() -> tuple[str, ...]:
    columns = ("1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm", "!@#$%^&*()")
    return tuple(spelled for row in (*_ROWS, *columns) for spelled in (row, row[::-1]))


def _run(text: str, start: int, row: str) -> int:
    place = row.find(text[start])
    length = 0
    while place >= 0 and start + length < len(text) and place + length < len(row):
        if text[start + length] != row[place + length]:
            break
        length += 1
    repeated = len(text[start:]) - len(text[start:].lstrip(text[start]))
    return max(length, repeated)


def _is_repeated(text: str) -> bool:
    """One piece of up to six characters, over and over."""
    return any(text == (text[:width] * (len(text) // width + 1))[: len(text)] for width in range(1, 7))
