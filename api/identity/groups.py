"""What the groups of a provider are worth here. Nothing by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.identity.options import OidcSettings
from knowledge.vocabulary import Role, Scope

MOST_GROUPS = 2_000


@dataclass(frozen=True, slots=True)
class Grant:
    """Empty ``roles``: nothing."""

    roles: frozenset[Role] = frozenset()
    scope: Scope = field(default_factory=Scope)


def groups_of(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """The groups that the claim names: a list of words, or one word. Anything else names none."""
    found = _at(claims, claim)
    if isinstance(found, str):
        return frozenset({found}) if found else frozenset()
    if not isinstance(found, list) or len(found) > MOST_GROUPS:
        return frozenset()
    return frozenset(one for one in found if isinstance(one, str) and one)


def name_of(claims: Mapping[str, Any], claim: str) -> str:
    found = _at(claims, claim)
    return found.strip() if isinstance(found, str) and len(found) <= 128 else ""


def _at(claims: Mapping[str, Any], claim: str) -> Any:
    """The claim of exactly that name (``https://site.test/groups``), else the path into an object."""
    if claim in claims:
        return claims[claim]
    found: Any = claims
    for part in claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def is_allowed(settings: OidcSettings, groups: frozenset[str]) -> bool:
    return not settings.allowed_groups or bool(groups & set(settings.allowed_groups))


def grant_of(settings: OidcSettings, groups: frozenset[str]) -> Grant | None:
    """What the person's groups give; None where the settings give nothing by groups, and roles are this desk's own.

    A principal has one scope: that of the first group in the settings' order. A further group adds its roles only when it
    gives them for the same scope; otherwise they would reach further than it says.
    """
    if not settings.groups:
        return None
    matched = [one for one in settings.groups if one.group in groups]
    if not matched:
        return Grant()
    scope = matched[0].scope
    roles = frozenset(role for one in matched if one.scope == scope for role in one.roles)
    return Grant(roles, scope)
