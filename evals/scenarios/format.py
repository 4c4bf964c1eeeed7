"""The shape of a scenario file. A mistake is named with the file; an unknown field is an error.

The truth is written from what is known of the fault, never from what a detector says. Times are minutes before the look, so
negative. Objects are ``Kind/namespace/name`` or ``Kind/name``. ``${...}`` is filled in when a step happens: ``${pod:ns/app}``
and ``${node:ns/app}`` are the first pod of an app and its node; ``let`` keeps a value under a name for later steps, metrics
and the truth.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evals.practice.kubelet.trouble import Stage
from knowledge.errors import BadInput
from knowledge.vocabulary import Layer, Severity, Text

HEALTHY_FOLDER = "healthy"
FOLDER = Path(__file__).parent


class Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Exits(Form):
    """The program ends by itself so many seconds after its start."""

    after: float = 3.0
    code: int = 1
    message: str = ""


class Program(Form):
    """How the program in matching pods behaves from now on. ``usual`` takes all that back."""

    pods: str
    """``namespace/shell-pattern`` of the pods' names."""
    container: str = "*"
    node: str = "*"
    output: tuple[str, ...] = ()
    """What it prints after its start, half a second apart."""
    exits: Exits | None = None
    memory: str = ""
    """Its working set, as a quantity; above the limit it is killed."""
    cpu: float | None = None
    is_ready: bool = True
    health_status: int = 503
    unready_paths: tuple[str, ...] = ()
    """The paths that answer so while it is not ready; none named: all."""
    is_hung: bool = False
    refuses: bool = False
    """It listens on no port."""
    start_error: str = ""
    """The runtime cannot start it at all."""
    usual: bool = False


class Obstacle(Form):
    """A stage of the pods' start that fails again and again, in the words of the component that reports it."""

    pods: str
    at: Stage
    reason: str = ""
    message: str = ""
    usual: bool = False


class Refusal(Form):
    """The API server refuses pods of such names from now on: 403 is a policy's no, 500 an admission webhook that fails."""

    pods: str
    status: Literal[403, 500] = 403
    message: str


class Condition(Form):
    node: str
    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


class Eviction(Form):
    pods: str
    node: str = "*"
    message: str


class Said(Form):
    """Lines that running containers print now."""

    pods: str
    container: str = "*"
    lines: tuple[str, ...]
    seconds_apart: float = 1.0


class Told(Form):
    """An event of a component that is no part of the practice cluster, or an old one."""

    about: str
    type: Literal["Normal", "Warning"] = "Warning"
    reason: str
    message: str
    component: str = "kubelet"
    count: int = 1
    age: float = 0.0
    """Minutes before this step at which it was last seen."""


VERBS = (
    "let", "fault", "heal", "apply", "set", "status", "delete", "delete_pods", "condition", "node_lost", "program", "obstacle", "refuse",
    "evict", "log", "event", "load", "restart",
)  # fmt: skip


class Step(Form):
    """One thing that happens, ``at`` so many minutes (a negative number); without it, at the time of the step before."""

    at: float | None = Field(default=None, le=0)
    let: dict[str, str] | None = None
    fault: str | None = None
    """A fault of the practice cluster, by id."""
    heal: str | None = None
    apply: tuple[dict[str, Any], ...] | None = None
    """Objects to create, or to put in place of those of that name. A ``status`` is written too."""
    set: dict[str, dict[str, Any]] | None = None
    """Object -> path -> value, e.g. ``spec.template.spec.containers[0].image``; None deletes."""
    status: dict[str, dict[str, Any]] | None = None
    """The same below ``status``, as a kubelet or an operator would write it."""
    delete: tuple[str, ...] | None = None
    delete_pods: str | None = None
    condition: Condition | None = None
    node_lost: str | None = None
    """The node's kubelet is heard of no more."""
    program: Program | None = None
    obstacle: Obstacle | None = None
    refuse: Refusal | None = None
    evict: Eviction | None = None
    log: Said | None = None
    event: Told | None = None
    load: dict[str, float] | None = None
    """Upstream of the gateway -> factor on its usual requests."""
    restart: str | None = None
    """``kubectl rollout restart`` of a Deployment."""

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        given = [name for name in VERBS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a step has exactly one of {', '.join(VERBS)}; this one has {', '.join(given) or 'none'}")
        return self

    @property
    def verb(self) -> str:
        return next(name for name in VERBS if getattr(self, name) is not None)


class MetricSeries(Form):
    """What the metrics collector's query of that key would answer. Between two points the value moves in a straight line."""

    key: str
    labels: dict[str, str] = Field(default_factory=dict)
    points: tuple[tuple[float, float], ...] = Field(min_length=1)
    """(minutes, value) in rising time."""
    wobble: float = Field(default=0.02, ge=0)
    """Share by which the value goes up and down around that line."""


class FiringAlert(Form):
    name: str
    namespace: str = ""
    service: str = ""
    severity: Severity = Severity.HIGH
    at: float = -10.0
    labels: dict[str, str] = Field(default_factory=dict)
    summary: str = ""


class TrueFault(Form):
    """One independent fault. The object's pods and ReplicaSets count as the object."""

    object: str
    also: tuple[str, ...] = ()
    """Other objects (shell patterns) that an engineer would accept as the place of the fault."""
    causes: tuple[str, ...] = Field(alias="is", min_length=1)
    """Fault ids that name it rightly."""


class Truth(Form):
    verdict: Literal["fault", "no_fault"]
    faults: tuple[TrueFault, ...] = ()
    chain: tuple[str, ...] = ()
    """Objects from the first cause to the last effect."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if bool(self.faults) != (self.verdict == "fault"):
            raise ValueError("a truth has faults exactly when its verdict is fault")
        return self


class Asked(Form):
    """What the look is told: nothing by default, as when somebody says that something is wrong."""

    namespaces: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    minutes: float = 60.0


class Scenario(Form):
    id: str
    layer: Layer | None
    """None for a healthy cluster with noise."""
    title: Text
    question: Text | None = None
    ask: Asked = Asked()
    story: tuple[Step, ...]
    metrics: tuple[MetricSeries, ...] = ()
    alerts: tuple[FiringAlert, ...] = ()
    truth: Truth

    @model_validator(mode="after")
    def _times_rise(self) -> Self:
        times = [step.at for step in self.story if step.at is not None]
        if times != sorted(times):
            raise ValueError("the steps of a story stand in the order of time")
        return self

    @property
    def is_held_out(self) -> bool:
        """A third, chosen by the id alone: what the calibration is reported on and nothing is tuned by."""
        return zlib.crc32(self.id.encode()) % 3 == 0

    @property
    def group(self) -> str:
        return self.layer.value if self.layer else HEALTHY_FOLDER


def load_scenario(path: Path) -> Scenario:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = Scenario.model_validate(read)
    except (yaml.YAMLError, ValidationError) as error:
        raise BadInput(f"{path}: {error}", next_step="see evals/scenarios/format.py for the shape") from error
    if path.stem != found.id or path.parent.name != found.group:
        raise BadInput(f"{path}: the scenario {found.id} of {found.group} belongs into {found.group}/{found.id}.yaml")
    return found


def load_scenarios(folder: Path = FOLDER) -> list[Scenario]:
    """All of a folder, by layer and id; two of one id are an error."""
    found = [load_scenario(path) for path in sorted(folder.glob("*/*.yaml"))]
    if not found:
        raise BadInput(f"no scenarios under {folder}", next_step="name a folder with <layer>/<id>.yaml files")
    ids = [one.id for one in found]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise BadInput(f"scenario ids must not repeat: {', '.join(twice)}")
    return found
