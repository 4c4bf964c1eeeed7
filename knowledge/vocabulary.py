"""Every noun of the desk, frozen, in the order of an incident's life. This module never moves.

Values are frozen Pydantic models: ``model_dump(mode="json")`` gives the plain dict that checkpoints, the ledger and the
API store, and ``model_validate`` reads it back. Texts that people read come as :class:`Text`, in Chinese and English.
Times are aware datetimes in UTC; durations are in seconds and say so.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]
"""A JSON object as it came from the other system."""


class Noun(BaseModel):
    """A frozen value; an unknown field is an error, so that a typo cannot pass for a setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def canonical_json(value: Any) -> str:
    """One spelling of a JSON value (sorted keys, no spaces): what every digest is taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest_of(value: Any) -> str:
    """``sha256:`` and the hex digest of the canonical JSON of ``value``."""
    return "sha256:" + hashlib.sha256(canonical_json(value).encode()).hexdigest()


# --- where and who -----------------------------------------------------------------------------------------------


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


class Text(Noun):
    """One thing said in both languages."""

    en: str
    zh: str

    def within(self, language: Language) -> str:
        return self.zh if language is Language.ZH else self.en


class ObjectRef(Noun):
    """A Kubernetes object, or a thing named like one (a GPU: kind ``GPU``), in a named cluster.

    ``namespace`` is empty for cluster-scoped kinds. ``kind`` is the singular CamelCase kind (``Deployment``).
    """

    cluster: str
    kind: str
    namespace: str = ""
    name: str
    api_version: str = ""
    uid: str = ""

    @property
    def key(self) -> str:
        """Identity without versions: ``kind/namespace/name``; the cluster is the incident's own."""
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"

    def __str__(self) -> str:
        return self.key


class Scope(Noun):
    """What a principal may see and touch: shell-style patterns (``prod-*``); a thing must match in every dimension that
    it has. Cluster-scoped objects (nodes) have no namespace: they are read by every principal of the cluster."""

    clusters: tuple[str, ...] = ("*",)
    namespaces: tuple[str, ...] = ("*",)
    services: tuple[str, ...] = ("*",)

    def allows(self, *, cluster: str = "", namespace: str = "", service: str = "") -> bool:
        return (
            _matches(cluster, self.clusters)
            and _matches(namespace, self.namespaces)
            and _matches(service, self.services)
        )

    @property
    def is_everything(self) -> bool:
        return all("*" in patterns for patterns in (self.clusters, self.namespaces, self.services))


def _matches(value: str, patterns: tuple[str, ...]) -> bool:
    return not value or any(fnmatchcase(value, pattern) for pattern in patterns)


class Role(StrEnum):
    """In rising order; a principal holds a set of roles, and an admin is not an approver unless it says so."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    ADMIN = "admin"


class Principal(Noun):
    """A person or a machine that acts. ``person`` links several identities of one human: they count once."""

    id: str
    name: str
    roles: frozenset[Role]
    scope: Scope = Scope()
    kind: Literal["person", "machine"] = "person"
    person: str = ""

    def may(self, role: Role) -> bool:
        return role in self.roles

    def fits(self, groups: tuple[tuple[str, ...], ...]) -> bool:
        """Whether of each group of patterns one is of this principal or of the person behind it."""
        known = {self.id, self.person or self.id}
        return all(any(fnmatchcase(one, pattern) for one in known for pattern in group) for group in groups)


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the most severe: a sort key."""
        return list(Severity).index(self)


class Layer(StrEnum):
    """Where in the stack a fault lives; the folders of ``tools/detectors`` and a filter of the library."""

    APPLICATION = "application"
    CONTAINER = "container"
    IMAGE = "image"
    PROBE = "probe"
    CONFIG = "config"
    WORKLOAD = "workload"
    SCHEDULING = "scheduling"
    QUOTA = "quota"
    ADMISSION = "admission"
    NODE = "node"
    NETWORK = "network"
    STORAGE = "storage"
    CONTROL_PLANE = "control-plane"
    ALERT = "alert"
    GPU = "gpu"
    DRIVER = "driver"
    CONTAINER_RUNTIME = "container-runtime"
    CUDA = "cuda"
    NCCL = "nccl"
    FRAMEWORK = "framework"
    VLLM = "vllm"
    TF_SERVING = "tf-serving"
    TORCHSERVE = "torchserve"
    TRITON = "triton"
    KSERVE = "kserve"
    RAY = "ray"
    TRAINING = "training"
    MODEL_QUALITY = "model-quality"
    GATEWAY = "gateway"


class Mode(StrEnum):
    """What opsdesk may do in a cluster."""

    READ_ONLY = "read-only"
    PROPOSE = "propose"
    EXECUTE = "execute"


# --- what comes in -----------------------------------------------------------------------------------------------


class Alert(Noun):
    """A machine spoke. ``fingerprint`` and ``starts_at`` identify one firing; a resend of it is a duplicate."""

    source: str
    fingerprint: str
    status: Literal["firing", "resolved"]
    name: str
    severity: Severity
    cluster: str
    namespace: str = ""
    service: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: datetime
    ends_at: datetime | None = None
    generator_url: str = ""

    @property
    def summary(self) -> str:
        return self.annotations.get("summary") or self.annotations.get("description") or self.name


class AlertFate(StrEnum):
    """What became of a received alert."""

    OPENED = "opened"
    JOINED = "joined"
    DUPLICATE = "duplicate"
    RESOLVED = "resolved"


class Ticket(Noun):
    """A person asked."""

    id: str
    requester: str
    text: str
    language: Language
    cluster: str
    namespace: str = ""
    service: str = ""
    channel: Literal["web", "cli", "slack", "api"] = "api"
    opened_at: datetime


class IncidentStatus(StrEnum):
    """In lifecycle order. The last four are ends; ``reopened`` incidents go back to ``open``."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    AWAITING_APPROVAL = "awaiting_approval"
    EXECUTING = "executing"
    VERIFYING = "verifying"
    HANDED_OVER = "handed_over"
    ANSWERED = "answered"
    RESOLVED = "resolved"
    CLOSED = "closed"
    MERGED = "merged"


class Incident(Noun):
    """Our record. ``reason`` says in one sentence why it is in its status; it is what the list shows."""

    id: str
    title: str
    status: IncidentStatus
    severity: Severity
    cluster: str
    namespace: str = ""
    service: str = ""
    language: Language = Language.EN
    opened_by: Literal["alert", "ticket"]
    requester: str = ""
    assignee: str = ""
    reason: str = ""
    reason_zh: str = ""
    """The reason in Chinese where the desk wrote it; empty where a person did, in whatever language that was."""
    merged_into: str = ""
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    version: int = 0


class Intent(StrEnum):
    QUESTION = "question"
    REPORT = "report"
    CHANGE_REQUEST = "change_request"
    FAULT = "fault"


class Focus(Noun):
    """Where to look first, and how far a look may reach. ``since`` is when the trouble is thought to have begun."""

    cluster: str
    namespaces: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    objects: tuple[ObjectRef, ...] = ()
    since: datetime
    until: datetime
    reach: Scope = Scope()


class Triage(Noun):
    intent: Intent
    severity: Severity
    language: Language
    focus: Focus
    question: str = ""


# --- what is known -----------------------------------------------------------------------------------------------


class EvidenceKind(StrEnum):
    OBJECT = "object"
    EVENT = "event"
    LOG = "log"
    METRIC = "metric"
    ALERT = "alert"
    TICKET = "ticket"
    CHANGE = "change"
    TRANSCRIPT = "transcript"


class Evidence(Noun):
    """One fact, redacted, content-addressed: the id is the digest of everything else but the time.

    ``body`` is JSON; ``text`` is what a person or a prompt reads (it renders itself, nobody renders for it).
    """

    id: str
    kind: EvidenceKind
    cluster: str
    source: str
    query: str
    observed_at: datetime
    object: ObjectRef | None = None
    text: str
    body: Json = Field(default_factory=dict)

    @staticmethod
    def address(kind: EvidenceKind, cluster: str, source: str, query: str, object_key: str, text: str) -> str:
        """The id of a fact: ``ev-`` and 16 hex digits."""
        return "ev-" + digest_of([kind, cluster, source, query, object_key, text])[7:23]


class Gap(Noun):
    """What could not be read, why, and what would fill it. A gap is an answer, not an exception."""

    source: str
    query: str
    reason: str
    next_step: str = ""


class Finding(Noun):
    """A detector's conclusion on one object. ``fault`` is the detector's id; ``began_at`` orders causes in time."""

    id: str
    fault: str
    layer: Layer
    severity: Severity
    object: ObjectRef
    title: Text
    explanation: Text
    evidence_ids: tuple[str, ...]
    began_at: datetime | None = None
    is_symptom: bool = False
    facts: dict[str, str] = Field(default_factory=dict)


class CaseKind(StrEnum):
    FAULT = "fault"
    ALERT = "alert"
    OPTIMISATION = "optimisation"


class Remedy(Noun):
    """How a fault is put right: a script of the grammar (with ``<placeholders>``), manual steps, or neither, said so."""

    script: str = ""
    manual: tuple[Text, ...] = ()
    none_reason: Text | None = None

    @property
    def is_none(self) -> bool:
        return not self.script and not self.manual


class Case(Noun):
    """A fault, alert or optimisation case that a human accepted."""

    id: str
    kind: CaseKind
    layer: Layer
    services: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    title: Text
    symptoms: Text
    cause: Text
    ask_for: tuple[str, ...] = ()
    remedy: Remedy
    verification: Text
    sources: tuple[str, ...]


class RecalledCase(Noun):
    """A case that matched, with why. ``outcomes`` counts what its remedy did before: (held, did not hold)."""

    case_id: str
    kind: CaseKind
    title: Text
    score: float
    why: str
    outcomes: tuple[int, int] = (0, 0)


class Passage(Noun):
    """A piece of a document that matched a search."""

    document_id: str
    title: str
    text: str
    score: float
    source: str = ""


# --- what is concluded -------------------------------------------------------------------------------------------


class ScorePart(Noun):
    """One readable part of a hypothesis's score, e.g. coverage 0.8 x weight 0.5 because it explains 4 of 5 symptoms."""

    name: Literal["coverage", "recency", "specificity", "severity", "change", "cases", "focus"]
    value: float
    weight: float
    because: str


class ConfidencePart(Noun):
    """One fact that moved a diagnosis's confidence: ``value`` (0 to 1) times ``weight`` in the exponent of a logistic map."""

    name: str
    value: float
    weight: float
    because: str


class ChainLink(Noun):
    """``cause`` explains ``effect`` over a topology relation (``selects``, ``runs_on``, ``mounts`` ...)."""

    cause: str
    effect: str
    relation: str


class Hypothesis(Noun):
    id: str
    fault: str
    object: ObjectRef
    title: Text
    explanation: Text
    score: float
    parts: tuple[ScorePart, ...] = ()
    finding_ids: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    chain: tuple[ChainLink, ...] = ()
    evidence_ids: tuple[str, ...] = ()
    case_ids: tuple[str, ...] = ()
    began_at: datetime | None = None


class Claim(Noun):
    """What a chat model says of an object, typed so that code can check it against the evidence it cites."""

    object: str
    predicate: str
    value: str
    evidence_id: str
    standing: Literal["holds", "contradicted", "opinion"]
    because: str = ""


class Verdict(StrEnum):
    FAULT = "fault"
    NO_FAULT = "no_fault"
    UNKNOWN = "unknown"


class Diagnosis(Noun):
    """The chosen hypothesis, or why there is none. ``model_order`` is the chat model's ranking where it differs. What rests on
    a paste is hearsay: it is answered, and never goes on to a plan by itself."""

    verdict: Verdict
    rests_on: Literal["cluster", "paste"] = "cluster"
    chosen: Hypothesis | None = None
    confidence: float = Field(ge=0, le=1)
    confidence_parts: tuple[ConfidencePart, ...] = ()
    runner_up: Hypothesis | None = None
    others: tuple[Hypothesis, ...] = ()
    gaps: tuple[Gap, ...] = ()
    summary: Text
    ruled_out: tuple[Text, ...] = ()
    model_order: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    model_note: str = ""
    seconds: float = 0.0


class Answer(Noun):
    """What a person who asked gets to read, with what it cites (evidence ids, case ids, document ids)."""

    text: str
    language: Language
    citations: tuple[str, ...] = ()
    written_by: Literal["desk", "model"] = "desk"


# --- what is proposed --------------------------------------------------------------------------------------------


class ReversalKind(StrEnum):
    RESTORES = "restores"
    SELF_HEALS = "self_heals"
    NONE = "none"


class Step(Noun):
    """One Action with its parameters, as the script's translation gives it. ``line`` is where it stands in the script;
    ``is_read`` steps change nothing."""

    index: int
    action: str
    is_read: bool
    parameters: Json
    text: str
    line: int


class ManualStep(Noun):
    """What only a human can do; ticked by a human, then verified."""

    index: int
    instruction: Text
    done_by: str = ""
    done_at: datetime | None = None


class Plan(Noun):
    """Ordered steps for one cluster. ``script`` is the canonical text; the digest is the review's (it freezes requests)."""

    id: str
    incident_id: str
    cluster: str
    script: str
    steps: tuple[Step, ...] = ()
    manual_steps: tuple[ManualStep, ...] = ()
    written_by: str
    requester: str = ""
    reason: str = ""
    diagnosed_object: ObjectRef | None = None
    topology_keys: tuple[str, ...] | None = None
    """Keys of the objects near the diagnosed one; None when there is no diagnosis. A target outside needs two."""
    created_at: datetime


class ApiRequest(Noun):
    """One request to a Kubernetes API server, frozen: nothing of it is decided after the review."""

    cluster: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    query: dict[str, str] = Field(default_factory=dict)
    content_type: str = ""
    body: Any = None


class FieldState(Noun):
    """The fields of one target that a step reads or writes, as they were at review."""

    path: str
    value: Any = None
    is_absent: bool = False


class FrozenStep(Noun):
    """A step made of requests. ``before`` is compared at execution (a later step: with what earlier ones leave);
    ``inverse`` takes the step back, in order; empty with ``self_heals`` or ``none``."""

    step: Step
    target: ObjectRef | None
    requests: tuple[ApiRequest, ...]
    inverse: tuple[ApiRequest, ...] = ()
    reversal: ReversalKind
    before: tuple[FieldState, ...] = ()
    after: tuple[FieldState, ...] = ()
    depends_on: tuple[int, ...] = ()
    diff: str = ""

    @property
    def is_change(self) -> bool:
        return not self.step.is_read

    @property
    def restores(self) -> bool:
        """Whether its inverse puts back what was there; a step that finds nothing to do has nothing to put back."""
        return self.reversal is ReversalKind.RESTORES and bool(self.inverse or not self.requests)


class Ruling(StrEnum):
    """In rising strictness. ``refused`` means it cannot be translated."""

    AUTO = "auto"
    ONE = "one"
    TWO = "two"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"

    @property
    def strictness(self) -> int:
        return list(Ruling).index(self)


class RuleVerdict(Noun):
    """What one rule says of one step (``step`` None: of the plan), and why."""

    rule: str
    ruling: Ruling
    message: Text
    step: int | None = None


class PermissionCheck(Noun):
    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    allowed: bool
    because: str = ""


class DryRun(Noun):
    step: int
    outcome: Literal["ok", "failed", "depends", "not_tried"]
    message: str = ""
    warnings: tuple[str, ...] = ()
    """What the API server warned of, in its own words."""


class BudgetRoom(Noun):
    """A disruption budget over pods that feel a change: how many more of its pods may leave now."""

    name: str
    allowed: int


class BlastRadius(Noun):
    """How much feels the change. ``budgets`` names disruption budgets that leave no room, ``rooms`` has every one;
    ``pod_names`` are the first of the ``pods``. Names are ``namespace/name``."""

    pods: int = 0
    replicas: int = 0
    services: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()
    pod_names: tuple[str, ...] = ()
    rooms: tuple[BudgetRoom, ...] = ()


class OwnerPatch(Noun):
    """A change that was refused here because ``owner`` keeps the target: what would change, as YAML for a pull request at the
    owner. An autoscaler's is a patch of its own bounds."""

    step: int
    owner: str
    target: ObjectRef
    patch: str


class Review(Noun):
    """The rules' verdict on a frozen plan: everything an approver needs on one screen.

    ``open_points`` says what only a cluster could tell; it never lowers a verdict. ``warnings`` are shown (broad rights,
    owner, outside topology)."""

    id: str
    plan_id: str
    incident_id: str
    cluster: str
    digest: str
    ruling: Ruling
    steps: tuple[FrozenStep, ...] = ()
    verdicts: tuple[RuleVerdict, ...] = ()
    permissions: tuple[PermissionCheck, ...] = ()
    dry_runs: tuple[DryRun, ...] = ()
    blast: BlastRadius = BlastRadius()
    open_points: tuple[Text, ...] = ()
    warnings: tuple[Text, ...] = ()
    approvers: tuple[tuple[str, ...], ...] = ()
    """Who may approve it besides role and scope: of each group of patterns a voter (or the person behind) must fit one."""
    patches: tuple[OwnerPatch, ...] = ()
    rights_note: Text | None = None
    """What an approver has to know of the executor's own rights: too many and accepted, or to be refused. Among the warnings too."""
    reviewed_at: datetime

    @property
    def approvers_needed(self) -> int:
        return {Ruling.AUTO: 0, Ruling.ONE: 1, Ruling.TWO: 2}.get(self.ruling, -1)

    @property
    def has_changes(self) -> bool:
        return any(step.is_change for step in self.steps)


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class ApprovalStatus(StrEnum):
    """Of the request as a whole. ``used`` is set by compare-and-swap when the execution takes it."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"
    USED = "used"


class ApprovalVote(Noun):
    principal: str
    person: str
    decision: Decision
    reason: str = ""
    digest: str
    at: datetime
    breaks_glass: bool = False


class ApprovalRequest(Noun):
    """A wait for people. It always ends: by votes, or by ``expires_at`` as a no. One approver alone may break the glass for
    a plan that restores; ``told`` are the other approvers who are shown it."""

    id: str
    incident_id: str
    plan_id: str
    review_id: str
    digest: str
    needed: int
    status: ApprovalStatus
    votes: tuple[ApprovalVote, ...] = ()
    requester: str = ""
    cluster: str = ""
    namespaces: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    approvers: tuple[tuple[str, ...], ...] = ()
    asked_at: datetime
    expires_at: datetime
    approved_at: datetime | None = None
    holds_until: datetime | None = None
    reason: str = ""
    told: tuple[str, ...] = ()

    @property
    def is_glass_broken(self) -> bool:
        return any(vote.breaks_glass for vote in self.votes)


# --- what is done ------------------------------------------------------------------------------------------------


class StepOutcome(StrEnum):
    """``unknown``: a write was sent, no answer came, and re-reading the target could not tell."""

    PENDING = "pending"
    INTENDED = "intended"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"


class StepResult(Noun):
    step: int
    step_key: str
    outcome: StepOutcome
    message: str = ""
    output: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ExecutionStatus(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    UNDO_REQUESTED = "undo_requested"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"


class Execution(Noun):
    id: str
    incident_id: str
    plan_id: str
    review_id: str
    approval_id: str
    cluster: str
    digest: str
    status: ExecutionStatus
    results: tuple[StepResult, ...] = ()
    approvers: tuple[str, ...] = ()
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    undo_requested_at: datetime | None = None
    message: str = ""
    version: int = 0


class Verification(Noun):
    """``better``: the symptom is gone and stayed gone for the soak time; ``worse`` is undone; ``same`` is kept and said."""

    execution_id: str
    outcome: Literal["better", "same", "worse", "unknown"]
    summary: Text
    gone: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    evidence_ids: tuple[str, ...] = ()
    soak_seconds: float
    verified_at: datetime


class Lesson(Noun):
    """A proposed case: Markdown with front matter, waiting for a human. ``incident_id`` is empty when a person proposed it."""

    id: str
    incident_id: str = ""
    proposed_by: str = ""
    case_id: str
    markdown: str
    status: Literal["proposed", "accepted", "rejected"] = "proposed"
    created_at: datetime
    decided_by: str = ""


class TimelineEntry(Noun):
    """One line of an incident's story. ``data`` is the noun that the stage wrote, as JSON."""

    sequence: int
    incident_id: str
    at: datetime
    stage: str
    actor: str
    summary: Text
    data: Json = Field(default_factory=dict)


class AuditEntry(Noun):
    """One link of the hash chain: ``digest`` covers ``previous`` and everything else."""

    sequence: int
    at: datetime
    actor: str
    verb: str
    subject: str
    detail: Json = Field(default_factory=dict)
    previous: str
    digest: str
