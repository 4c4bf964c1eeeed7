"""The moment of an output told by itself: a thing whose creation is known, and its age beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from tools.transcript.columns import header_columns, is_header, read_row
from tools.transcript.get_tables import guess_kind
from tools.transcript.sections import Section
from tools.transcript.times import seconds_of, time_in

_CREATED = re.compile(r"^(?P<key>Name|Start Time|CreationTimestamp):\s+(?P<value>.+)$")
_SCHEDULED = re.compile(r"^\s+Normal\s+Scheduled\s+(?P<age>(?:\d+[dhms])+)\s+default-scheduler\s")
PRECISE_SECONDS = 600.0
"""Ages under ten minutes are told to the second."""

_Births = dict[tuple[str, str], datetime]


def anchors_of(sections: Sequence[Section], zone: tzinfo) -> list[datetime | None]:
    births: _Births = {}
    found = [_described(section, births, zone) for section in sections]
    if not births:
        return found
    return [anchor or _listed(section, births) for section, anchor in zip(sections, found, strict=True)]


def _described(section: Section, births: _Births, zone: tzinfo) -> datetime | None:
    """Births of a described pod or workload; a pod that was scheduled when it was born tells its moment as well."""
    name, born, moment = "", None, None
    for line in section.lines:
        if line[:1] in "NSC" and (match := _CREATED.match(line)):
            if match["key"] == "Name":
                name, born = match["value"], None
            else:
                born = time_in(match["value"], zone)
                kind = "Pod" if match["key"] == "Start Time" else _kind_of(section)
                if born is not None:
                    births[kind, name] = born
        elif born is not None and line[:1] == " " and "Scheduled" in line and (event := _SCHEDULED.match(line)):
            moment = _after(born, event["age"]) or moment
    return moment


def _kind_of(section: Section) -> str:
    return section.command.kinds[0].kind if section.command is not None and section.command.kinds else ""


def _after(born: datetime, age: str) -> datetime | None:
    seconds = seconds_of(age)
    return born + timedelta(seconds=seconds) if seconds is not None and seconds < PRECISE_SECONDS else None


def _listed(section: Section, births: _Births) -> datetime | None:
    """The latest of what rows with a known birth say."""
    columns = None
    kind = ""
    found: datetime | None = None
    for line in section.lines:
        if columns is None:
            if line.startswith("NAME") and "AGE" in line and is_header(line):
                columns = header_columns(line)
                guessed = guess_kind([heading for heading, _ in columns])
                kind = _kind_of(section) or (guessed.kind if guessed else "")
            elif line.strip():
                return None
            continue
        if not line.strip():
            break
        words = line.split(maxsplit=2)
        born = next((births[kind, word] for word in words[:2] if (kind, word) in births), None)
        if born is not None:
            moment = _after(born, read_row(columns, line).get("AGE", ""))
            found = max(found, moment) if found and moment else moment or found
    return found
