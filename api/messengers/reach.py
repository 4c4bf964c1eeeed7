"""What an answer that others read may tell: what its asker may see, as far as the channel may read it too."""

from __future__ import annotations

from fnmatch import fnmatchcase

from knowledge.vocabulary import Principal, Scope

_WILD = frozenset("*?[")
NOTHING = ("",)
"""A pattern that no name fits."""


def among(principal: Principal, channel: Scope | None) -> Principal:
    """The principal as it is answered before a channel's readers. ``channel`` None: nobody said what is read there."""
    if channel is None or channel.is_everything:
        return principal
    mine = principal.scope
    met = Scope(
        clusters=_both(mine.clusters, channel.clusters),
        namespaces=_both(mine.namespaces, channel.namespaces),
        services=_both(mine.services, channel.services),
    )
    return principal.model_copy(update={"scope": met})


def _both(mine: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    """Patterns that fit only what both fit. Of two with wildcards that differ nothing is known: it fails closed."""
    if "*" in mine:
        return theirs
    if "*" in theirs:
        return mine
    kept = [one for one in mine if one in theirs or (_is_name(one) and _fits(one, theirs))]
    kept += [one for one in theirs if _is_name(one) and one not in kept and _fits(one, mine)]
    return tuple(kept) or NOTHING


def _is_name(pattern: str) -> bool:
    return not _WILD & set(pattern)


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
