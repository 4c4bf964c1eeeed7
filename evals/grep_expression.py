"""Signatures in the words of ``grep -E``, as far as these go. Only for comparing: what cannot be said is left out and counted."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""(?P<escape>\\.)|(?P<klass>\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\])|(?P<flags>\(\?[a-z]+\))|(?P<named>\(\?P<\w+>)
    |(?P<scoped>\(\?[a-z]+:)|(?P<plain_group>\(\?:)|(?P<lazy>(?:[*+?]|\{\d*,?\d*\})\?)|(?P<open>\()|(?P<close>\))|(?P<char>.)""",
    re.VERBOSE | re.DOTALL,
)
_OUTSIDE = {r"\d": "[0-9]", r"\D": "[^0-9]", r"\t": "\t"}
_INSIDE = {r"\d": "0-9", r"\w": "[:alnum:]_", r"\s": "[:space:]", r"\t": "\t", r"\n": "", r"\.": ".", r"\/": "/"}


def grep_expression(pattern: str) -> str | None:
    """None when GNU grep's extended expressions have no words for it."""
    parts: list[str] = []
    folds = [False]
    for token in _TOKEN.finditer(pattern):
        kind, text = token.lastgroup, token.group()
        if kind == "flags":
            if text != "(?i)":
                return None
            folds[-1] = True
            continue
        if kind in {"named", "plain_group", "open", "scoped"}:
            if kind == "scoped" and text != "(?i:":
                return None
            folds.append(folds[-1] or kind == "scoped")
            parts.append("(")
            continue
        if kind == "close":
            folds.pop()
        piece = _piece(kind, text, folds=folds[-1] if folds else False)
        if piece is None or not folds:
            return None
        parts.append(piece)
    return "".join(parts)


def _piece(kind: str | None, text: str, *, folds: bool) -> str | None:
    if kind == "klass":
        return _klass(text, folds=folds)
    if kind == "lazy":
        return text[:-1]
    if kind == "escape":
        if text in _OUTSIDE:
            return _OUTSIDE[text]
        return text if text[1] in "bBwWsS" or not text[1].isalnum() else None
    if folds and text.isalpha() and text.isascii():
        return f"[{text.lower()}{text.upper()}]"
    return text


def _klass(text: str, *, folds: bool) -> str | None:
    """Within brackets a backslash is only itself."""
    negation = "^" if text.startswith("[^") else ""
    inner = text[1 + len(negation) : -1]
    if inner.startswith("]"):
        return None
    inner = re.sub(r"\\.", lambda found: _INSIDE.get(found.group(), "\0"), inner)
    if "\0" in inner:
        return None
    if folds:
        inner = re.sub(
            r"(?<![:a-zA-Z-])[a-zA-Z](?![-a-zA-Z:])", lambda found: found.group().lower() + found.group().upper(), inner
        )
    if not inner:
        return "." if negation else None
    return f"[{negation}{inner}]"
