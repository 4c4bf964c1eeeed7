"""What a site's policy says of time and of services: change windows, and what is special about one service."""

from __future__ import annotations

from datetime import datetime, time
from fnmatch import fnmatchcase
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, Field, field_validator, model_validator

from knowledge.vocabulary import Noun, Ruling

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(Noun):
    """Hours of some days in a zone; one that ends at or before it begins goes on into the next day."""

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    begins: str
    ends: str
    zone: str = "UTC"

    @field_validator("begins", "ends")
    @classmethod
    def _is_time(cls, value: str) -> str:
        time.fromisoformat(value)
        return value

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {value!r}") from error
        return value

    def holds(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.zone))
        begins, ends, now = time.fromisoformat(self.begins), time.fromisoformat(self.ends), local.time()
        today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
        if begins < ends:
            return today in self.days and begins <= now < ends
        return (today in self.days and now >= begins) or (yesterday in self.days and now < ends)


class ChangeWindows(Noun):
    """Namespaces that are changed in some hours only. ``outside``: what a change at another time comes to."""

    namespaces: tuple[str, ...] = Field(min_length=1)
    windows: tuple[Window, ...] = Field(min_length=1)
    outside: Literal["two", "forbidden"] = "two"

    def ruling_at(self, at: datetime) -> Ruling | None:
        """None inside a window."""
        return None if any(window.holds(at) for window in self.windows) else Ruling(self.outside)


class ClosedPeriod(Noun):
    """A stretch of time in which nothing is changed: a holiday, a release freeze."""

    namespaces: tuple[str, ...] = ("*",)
    begins: AwareDatetime
    ends: AwareDatetime
    reason: str = ""
    inside: Literal["two", "forbidden"] = "forbidden"

    @model_validator(mode="after")
    def _is_forwards(self) -> Self:
        if self.ends <= self.begins:
            raise ValueError("a closed period ends after it begins")
        return self

    def holds(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


class ServiceProfile(Noun):
    """What is special about one service: which changes it takes, within which bounds, approved by whom.

    An object belongs to a profile when its namespace and its name fit. A profile only makes things stricter: what a rule
    forbids stays forbidden.
    """

    name: str = Field(min_length=1)
    namespaces: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ("*",)
    allowed_actions: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    at_least: Literal["one", "two"] = "one"
    max_replicas: int | None = Field(default=None, gt=0)
    changes_per_day: int | None = Field(default=None, gt=0)
    windows: tuple[Window, ...] = ()
    outside: Literal["two", "forbidden"] = "two"

    def covers(self, namespace: str, name: str) -> bool:
        """Whether an object is this service's; one whose name is not known yet (a selector's) is, to be safe."""
        in_place = any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)
        return in_place and (not name or any(fnmatchcase(name, pattern) for pattern in self.names))

    def allows(self, verb: str) -> bool:
        return not self.allowed_actions or any(fnmatchcase(verb, pattern) for pattern in self.allowed_actions)
