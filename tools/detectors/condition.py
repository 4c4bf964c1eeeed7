# ruff: noqa: ARG001, ARG005 - every compiled condition has the same signature
"""The condition language of status signals, compiled once into a function.

::

    condition = term (("&&" | "||") term)*            "&&" binds tighter; "!" and brackets as usual
    term      = path ("==" | "!=" | ">=" | "<=" | ">" | "<") (literal | path)
              | path "=~" "regex" | path "!~" "regex" | path "in" [literals]
              | exists(path) | absent(path) | count(path) op number | age(path) op 10m
              | some(path: condition)                  one element for which the whole condition holds, "@" in it
              | <cross reference>(arguments)           see crossref.py: xref_missing, selects_none, port_unserved ...

A path with several values holds when one of them does; a missing path holds never (``absent`` says so where it is meant).
Regexes are RE2: linear time, no look-around.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import re2

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, FactOf, KindPath
from tools.detectors.clues import Clues, among, clues_of, not_nought, of_all, of_any, said, there, under, with_clues
from tools.detectors.crossref import CROSS_REFERENCES, FACT_FUNCTIONS
from tools.detectors.paths import Path, Step, every_step, filter_step, index_step, key_step, make_path
from tools.detectors.scanner import Scanner
from tools.detectors.scene import Scene, read_time

ASK_A_VALUE = frozenset(
    {"xref_missing", "selects_none", "selects_some", "selects_none_ready", "port_unserved", "key_missing",
     "probe_port_undeclared", "probe_asks_elsewhere", "probe_speaks_otherwise", "probe_gives_up_early", "probe_starts_late"}
)  # fmt: skip
"""Functions that never hold of an object without a value at their first path."""

Predicate = Callable[[Scene, Json, Any], bool]
"""(scene, object, element at hand) -> holds."""

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@cache
def compile_condition(text: str) -> Predicate:
    """Raises ValueError with the column of what cannot be read."""
    scanner = Scanner(text)
    predicate = _either(scanner)
    scanner.expect_end()
    return predicate


@cache
def compile_path(text: str) -> Path:
    scanner = Scanner(text)
    path = _path(scanner)
    scanner.expect_end()
    return path


@cache
def compile_fact(text: str) -> FactOf:
    """A path (its first value, as text), a function of FACT_FUNCTIONS, or a quoted text."""
    scanner = Scanner(text)
    if scanner.peek() == '"':
        constant = scanner.string()
        scanner.expect_end()
        return lambda scene, root, element: constant
    if scanner.peek() in "$@":
        path = _path(scanner)
        scanner.expect_end()
        return lambda scene, root, element: _as_text(path.first(root, element))
    name = scanner.word()
    if name not in FACT_FUNCTIONS:
        raise scanner.error(f"unknown fact function {name!r} (known: {', '.join(FACT_FUNCTIONS)})")
    arguments = _arguments(scanner)
    scanner.expect_end()
    return FACT_FUNCTIONS[name](arguments)


def _as_text(value: Any) -> str:
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def _either(scanner: Scanner) -> Predicate:
    parts = [_both(scanner)]
    while scanner.take("||"):
        parts.append(_both(scanner))
    if len(parts) == 1:
        return parts[0]
    return with_clues(lambda scene, root, element: any(part(scene, root, element) for part in parts), of_any(parts))


def _both(scanner: Scanner) -> Predicate:
    parts = [_unary(scanner)]
    while scanner.take("&&"):
        parts.append(_unary(scanner))
    if len(parts) == 1:
        return parts[0]

    def all_hold(scene: Scene, root: Json, element: Any) -> bool:
        for part in parts:  # noqa: SIM110 - the hottest loop of detection: no generator
            if not part(scene, root, element):
                return False
        return True

    return with_clues(all_hold, of_all(parts))


def _unary(scanner: Scanner) -> Predicate:
    if scanner.take("!"):
        inner = _unary(scanner)
        return lambda scene, root, element: not inner(scene, root, element)
    if scanner.take("("):
        inner = _either(scanner)
        scanner.need(")")
        return inner
    if scanner.peek() in "$@":
        return _comparison(scanner, _path(scanner))
    return _function(scanner)


def _comparison(scanner: Scanner, path: Path) -> Predicate:
    for symbol in ("=~", "!~"):
        if scanner.take(symbol):
            return _regex(path, scanner.string(), wanted=symbol == "=~")
    if scanner.take_word("in"):
        return _membership(path, _literals(scanner))
    compare = _operator(scanner)
    if scanner.peek() in "$@":
        other = _path(scanner)
        return with_clues(
            lambda scene, root, element: any(
                _holds(compare, left, right)
                for left in path.values(root, element)
                for right in other.values(root, element)
            ),
            there(path),
        )
    literal = scanner.literal()

    def compare_literal(scene: Scene, root: Json, element: Any) -> bool:
        for value in path.values(root, element):  # noqa: SIM110 - hot
            if _holds(compare, value, literal):
                return True
        return False

    return with_clues(compare_literal, _compared_clues(compare, path, literal))


def _compared_clues(compare: Callable[[Any, Any], bool], path: Path, literal: Any) -> Clues:
    """``== x`` needs x; what is more than nought, or other than it, is not nought; every other one needs a value."""
    if compare is operator.eq:
        return among(path, [literal])
    beyond_nought = (operator.gt, operator.ne) if literal == 0 else (operator.gt, operator.ge)
    if type(literal) in (int, float) and literal >= 0 and compare in beyond_nought:
        return not_nought(path)
    return there(path)


def _regex(path: Path, pattern: str, *, wanted: bool) -> Predicate:
    search = re2.compile(pattern).search
    return with_clues(
        lambda scene, root, element: any(
            (search(value) is not None) is wanted for value in path.values(root, element) if isinstance(value, str)
        ),
        said(path, pattern) if wanted else there(path),
    )


def _membership(path: Path, literals: list[Any]) -> Predicate:
    return with_clues(
        lambda scene, root, element: any(value in literals for value in path.values(root, element)),
        among(path, literals),
    )


def _literals(scanner: Scanner) -> list[Any]:
    scanner.need("[")
    literals = [scanner.literal()]
    while scanner.take(","):
        literals.append(scanner.literal())
    scanner.need("]")
    return literals


def _operator(scanner: Scanner) -> Callable[[Any, Any], bool]:
    for symbol, function in OPERATORS.items():
        if scanner.take(symbol):
            return function
    raise scanner.error("expected a comparison (==, !=, >=, <=, >, <, =~, !~, in)")


def _holds(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if compare in (operator.eq, operator.ne):
        return compare(left, right) and isinstance(left, bool) == isinstance(right, bool)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return compare(left, right)
    return isinstance(left, str) and isinstance(right, str) and compare(left, right)


def _function(scanner: Scanner) -> Predicate:
    name = scanner.word()
    scanner.need("(")
    if name in ("exists", "absent"):
        path = _path(scanner)
        scanner.need(")")
        wanted = name == "exists"
        return with_clues(
            lambda scene, root, element: bool(path.values(root, element)) is wanted, there(path) if wanted else None
        )
    if name == "some":
        path = _path(scanner)
        scanner.need(":")
        inner = _either(scanner)
        scanner.need(")")
        return with_clues(
            lambda scene, root, element: any(inner(scene, root, value) for value in path.values(root, element)),
            under(path, clues_of(inner)),
        )
    if name == "count":
        return _count(scanner)
    if name == "age":
        return _age(scanner)
    if name in CROSS_REFERENCES:
        scanner.position -= 1
        arguments = _arguments(scanner)
        check = CROSS_REFERENCES[name](arguments)
        first = arguments[0]
        return with_clues(check, there(first)) if name in ASK_A_VALUE and isinstance(first, Path) else check
    known = ", ".join(["exists", "absent", "some", "count", "age", *CROSS_REFERENCES])
    raise scanner.error(f"unknown function {name!r} (known: {known})")


def _count(scanner: Scanner) -> Predicate:
    path = _path(scanner)
    scanner.need(")")
    compare = _operator(scanner)
    limit = scanner.literal()
    is_some = compare in (operator.gt, operator.ge, operator.eq) and (
        limit > 0 or (compare is operator.gt and limit == 0)
    )
    return with_clues(
        lambda scene, root, element: compare(len(path.values(root, element)), limit), there(path) if is_some else None
    )


def _age(scanner: Scanner) -> Predicate:
    path = _path(scanner)
    scanner.need(")")
    compare = _operator(scanner)
    seconds = scanner.duration()

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        for value in path.values(root, element):
            at: datetime | None = read_time(value)
            if at is not None and compare((scene.now - at).total_seconds(), seconds):
                return True
        return False

    return with_clues(holds, there(path))


def _arguments(scanner: Scanner) -> list[Argument]:
    scanner.need("(")
    arguments = [_argument(scanner)]
    while scanner.take(","):
        arguments.append(_argument(scanner))
    scanner.need(")")
    return arguments


def _argument(scanner: Scanner) -> Argument:
    if scanner.peek() in "$@":
        return _path(scanner)
    if scanner.peek() == '"':
        return scanner.string()
    kind = scanner.word()
    keys: list[str] = []
    steps: list[Step] = []
    start = scanner.position
    _steps(scanner, keys, steps)
    return KindPath(kind, make_path("$" + scanner.text[start : scanner.position], keys, steps))


def _path(scanner: Scanner) -> Path:
    start = scanner.skip()
    if scanner.peek() not in "$@":
        raise scanner.error("expected a path that starts with $ or @")
    scanner.position += 1
    keys: list[str] = []
    steps: list[Step] = []
    _steps(scanner, keys, steps)
    return make_path(scanner.text[start : scanner.position], keys, steps)


def _steps(scanner: Scanner, keys: list[str], steps: list[Step]) -> None:
    while True:
        if scanner.take_here("."):
            key = scanner.name()
        elif scanner.take_here("["):
            quoted = scanner.peek() == '"'
            if not quoted:
                steps.append(_bracket(scanner))
                scanner.need("]")
                continue
            key = scanner.string()
            scanner.need("]")
        else:
            return
        keys.append(key)
        steps.append(key_step(key))


def _bracket(scanner: Scanner) -> Step:
    if scanner.take("*"):
        return every_step
    if scanner.take("?"):
        scanner.need("(")
        inner = _either(scanner)
        scanner.need(")")
        return filter_step(lambda root, value: inner(NOWHERE, root, value))
    number = scanner.literal()
    if not isinstance(number, int):
        raise scanner.error('expected [*], [number], [?(condition)] or ["name"]')
    return index_step(number)


class _Nowhere:
    """Filters see one object only: they know no time and no other object."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError(f"a filter cannot use {name}: put age() and cross references outside the brackets")


NOWHERE: Any = _Nowhere()
