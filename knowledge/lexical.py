"""Search by words: BM25 over English and Chinese, exact and growing.

The index is posting lists in numpy arrays: an added case is found by the next search, without indexing the rest again
(a frozen index would cost seconds per added case at a hundred thousand). Scores are Lucene's BM25 (k1 1.5, b 0.75).

Tokens: Chinese is cut by jieba with the glossary's words in its dictionary; names stay whole and are also split, so that
``CrashLoopBackOff`` is found by itself and by ``crash loop``, ``Xid 79`` by ``xid79``, and ``507`` stays a token.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from knowledge.glossary import HAN, bundled_glossary

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[tuple[int], np.dtype[np.float32]]

K1, B = 1.5, 0.75
MAX_WORD_CHARACTERS = 64
_WORD = re.compile(r"[A-Za-z0-9]+(?:[._:/-]+[A-Za-z0-9]+)*|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_PART = re.compile(r"[A-Za-z0-9]+")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAMED_NUMBER = re.compile(r"\b(xid|sxid|http|exit code|error|signal)[\s:=#]+(\d+)\b", re.IGNORECASE)
_STOP_TEXT = (
    "a an and are as at be been but by can did do does for from had has have how i if in into is it its me my of on or our"
    " please so than that the their them then there these they this to was we were what when which while why will with"
    " you your no not any some more most get gets got all only just also very much many than help"
    " 怎么办 请问 帮我 的 了 是 在 和 与 及 或 被 把 就 也 都 着 过 吗 呢 吧 啊 我 你 他 它 们 请 这 那 有 个 对 从 到 为 怎么 什么"
)
_STOP = frozenset(_STOP_TEXT.split())

Key = TypeVar("Key", bound=Hashable)


def tokenize(text: str) -> list[str]:
    """Tokens in order, small letters, stop words left out, long words cut. The same for documents and for queries."""
    tokens: list[str] = []
    for match in _WORD.finditer(text):
        word = match[0]
        if HAN.match(word):
            tokens.extend(token for token in _cut(word) if token.strip())
        else:
            tokens.extend(_name_tokens(word))
    tokens.extend(f"{name.lower().replace(' ', '')}{number}" for name, number in _NAMED_NUMBER.findall(text))
    return [token for token in tokens if token not in _STOP]


def _name_tokens(word: str) -> list[str]:
    """The whole name, its parts between punctuation, and the words inside them, each once."""
    parts = _PART.findall(word)
    pieces = [piece for part in parts for piece in _PIECE.findall(part) if len(piece) > 1]
    found = [word[:MAX_WORD_CHARACTERS], *parts, *pieces] if len(parts) > 1 or len(pieces) > 1 else [word]
    return list(dict.fromkeys(_singular(token.lower())[:MAX_WORD_CHARACTERS] for token in found))


def _singular(word: str) -> str:
    """``pods`` and ``pod`` are one word; nothing cleverer, names must not be bent."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _cut(text: str) -> list[str]:
    return [str(token) for token in _jieba().cut_for_search(text)]


@lru_cache(maxsize=1)
def _jieba() -> Any:
    """A tokenizer of our own, its dictionary in memory only: jieba's shared one would read and write a marshalled cache at
    a name in the temporary folder that anyone on the machine could have put there."""
    import jieba

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    with tokenizer.get_dict_file() as dictionary:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(dictionary)
    tokenizer.initialized = True
    for word in bundled_glossary().words:
        if HAN.search(word):
            tokenizer.add_word(word)
    return tokenizer


@dataclass
class _Postings:
    """Rows and term frequencies of one token: a settled array and what came since."""

    rows: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    settled: tuple[Any, Any] | None = None

    def arrays(self) -> tuple[Any, Any]:
        import numpy as np

        if self.rows or self.settled is None:
            rows, counts = np.asarray(self.rows, dtype=np.int32), np.asarray(self.counts, dtype=np.float32)
            if self.settled is not None:
                rows, counts = np.concatenate((self.settled[0], rows)), np.concatenate((self.settled[1], counts))
            self.settled = (rows, counts)
            self.rows, self.counts = [], []
        return self.settled


class LexicalIndex(Generic[Key]):
    """BM25 over keyed texts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: list[Key | None] = []
        self._row_of: dict[Key, int] = {}
        self._lengths: list[int] = []
        self._postings: dict[str, _Postings] = {}
        self._dead = 0
        self._norms: Any = None
        self._alive: Any = None

    def __len__(self) -> int:
        return len(self._row_of)

    def add(self, key: Key, tokens: Sequence[str]) -> None:
        """Adds a text, or puts another in the place of an older one with the same key."""
        counts = Counter(tokens)
        with self._lock:
            self._drop(key)
            row = len(self._keys)
            self._keys.append(key)
            self._row_of[key] = row
            self._lengths.append(len(tokens))
            for token, count in counts.items():
                postings = self._postings.setdefault(token, _Postings())
                postings.rows.append(row)
                postings.counts.append(count)
            self._norms = None

    def remove(self, key: Key) -> None:
        with self._lock:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        row = self._row_of.pop(key, None)
        if row is None:
            return
        self._keys[row] = None
        self._lengths[row] = 0
        self._dead += 1
        self._norms = None

    @property
    def is_worn(self) -> bool:
        """True when most rows are of removed texts and the index should be built anew."""
        return self._dead > 1_000 and self._dead > len(self._row_of)

    def search(
        self, tokens: Collection[str], limit: int, accept: Callable[[Key], bool] | None = None
    ) -> list[tuple[Key, float]]:
        """The best texts with their scores, best first; ``accept`` says which keys may be among them."""
        import numpy as np

        with self._lock:
            if not self._row_of:
                return []
            scores = self._score(tokens)
            ranked = np.flatnonzero(scores > 0)
            if accept is None and len(ranked) > limit:
                ranked = ranked[np.argpartition(scores[ranked], -limit)[-limit:]]
            ranked = ranked[np.argsort(-scores[ranked], kind="stable")]
            found: list[tuple[Key, float]] = []
            for row in ranked:
                key = self._keys[row]
                if key is None or (accept is not None and not accept(key)):
                    continue
                found.append((key, float(scores[row])))
                if len(found) == limit:
                    break
            return found

    def _score(self, tokens: Collection[str]) -> Floats:
        import numpy as np

        norms = self._settled_norms()
        scores = np.zeros(len(self._keys), dtype=np.float32)
        total = len(self._row_of)
        for token in sorted(set(tokens)):
            postings = self._postings.get(token)
            if postings is None:
                continue
            rows, counts = postings.arrays()
            if self._dead:
                living = self._alive[rows]
                rows, counts = rows[living], counts[living]
            idf = np.log(1 + (total - len(rows) + 0.5) / (len(rows) + 0.5))
            scores[rows] += np.float32(idf) * counts / (counts + norms[rows])
        return scores

    def _settled_norms(self) -> Floats:
        import numpy as np

        if self._norms is None:
            lengths = np.asarray(self._lengths, dtype=np.float32)
            self._alive = np.asarray([key is not None for key in self._keys], dtype=bool)
            mean = max(float(lengths.sum()) / max(len(self._row_of), 1), 1.0)
            self._norms = (K1 * (1 - B + B * lengths / mean)).astype(np.float32)
        norms: Floats = self._norms
        return norms
