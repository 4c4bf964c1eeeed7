"""Whether the object that was named is the object at fault."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_HASH = "[a-z0-9]{5,10}"
_SUFFIX = "[a-z0-9]{5}"
_OWNED: dict[str, dict[str, str]] = {
    "Deployment": {"ReplicaSet": f"-{_HASH}", "Pod": f"-{_HASH}-{_SUFFIX}"},
    "ReplicaSet": {"Pod": f"-{_SUFFIX}"},
    "StatefulSet": {"Pod": r"-\d+"},
    "DaemonSet": {"Pod": f"-{_SUFFIX}"},
    "Job": {"Pod": f"-{_SUFFIX}"},
    "CronJob": {"Job": r"-\d+", "Pod": rf"-\d+-{_SUFFIX}"},
}
"""Kind of an owner -> kind of what it makes -> what that adds to its name."""


def is_same(named: str, true: str) -> bool:
    """``named`` is the true object (which may be a shell pattern), or one that it owns: a pod of the Deployment."""
    if fnmatchcase(named, true):
        return True
    kind, _, rest = true.partition("/")
    own_kind, _, own_rest = named.partition("/")
    added = _OWNED.get(kind, {}).get(own_kind)
    return added is not None and re.fullmatch(re.escape(rest) + added, own_rest) is not None


def is_any(named: str, accepted: tuple[str, ...]) -> bool:
    return any(is_same(named, one) for one in accepted)
