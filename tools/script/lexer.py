"""From text to words with their positions. Quotes join as in a shell, and nothing else of a shell exists."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from knowledge.errors import ScriptRefused
from tools.script.characters import check_characters, name_of

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@=,+%-")
_HEREDOC = re.compile(r"<<(['\"])([A-Za-z][A-Za-z0-9_]*)\1[ \t]*$")
_WHY = {
    "$": "variables and substitution are not part of the grammar",
    "`": "command substitution is not part of the grammar",
    "|": "pipes are not part of the grammar",
    "&": "a line holds one command and runs in the foreground",
    ";": "a line holds one command",
    ">": "redirection is not part of the grammar",
    "<": "the one redirection is a quoted heredoc at the end of `kubectl apply -f -`: <<'EOF'",
    "(": "subshells are not part of the grammar; quote a value that holds parentheses",
    ")": "subshells are not part of the grammar; quote a value that holds parentheses",
    "{": "brace expansion is not part of the grammar; quote a value that holds braces",
    "}": "brace expansion is not part of the grammar; quote a value that holds braces",
    "*": "globs are not part of the grammar; quote a value that holds an asterisk",
    "?": "globs are not part of the grammar; quote a value that holds a question mark",
    "[": "globs are not part of the grammar; quote a value that holds brackets",
    "]": "globs are not part of the grammar; quote a value that holds brackets",
    "\\": "a backslash stands inside single quotes, or after a blank at the end of a line that goes on",
    "!": "history expansion is not part of the grammar; quote a value that holds an exclamation mark",
    "~": "home directories are not part of the grammar",
}


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line. ``quoted_from`` is where in ``text`` the first quoted character stands, None when none is."""

    text: str
    line: int
    column: int
    quoted_from: int | None = None

    @property
    def is_plain(self) -> bool:
        return self.quoted_from is None


@dataclass(frozen=True, slots=True)
class Line:
    """The words of one command and, when it has one, the text of its heredoc and the line on which that begins."""

    words: tuple[Word, ...]
    heredoc: str | None = None
    heredoc_line: int = 0
    comments: tuple[str, ...] = field(default=(), compare=False)


def refuse(message: str, word: Word, expected: str = "", next_step: str = "") -> NoReturn:
    """Refuses at a word."""
    raise ScriptRefused(message, line=word.line, column=word.column, expected=expected, next_step=next_step)


def split_lines(text: str) -> list[Line]:
    """All commands of a script as words. Raises ScriptRefused with the position of the first thing that is not allowed."""
    check_characters(text)
    lines = text.split("\n")
    commands: list[Line] = []
    at = 0
    while at < len(lines):
        words, delimiter, at = _logical_line(lines, at)
        if delimiter is None:
            if words:
                commands.append(Line(tuple(words)))
            continue
        body_starts = at
        while at < len(lines) and lines[at] != delimiter:
            at += 1
        if at == len(lines):
            raise ScriptRefused(
                f"the heredoc has no end: no line is exactly {delimiter}", line=body_starts, column=1,
                expected=f"a line that is exactly {delimiter}",
            )  # fmt: skip
        body = "\n".join(lines[body_starts:at]) + "\n"
        commands.append(Line(tuple(words), heredoc=body, heredoc_line=body_starts + 1))
        at += 1
    return commands


def _logical_line(lines: list[str], at: int) -> tuple[list[Word], str | None, int]:
    """The words of the line at ``at`` and of those on which it goes on, the delimiter of a heredoc that it opens, and where
    the next one begins. A line goes on as in a shell: a backslash is its last character, outside quotes and comments."""
    words: list[Word] = []
    while True:
        more, delimiter, continued_at = _words_of(lines[at], at + 1)
        words += more
        at += 1
        if continued_at is None:
            return words, delimiter, at
        if not any(line.strip() for line in lines[at:]):
            raise ScriptRefused(
                "nothing follows the backslash", line=at, column=continued_at,
                expected="the rest of the command on the next line",
            )  # fmt: skip


def _words_of(line: str, number: int) -> tuple[list[Word], str | None, int | None]:
    """The words of one physical line, the delimiter of a heredoc that it opens, and the column of the backslash with which it
    goes on on the next."""
    words: list[Word] = []
    at = 0
    while at < len(line):
        character = line[at]
        if character in " \t":
            at += 1
        elif character == "#":
            break
        elif character == "\\" and at == len(line) - 1:
            return words, None, at + 1
        elif character == "<":
            opened = _HEREDOC.match(line, at)
            if opened is None:
                _refuse_character(line, at, number)
            return words, opened.group(2), None
        else:
            word, at = _word_at(line, at, number)
            words.append(word)
    return words, None, None


def _word_at(line: str, start: int, number: int) -> tuple[Word, int]:
    pieces: list[str] = []
    length = 0
    quoted_from: int | None = None
    at = start
    while at < len(line) and line[at] not in " \t":
        character = line[at]
        if character in "'\"":
            piece, after = _quoted_at(line, at, number)
            quoted_from = length if quoted_from is None else quoted_from
        elif _is_bare(line, at):
            after = at + 1
            while after < len(line) and _is_bare(line, after):
                after += 1
            piece = line[at:after]
        else:
            _refuse_character(line, at, number)
        pieces.append(piece)
        length += len(piece)
        at = after
    return Word("".join(pieces), number, start + 1, quoted_from), at


def _is_bare(line: str, at: int) -> bool:
    """Whether the character stands for itself outside quotes; ``!`` does before ``=`` (``app!=web``), as in every shell."""
    return line[at] in _BARE or line.startswith("!=", at)


def _quoted_at(line: str, start: int, number: int) -> tuple[str, int]:
    quote = line[start]
    end = line.find(quote, start + 1)
    if end < 0:
        raise ScriptRefused(
            "the quote is not closed on its line", line=number, column=start + 1, expected=f"a closing {quote}"
        )
    value = line[start + 1 : end]
    if quote == '"':
        for offset, character in enumerate(value):
            if character in "$`\\!":
                raise ScriptRefused(
                    f"{character} inside double quotes would be expanded by a shell", line=number,
                    column=start + 2 + offset, expected="single quotes around a value that holds it",
                )  # fmt: skip
    return value, end + 1


def _refuse_character(line: str, at: int, number: int) -> NoReturn:
    character = line[at]
    if not character.isascii():
        message = f"a non-ASCII character outside quotes: {name_of(character)}"
        raise ScriptRefused(message, line=number, column=at + 1, expected="ASCII outside quoted values and comments")
    message = _WHY.get(character, "this character may stand inside quotes only")
    raise ScriptRefused(
        f"{character!r}: {message}", line=number, column=at + 1, expected="words, quoted values and # comments"
    )
