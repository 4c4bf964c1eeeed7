"""What a change is counted under: the object that lasts. A pod of a controller bears a new name each time, so that deleting it
again and again would be a first change of a new target every time."""

from __future__ import annotations

import re

from knowledge.vocabulary import FrozenStep, ObjectRef, Review

_MADE_UP = "[bcdfghjklmnpqrstvwxz2456789]"
_OF_A_SET = re.compile(rf"(.+?)(?:-{_MADE_UP}{{6,10}})?-{_MADE_UP}{{5}}")
"""How a ReplicaSet's, a DaemonSet's or a Job's pods are named, with the ReplicaSet's own mark of its template."""


def lasting_name(target: ObjectRef) -> str:
    """The name, for a pod with a made-up one that of its fellows: ``web-*``."""
    found = _OF_A_SET.fullmatch(target.name) if target.kind == "Pod" else None
    return f"{found[1]}-*" if found else target.name


def lasting_key(target: ObjectRef) -> str:
    """As ``ObjectRef.key``, by the lasting name."""
    return target.key.removesuffix(target.name) + lasting_name(target)


def changes_of(review: Review) -> tuple[tuple[str, str], ...]:
    """(lasting key of the target, action) of each change; pods of one workload that leave by one plan are one change of it."""
    pairs = [(lasting_key(step.target), step.step.action) for step in review.steps if step.target and step.is_change]
    grouped = set()
    found = []
    for pair in pairs:
        if pair[0].endswith("*"):
            if pair in grouped:
                continue
            grouped.add(pair)
        found.append(pair)
    return tuple(found)


def remedy_of(review: Review) -> frozenset[str]:
    """The changes of a plan, however they were written down and whatever is read besides."""
    return frozenset(_deed(step) for step in review.steps if step.is_change)


def _deed(step: FrozenStep) -> str:
    if step.target is None:
        return step.step.text
    return step.step.text.replace(step.target.name, lasting_name(step.target))
