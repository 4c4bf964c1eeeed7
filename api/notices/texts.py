"""A notice as text: what e-mail and others write, line by line, in one language or both. Nothing here is markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api.figures.zones import zone_named
from api.notices.contract import Address, Fact, Notice
from api.web.words import word
from knowledge.vocabulary import Language


@dataclass(frozen=True)
class Written:
    """One language's part. ``facts`` are (name, value); a value may have lines."""

    language: Language
    title: str
    body: str
    facts: tuple[tuple[str, str], ...]


def written(notice: Notice, address: Address, default: Language) -> tuple[Written, ...]:
    """In the address's language; in both, the desk's own first, when it has none."""
    return tuple(_in(notice, address, language) for language in languages_of(address, default))


def languages_of(address: Address, default: Language) -> Sequence[Language]:
    if address.language is not None:
        return (address.language,)
    return (default, Language.EN if default is Language.ZH else Language.ZH)


def subject_of(notice: Notice, address: Address, default: Language) -> str:
    """One line, in one language: it is read in a list."""
    language = languages_of(address, default)[0]
    page = f"{word('notices.page', language)} " if notice.is_page else ""
    return page + notice.title.within(language)


def _in(notice: Notice, address: Address, language: Language) -> Written:
    facts = [(fact.name.within(language), _value(fact, address.zone, language)) for fact in notice.facts]
    facts = [(name, value) for name, value in facts if value]
    title = notice.title.within(language)
    page = f"{word('notices.page', language)}: " if notice.is_page else ""
    return Written(language, page + title, notice.body.within(language), tuple(facts))


def _value(fact: Fact, zone: str, language: Language) -> str:
    return fact.value.within(language) if fact.at is None else told_time(fact.at, zone)


def told_time(at: datetime, zone: str) -> str:
    """With the zone's distance from UTC: who reads it may be somewhere else."""
    local = at.astimezone(zone_named(zone))
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} " + ("UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:]}")
