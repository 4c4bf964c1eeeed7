"""The site's policy: a documented YAML file. What it does not say is the default; what it says wrong is named."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from knowledge.errors import MalformedPolicy, ScriptRefused
from knowledge.vocabulary import Noun, Ruling
from tools.safety.site import ChangeWindows, ClosedPeriod, ServiceProfile
from tools.script.manifests import read_yaml

DEFAULT_FILE = Path(__file__).with_name("policy_default.yaml")


class Example(Noun):
    """A script and what the policy must say of it: checked when the policy is loaded by ``tools.safety.offline``."""

    script: str
    verdict: Ruling
    at: AwareDatetime | None = None
    """When it is reviewed, for policies with windows; not given: the time is open."""


class Policy(Noun):
    """See ``policy_default.yaml`` for what each setting means."""

    protected_namespaces: tuple[str, ...] = Field(min_length=1)
    restartable: tuple[str, ...] = ()
    approved_registries: tuple[str, ...] = ()
    mutable_tags: tuple[str, ...] = ()
    max_replicas: int = Field(gt=0)
    max_scale_factor: float = Field(gt=1)
    max_targets: int = Field(gt=0)
    max_pods_felt: int = Field(gt=0)
    monitoring_namespaces: tuple[str, ...] = ()
    monitoring_names: tuple[str, ...] = ()
    forbidden_environment: tuple[str, ...] = ()
    identity_annotations: tuple[str, ...] = ()
    exempting_labels: tuple[str, ...] = ()
    selecting_labels: tuple[str, ...] = ()
    control_plane_names: tuple[str, ...] = ()
    helm_owned: Literal["refused", "two"] = "refused"
    restricted_namespaces: tuple[str, ...] = ()
    known_custom_kinds: tuple[str, ...] = ()
    change_windows: tuple[ChangeWindows, ...] = ()
    closed_periods: tuple[ClosedPeriod, ...] = ()
    profiles: tuple[ServiceProfile, ...] = ()
    restarts_per_hour: int = Field(default=3, gt=0)
    changes_per_day: int = Field(default=20, gt=0)
    repeat_hours: float = Field(default=24, ge=0)
    break_glass: Literal["restoring", "never"] = "restoring"
    examples: tuple[Example, ...] = ()
    floor: tuple[str, ...] = ()
    """Scripts that stay forbidden whatever a site's file says; the default policy's own, checked beside the examples."""

    @staticmethod
    def load(path: Path | None = None) -> Policy:
        """The default policy, or the default with a site's file over it. Raises MalformedPolicy naming file and field."""
        values = _read(DEFAULT_FILE)
        if path is not None:
            own = _read(path)
            if "floor" in own:
                raise MalformedPolicy(
                    f"{path}: floor is not a site's to set", source=str(path), line=line_of(path, "floor"),
                    next_step="take it out: what is forbidden whoever approves stays so",
                )  # fmt: skip
            values |= own
        try:
            return Policy.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise MalformedPolicy(
                f"{path or DEFAULT_FILE}: {place}: {first['msg']}", source=str(path or DEFAULT_FILE),
                line=line_of(path or DEFAULT_FILE, str(first["loc"][0])) if first["loc"] else None,
                next_step=f"compare with {DEFAULT_FILE.name} of the package, where every setting is explained",
            ) from error  # fmt: skip

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [profile.name for profile in self.profiles]
        if len(set(names)) != len(names):
            raise ValueError("two service profiles have the same name")
        return self

    def profiles_of(self, places: Iterable[tuple[str, str]]) -> tuple[ServiceProfile, ...]:
        """The service profiles of some objects, given as namespace and name."""
        wanted = tuple(places)
        return tuple(one for one in self.profiles if any(one.covers(namespace, name) for namespace, name in wanted))

    def approvers_of(self, places: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
        """Who may approve a change of these objects: for each profile that names approvers, patterns of principals and
        persons of which an approver must fit one."""
        return tuple(dict.fromkeys(one.approvers for one in self.profiles_of(places) if one.approvers))

    def changes_per_day_of(self, namespace: str, name: str) -> int:
        """The change budget of one target: the smallest that the policy or a profile of it says."""
        own = [one.changes_per_day for one in self.profiles_of([(namespace, name)]) if one.changes_per_day]
        return min([self.changes_per_day, *own])

    def is_protected(self, namespace: str) -> bool:
        return matches(namespace, self.protected_namespaces)

    def is_monitoring(self, namespace: str, name: str) -> bool:
        return matches(namespace, self.monitoring_namespaces) or matches(name, self.monitoring_names)


def matches(value: str, patterns: tuple[str, ...]) -> bool:
    """Whether a shell-style pattern of the policy fits."""
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def line_of(path: Path, key: str) -> int | None:
    """The line on which a setting of the file stands."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return next((number for number, line in enumerate(lines, start=1) if line.startswith(f"{key}:")), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        documents = read_yaml(path.read_text(encoding="utf-8"))
    except ScriptRefused as error:
        raise MalformedPolicy(
            f"{path}: {error.message}", source=str(path), line=error.line, column=error.column
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedPolicy(f"{path}: {error}", source=str(path), next_step="check the file") from error
    if len(documents) != 1 or not isinstance(documents[0][0], dict):
        raise MalformedPolicy(f"{path}: not one mapping of settings", source=str(path), next_step="one YAML mapping")
    found: dict[str, Any] = documents[0][0]
    return found
