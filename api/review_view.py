"""What a reviewer sees of one incident's plan, in one look: one value, drawn alike by the command line, the JSON API, the
console, Slack and notices.

It holds plain text as it was found, hostile or not: whoever draws it escapes it for its own medium. Times are UTC, and
``seconds_left`` counts from ``at``. What lies outside the reader's scope is left out and counted, never quietly dropped:
a reader is always told that there is more. ``api.web.reviewed`` makes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from knowledge.vocabulary import (
    ApprovalStatus,
    ApprovalVote,
    ConfidencePart,
    Gap,
    ManualStep,
    Noun,
    ObjectRef,
    OwnerPatch,
    PermissionCheck,
    ReversalKind,
    Role,
    Ruling,
    Text,
    Verdict,
)

DryRunOutcome = Literal["ok", "failed", "depends", "not_tried", ""]


class DiffLine(Noun):
    """One line of what a step changes, without the mark in front of it. ``title``: the object; ``field``: which field the
    removed and added lines under it are of; ``note``: what is worth saying (the revision that a rollback goes to)."""

    kind: Literal["title", "field", "removed", "added", "note"]
    text: str


class FieldBack(Noun):
    """A field that the undo puts back; ``value`` as JSON, None: it was not there and goes again."""

    field: str
    value: str | None = None


class Undo(Noun):
    """What exactly takes a step back: ``said`` in a sentence, the requests by method and path, the fields that they restore."""

    kind: ReversalKind
    said: Text
    requests: tuple[str, ...] = ()
    fields: tuple[FieldBack, ...] = ()
    fields_left_out: int = 0


class StepView(Noun):
    """One step. ``is_hidden``: it touches what lies outside the reader's scope; then only its number and whether it reads
    are told. ``line`` is the canonical script line; ``script_line`` where it stands in the script, from 1."""

    index: int
    is_read: bool
    is_hidden: bool = False
    line: str = ""
    script_line: int = 0
    target: ObjectRef | None = None
    changes: tuple[DiffLine, ...] = ()
    lines_left_out: int = 0
    requests: tuple[str, ...] = ()
    depends_on: tuple[int, ...] = ()
    dry_run: DryRunOutcome = ""
    dry_run_message: str = ""
    server_warnings: tuple[str, ...] = ()
    undo: Undo | None = None
    """None for a step that only reads."""


class RuleSaid(Noun):
    """What one rule says, and of which step (None: of the plan)."""

    rule: str
    ruling: Ruling
    step: int | None = None
    message: Text


class BudgetView(Noun):
    """A disruption budget over pods that feel the change; ``allowed`` is how many more of its pods may leave now."""

    name: str
    allowed: int

    @property
    def is_exhausted(self) -> bool:
        return self.allowed == 0


class Felt(Noun):
    """Who feels it. The numbers are of the whole plan; names are of the first, and of what is within the reader's scope."""

    is_known: bool
    """False: there was no cluster at hand, so nobody knows."""
    pods: int = 0
    replicas: int = 0
    pod_names: tuple[str, ...] = ()
    pods_left_out: int = 0
    services: tuple[str, ...] = ()
    services_left_out: int = 0
    nodes: tuple[str, ...] = ()
    budgets: tuple[BudgetView, ...] = ()
    budgets_left_out: int = 0


class ApprovalView(Noun):
    """The request as it stands. ``still_needed`` persons have to say yes yet; ``named``: of each group of patterns one."""

    id: str
    status: ApprovalStatus
    needed: int
    still_needed: int
    votes: tuple[ApprovalVote, ...] = ()
    requester: str = ""
    asked_at: datetime
    expires_at: datetime
    seconds_left: int | None = None
    """Until the request is a no; None when it no longer waits."""
    approved_at: datetime | None = None
    holds_until: datetime | None = None
    hold_seconds_left: int | None = None
    """Until the approval is void if nothing has run on it; None when there is none."""
    reason: str = ""
    is_glass_broken: bool = False
    told: tuple[str, ...] = ()


class MayVote(Noun):
    """Whether the reader may vote, and if not, why. ``may_break_glass``: alone, with a reason."""

    may: bool
    why_not: Text | None = None
    may_break_glass: bool = False


class Rival(Noun):
    """A cause that came close, and how close."""

    title: Text
    fault: str
    object: ObjectRef
    score: float


class Certainty(Noun):
    """How sure the diagnosis is. ``is_hidden``: there is one, but its cause lies outside the reader's scope."""

    is_hidden: bool = False
    verdict: Verdict | None = None
    summary: Text | None = None
    confidence: float = 0.0
    parts: tuple[ConfidencePart, ...] = ()
    """What moved it; what did not apply is left out."""
    rests_on: Literal["cluster", "paste"] = "cluster"
    cause: Rival | None = None
    runner_up: Rival | None = None
    gaps: tuple[Gap, ...] = ()
    gaps_left_out: int = 0


class ReviewView(Noun):
    """Everything that a reviewer needs of one plan."""

    incident_id: str
    plan_id: str
    review_id: str
    cluster: str
    digest: str
    """What a vote binds to: it is sent back with the vote."""
    reviewed_at: datetime
    at: datetime
    """When this was looked at: what every ``seconds_left`` counts from."""

    ruling: Ruling
    said: Text
    """The ruling in words: ``needs two approvers``."""
    approvers_needed: int | None
    """0: runs by itself; None: nobody can approve it."""
    approver_role: Role = Role.APPROVER
    approvers_named: tuple[tuple[str, ...], ...] = ()
    """Who the service profiles ask for besides role and scope: of each group of patterns one."""

    script: str
    """Canonical; empty where there are only manual steps, and where a step is hidden from this reader."""
    written_by: str
    requester: str = ""
    reason: str = ""
    steps: tuple[StepView, ...] = ()
    manual_steps: tuple[ManualStep, ...] = ()
    hidden_steps: int = 0

    rules: tuple[RuleSaid, ...] = ()
    """The strictest first: that is the one which decides."""
    topology_note: Text | None = None
    """Set when a target lies outside the topology of what was diagnosed."""
    owner_notes: tuple[RuleSaid, ...] = ()
    """The rules' words about who would write a change back; they stand among ``rules`` too."""
    owner_patches: tuple[OwnerPatch, ...] = ()
    rights_note: Text | None = None
    """Of the executor's own rights: more than it should have and accepted, or why it will refuse."""
    permissions: tuple[PermissionCheck, ...] = ()
    permissions_left_out: int = 0
    felt: Felt
    warnings: tuple[Text, ...] = ()
    open_points: tuple[Text, ...] = ()
    """What only a cluster, or an executor, could have told: it never lowered the ruling."""
    notes_left_out: int = 0
    """Rules' words, warnings and open points that speak of what lies outside the reader's scope."""

    certainty: Certainty | None = None
    """None: nothing was diagnosed."""
    approval: ApprovalView | None = None
    may_vote: MayVote | None = None
