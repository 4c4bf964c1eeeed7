"""Settings of figures: what a service promises its users about their incidents."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from knowledge.vocabulary import Severity

ANSWER_MINUTES: Mapping[Severity, float] = MappingProxyType(
    {Severity.CRITICAL: 5, Severity.HIGH: 15, Severity.MEDIUM: 60, Severity.LOW: 240, Severity.INFO: 1_440}
)
RESOLVE_MINUTES: Mapping[Severity, float] = MappingProxyType(
    {Severity.CRITICAL: 60, Severity.HIGH: 240, Severity.MEDIUM: 1_440, Severity.LOW: 4_320, Severity.INFO: 10_080}
)


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceTargets(Group):
    services: tuple[str, ...] = Field(min_length=1)
    """Patterns of the services that these are for; of several that fit the first one counts."""
    first_answer_minutes: dict[Severity, float] = Field(default_factory=dict)
    """Until somebody, as a rule the desk, says what it is; severities that are left out keep the desk's own."""
    resolve_minutes: dict[Severity, float] = Field(default_factory=dict)
    """Until it is over."""


class TargetsSettings(Group):
    """How soon an incident is to be answered and resolved, by its severity, from its opening."""

    first_answer_minutes: dict[Severity, float] = Field(default_factory=dict)
    """Until the first diagnosis or answer. Left out: critical 5, high 15, medium 60, low 240, info 1440."""
    resolve_minutes: dict[Severity, float] = Field(default_factory=dict)
    """Until it is over. Left out: critical 60, high 240, medium 1440, low 4320, info 10080."""
    services: tuple[ServiceTargets, ...] = ()
    """Targets of single services, each with the settings below."""

    def minutes_of(self, service: str, severity: Severity) -> tuple[float, float]:
        """(first answer, resolve) of an incident of the service."""
        own = next((one for one in self.services if _fits(service, one.services)), None)
        answers = [own.first_answer_minutes if own else {}, self.first_answer_minutes, ANSWER_MINUTES]
        resolves = [own.resolve_minutes if own else {}, self.resolve_minutes, RESOLVE_MINUTES]
        return _first(answers, severity), _first(resolves, severity)


def _fits(service: str, patterns: tuple[str, ...]) -> bool:
    return bool(service) and any(fnmatchcase(service, pattern) for pattern in patterns)


def _first(tables: list[Mapping[Severity, float]], severity: Severity) -> float:
    return next(float(table[severity]) for table in tables if severity in table)
