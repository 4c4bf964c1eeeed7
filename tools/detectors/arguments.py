"""The arguments of functions in the condition language: paths, paths within every object of a kind, quoted texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.paths import Path
from tools.detectors.scene import Scene

Check = Callable[[Scene, Json, Any], bool]
FactOf = Callable[[Scene, Json, Any], str]


@dataclass(frozen=True, slots=True)
class KindPath:
    """``Service.metadata.name``: a path within every object of a kind."""

    kind: str
    path: Path


Argument = Path | KindPath | str


def one_path(arguments: Sequence[Argument], usage: str) -> Path:
    if len(arguments) != 1 or not isinstance(arguments[0], Path):
        raise ValueError(f"expected {usage}")
    return arguments[0]


def two_paths(arguments: Sequence[Argument], usage: str) -> tuple[Path, Path]:
    if len(arguments) != 2 or not isinstance(arguments[0], Path) or not isinstance(arguments[1], Path):
        raise ValueError(f"expected {usage}")
    return arguments[0], arguments[1]


def path_and_kind(arguments: Sequence[Argument], usage: str) -> tuple[Path, KindPath]:
    if len(arguments) != 2 or not isinstance(arguments[0], Path) or not isinstance(arguments[1], KindPath):
        raise ValueError(f"expected {usage}")
    return arguments[0], arguments[1]


def all_paths(arguments: Sequence[Argument], usage: str) -> list[Path]:
    paths = [argument for argument in arguments if isinstance(argument, Path)]
    if len(paths) != len(arguments):
        raise ValueError(f"expected {usage}")
    return paths
