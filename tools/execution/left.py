"""What earlier steps of a plan did has to stand as it was reviewed to be left before a later step begins."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.vocabulary import FrozenStep
from tools.execution.standing import mismatch, read_object, target_path
from tools.ports import ClusterReader


async def changed_since(step: FrozenStep, done: Sequence[FrozenStep], reader: ClusterReader) -> str:
    """What somebody changed of what the ``done`` steps left in this step's target, or in what this step was computed from;
    empty when nothing. What a step in between wrote anew is that one's to answer for."""
    for number, earlier in enumerate(done):
        path = target_path(earlier)
        if path is None or earlier.target is None:
            continue
        is_same = step.target is not None and earlier.target.key == step.target.key
        if not is_same and earlier.step.index not in step.depends_on:
            continue
        later = [one for one in done[number + 1 :] if one.target is not None and one.target.key == earlier.target.key]
        rewritten = [state.path for one in later for state in one.after]
        left = [state for state in earlier.after if not _overlaps(state.path, rewritten)]
        changed = mismatch(await read_object(reader, path), left)
        if changed:
            return f"somebody has changed {earlier.target.key} since step {earlier.step.index + 1}: {changed}"
    return ""


def _overlaps(path: str, written: Sequence[str]) -> bool:
    """Whether one of the written fields is this one, lies within it, or holds it."""
    return any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in written)
