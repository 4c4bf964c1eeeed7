"""The shape of a detector file, checked when it is read: what is wrong is named with file and line.

A file is one fault, or a family of faults in a table (``rows`` fill the ``[[marks]]`` of one fault). A signal *speaks of* now
or of the past. What speaks of the past (an event, a previous container's log, an exit code) counts only while its object
is still unwell and while it is fresh; what speaks of now counts by itself, while it is fresh.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import re2
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from knowledge.errors import MalformedDetector
from knowledge.vocabulary import Json, Layer, Severity, Text
from tools.detectors.condition import compile_condition, compile_fact, compile_path
from tools.detectors.scanner import read_duration

Relation = Literal[
    "same", "owns", "selects", "routes", "mounts", "runs_on", "calls", "scales", "limits", "namespace", "cluster"
]
"""How the cause's object must stand to the effect's: see ``agent/reasoning/topology.py``. ``same``: the same object or family."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _checked_regex(pattern: str) -> str:
    try:
        re2.compile(pattern)
    except re2.error as problem:
        raise ValueError(f"not an RE2 expression: {pattern!r} ({problem})") from None
    return pattern


def _checked_duration(text: str) -> str:
    read_duration(text)
    return text


Take = Literal[
    "last", "max", "min", "mean", "increase", "shift", "hours_to", "step", "seasonal", "burn", "hours_to_full",
]  # fmt: skip
Regex = Annotated[str, Field(min_length=1)]
OTHERWISE = r"^([A-Z]\w+/[\w.-]*/[\w.-]+)?$"


class Signal(Part):
    """``within``: how fresh it must be. ``facts``: name to path, fact function or "text"; named groups of regexes join them."""

    speaks_of: Literal["now", "past"] = "now"
    within: str = "15m"
    facts: dict[str, str] = Field(default_factory=dict)
    note: str = ""

    _within = field_validator("within")(_checked_duration)


class StatusSignal(Signal):
    """A condition over one object; with ``each``, over each element of a list (``@``), which the facts then tell of.

    Objects that are well are skipped unless ``also_when_well``: a restart that was survived is not a fault."""

    kind: Literal["status"]
    where: str
    each: tuple[str, ...] = ()
    match: str
    since: str = ""
    cite: tuple[str, ...] = ("status",)
    also_when_well: bool = False

    @model_validator(mode="after")
    def _compiles(self) -> StatusSignal:
        compile_condition(self.match)
        for path in (*self.each, *([self.since] if self.since else [])):
            compile_path(path)
        for fact in self.facts.values():
            compile_fact(fact)
        return self


class EventSignal(Signal):
    """``holds``: a condition that has to hold too, with the object the event is about as ``$`` (empty when it was not gathered)
    and the event as ``@``."""

    kind: Literal["event"]
    speaks_of: Literal["now", "past"] = "past"
    within: str = "60m"
    about: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    type: Literal["Normal", "Warning", ""] = ""
    message: str = ""
    at_least: int = 1
    holds: str = ""

    _message = field_validator("message")(_checked_regex)

    @model_validator(mode="after")
    def _compiles(self) -> EventSignal:
        if self.holds:
            compile_condition(self.holds)
        for fact in self.facts.values():
            if fact[:1] != '"' and set(fact) & set("$@("):
                compile_fact(fact)
        return self


class LogSignal(Signal):
    """Lines of containers (or of nodes). ``at_least`` lines within ``within`` have to match. ``over_after_lines``: when so
    many lines follow the last match without another, the trouble is over (a caller whose upstream came back)."""

    kind: Literal["log"]
    speaks_of: Literal["now", "past"] = "past"
    within: str = "60m"
    where: Literal["current", "previous", "node", "any"] = "any"
    match: Regex
    example: str = ""
    at_least: int = 1
    over_after_lines: int = 0

    _match = field_validator("match")(_checked_regex)


class ExitCodeSignal(Signal):
    """How a container last ended. Reads the state or, when it runs again, the last state."""

    kind: Literal["exit_code"]
    speaks_of: Literal["now", "past"] = "past"
    codes: tuple[int, ...]
    reason: str = ""


class MetricSignal(Signal):
    """A named answer of the metrics collector, one verdict per series. ``over``: divide by another answer's series with the
    same ``by`` labels. ``promql`` documents the question. ``step``, ``seasonal``, ``burn``, ``hours_to_full``: see ``levels.py``.
    ``among`` asks for one of these values instead of comparing (``"39|40"`` in tables). ``is_new``: a gauge that keeps its
    last value for ever counts only when it had another one within the window. ``otherwise``: see AlertNameSignal."""

    kind: Literal["metric"]
    key: tuple[str, ...]
    labels: dict[str, str] = Field(default_factory=dict)
    take: Take = "last"
    by_factor: float = 1.0
    least: float = 0.0
    near: float = float("inf")
    pace: Literal["fast", "slow"] = "fast"
    over: str = ""
    by: tuple[str, ...] = ()
    op: Literal[">", ">=", "<", "<=", "=="] = ">"
    than: float
    among: tuple[float, ...] = ()
    is_new: bool = False
    toward: float = 0.0
    about: Literal["Pod", "Node", "Service", "Ingress", "PersistentVolumeClaim", "Deployment", "GPU", "any"] = "any"
    promql: str = ""
    otherwise: str = Field(default="", pattern=OTHERWISE)

    @field_validator("among", mode="before")
    @classmethod
    def _listed(cls, among: Any) -> Any:
        return among.split("|") if isinstance(among, str) else among

    _labels = field_validator("labels")(lambda labels: {name: _checked_regex(value) for name, value in labels.items()})


class AlertNameSignal(Signal):
    """``otherwise``: ``Kind/namespace/name`` of what is meant when the labels name no object (the API server as a whole)."""

    kind: Literal["alertname"]
    match: Regex
    labels: dict[str, str] = Field(default_factory=dict)
    otherwise: str = Field(default="", pattern=OTHERWISE)

    _match = field_validator("match")(_checked_regex)


class ChangeSignal(Signal):
    """Something that was changed lately (``changes.py``): a rollout, an edited object, scaling, a node taken in or out. What
    was changed and found well again is no fault: such a detector is of severity info and counts by what it explains."""

    kind: Literal["change"]
    of: Literal["rollout", "config", "scaling", "node"]
    within: str = "45m"


class TemplateSignal(Signal):
    """Kinds of error-like lines that a workload's logs did not have before the focus's ``since`` (``new``), or had much less
    often (``risen``). Mined from a bounded sample; where the logs do not reach back before ``since``, nothing is said."""

    kind: Literal["template"]
    speaks_of: Literal["now", "past"] = "past"
    change: Literal["new", "risen", "fallen"] = "new"
    at_least: int = 1


Leaf = Annotated[
    StatusSignal
    | EventSignal
    | LogSignal
    | ExitCodeSignal
    | MetricSignal
    | AlertNameSignal
    | ChangeSignal
    | TemplateSignal,
    Field(discriminator="kind"),
]
LEAVES: tuple[type[Signal], ...] = (
    StatusSignal, EventSignal, LogSignal, ExitCodeSignal, MetricSignal, AlertNameSignal, ChangeSignal,
    TemplateSignal,
)  # fmt: skip


class Group(Part):
    """``any`` of these, or ``all`` of them on the same object (or family); ``all`` may stand inside ``any``."""

    any: tuple[Leaf | Group, ...] = ()
    all: tuple[Leaf | Group, ...] = ()

    @model_validator(mode="after")
    def _is_one(self) -> Group:
        if bool(self.any) == bool(self.all):
            raise ValueError("a group of signals has either `any` or `all`")
        return self

    def leaves(self) -> Iterator[Signal]:
        for part in (*self.any, *self.all):
            if isinstance(part, Group):
                yield from part.leaves()
            else:
                yield part

    @property
    def depth(self) -> int:
        return 1 + max((part.depth for part in (*self.any, *self.all) if isinstance(part, Group)), default=0)


class Explains(Part):
    """Faults (ids, ``layer:probe``, or ``symptoms``) that this one causes on objects that stand in one of these relations."""

    faults: tuple[str, ...]
    over: tuple[Relation, ...] = ("same",)
    only_after: bool = False
    """Only what began after it (two minutes' slack: reports come late); what began at an unknown time is not explained."""


class ScriptChoice(Part):
    """A script that is right only when these facts are known."""

    needs: tuple[str, ...] = ()
    script: str


class RemedyForm(Part):
    """Scripts in order of preference: the first whose placeholders can all be filled is proposed."""

    scripts: tuple[ScriptChoice, ...] = ()
    manual: tuple[Text, ...] = ()
    none_reason: Text | None = None

    @field_validator("scripts", mode="before")
    @classmethod
    def _plain_scripts(cls, scripts: Any) -> Any:
        return [{"script": one} if isinstance(one, str) else one for one in scripts]

    @model_validator(mode="after")
    def _says_something(self) -> RemedyForm:
        if not (self.scripts or self.manual or self.none_reason):
            raise ValueError("a remedy has `scripts`, `manual` steps, or a `none_reason`")
        return self


class Blame(Part):
    """The object at fault when it is another than the one it shows on: a ConfigMap that is not there. Filled from facts."""

    kind: str
    name: str
    is_namespaced: bool = True


class Specimens(Part):
    """Snapshots in short form (``specimen.py``): ``yes`` must be found, ``no`` (near misses) must not."""

    yes: tuple[Json, ...] = Field(min_length=1)
    no: tuple[Json, ...] = Field(min_length=1)


class DetectorForm(Part):
    """One fault. ``report_at``: ``workload`` makes one finding of all its pods with the fault; ``object`` one per object.
    ``yields_to``: narrower faults in whose presence, on the same family, this one is not reported."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    layer: Layer
    severity: Severity
    title: Text
    explanation: Text
    is_symptom: bool = False
    report_at: Literal["workload", "object"] = "workload"
    blame: Blame | None = None
    signals: Group
    yields_to: tuple[str, ...] = ()
    explains: tuple[Explains, ...] = ()
    remedy: RemedyForm
    specimens: Specimens
    sources: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_flat_enough(self) -> DetectorForm:
        if self.signals.depth > 2:
            raise ValueError("signals are nested once at most")
        return self


class PlainLoader(yaml.CSafeLoader):
    """Safe YAML in which `yes` and `no` are words, and times stay text."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def read_forms(path: Path) -> list[DetectorForm]:
    """The detectors of one file. Raises MalformedDetector with file and line."""
    try:
        text = path.read_bytes()
    except OSError as problem:
        raise MalformedDetector(f"{path.name} cannot be read: {problem}", source=str(path)) from problem
    return [checked_form(body, path) for body in read_bodies(path, text)]


def read_bodies(path: Path, text: bytes) -> list[Json]:
    """What stands in a file, a table's rows filled in, as plain data that nobody has checked. Raises MalformedDetector."""
    try:
        document = yaml.load(text.decode("utf-8"), Loader=PlainLoader)  # noqa: S506 - a safe loader
    except UnicodeDecodeError as problem:
        raise MalformedDetector(f"{path.name} cannot be read: {problem}", source=str(path)) from problem
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise MalformedDetector(f"{path.name}:{line}: not YAML: {problem}", source=str(path), line=line) from problem
    if not isinstance(document, dict):
        raise MalformedDetector(f"{path.name}:1: a detector file is a mapping", source=str(path), line=1)
    document = {name: value for name, value in document.items() if not str(name).startswith("x-")}
    rows = document.pop("rows", None)
    table = document.pop("table", None)
    return [document] if rows is None else [_filled(document, row, table, path) for row in rows]


def _filled(document: Json, row: Json, table: Any, path: Path) -> Json:
    """A table's one body with the row's values for its marks; a row may override whole fields under ``set``."""
    if table != path.stem:
        raise MalformedDetector(f"{path.name}:1: `table` must be {path.stem!r}", source=str(path), line=1)
    overrides = row.get("set", {})
    text = json.dumps({**document, **overrides}, ensure_ascii=False)
    for name, value in row.items():
        if name != "set":
            text = text.replace(f"[[{name}]]", json.dumps(str(value), ensure_ascii=False)[1:-1])
    body: Json = json.loads(text)
    return body


def checked_form(body: Json, path: Path) -> DetectorForm:
    """Raises MalformedDetector with file and line: only then the file is read for the places of its parts."""
    try:
        return DetectorForm.model_validate(body)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = first["loc"]
        line = _line_of(yaml.compose(path.read_text(encoding="utf-8"), Loader=PlainLoader), place)
        where = ".".join(str(part) for part in place)
        message = f"{path.name}:{line}: {where}: {first['msg']}"
        raise MalformedDetector(
            message,
            source=str(path),
            line=line,
            next_step="correct the file; the shape is in tools/detectors/format.py",
        ) from problem


def _line_of(node: Any, place: Sequence[Any]) -> int:
    """The line of the deepest part of ``place`` that stands in the file."""
    for part in place:
        if isinstance(node, yaml.MappingNode):
            child = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
        else:
            child = None
        if child is not None:
            node = child
    return int(node.start_mark.line) + 1
