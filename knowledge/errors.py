"""Every error that opsdesk raises on purpose, and what to do about each.

The verdict is in the parent, so that a caller decides without knowing the leaf::

    OpsdeskError
    |- Temporary                      try again later; nothing was decided
    |  |- ClusterUnreachable          no answer from a Kubernetes API server
    |  |- ClusterBusy                 429 or 503 with Retry-After
    |  |- MetricsUnreachable          no answer from Prometheus
    |  |- LogsUnreachable             no answer from where the site keeps its logs
    |  |- ModelUnavailable            chat model down, slow, or over its rate
    |  |- LedgerBusy                  a lock on the ledger was not had in time
    |  |- LedgerUnreachable           no answer from the ledger's database server
    |  |- IndexUnavailable            the search index is torn or being rebuilt
    |  `- WriteUnanswered             a write went out and no answer came: its outcome is unknown
    |- Permanent                      trying again changes nothing; a person has to act
    |  |- BadInput                    a payload, file, script or option that cannot be read
    |  |  |- MalformedAlert
    |  |  |- MalformedCase
    |  |  |- MalformedDetector
    |  |  |- MalformedDocument
    |  |  |- MalformedPolicy
    |  |  `- MalformedSettings
    |  |- NotFound                    no such incident, plan, case, cluster, object ...
    |  |  |- UnknownCluster
    |  |  |- ObjectNotFound
    |  |  `- UnknownThread            a graph thread that was never started
    |  |- LedgerUnusable              the ledger's database is of another schema, half-migrated, damaged, full or not ours
    |  |- AccessDenied                the other system says no to our identity (401, 403)
    |  |- AnswerTooLarge              more than the bound for one read
    |  |- ModelAnswerInvalid          the chat model's answer fits no schema after its retries
    |  |- BudgetSpent                 the incident's token, cost or time budget is used up
    |  `- WriteRejected               the API server refused a write (409, 422, ...), nothing changed
    `- Refused                        opsdesk itself says no, and says which rule
       |- NotAuthenticated
       |- NotAuthorised               the principal lacks the role or the scope
       |- ScriptRefused               the script cannot be translated; has line and column
       |- PlanForbidden               a safety rule forbids it, whoever approves
       |- PlanChangedAfterApproval    the digest or a target is not the one that was approved
       |- ApprovalExpired
       |- ApprovalAlreadyUsed
       |- ApproverIsRequester
       |- BreakGlassRefused           not for this plan, or without a reason
       |- WrongState                  the lifecycle does not allow this now
       |  `- ApprovalVoid             an approver has lost the role or the scope since, or the plan was withdrawn
       |- WaitedTooLong               a person was waited for until the time was up: that is a no
       |- LeaseLost                   another worker holds the fencing token now
       |- ModeForbids                 read-only or propose mode
       |- Frozen                      `opsdesk freeze` is on
       `- RateLimited                 the target's rate limit or change budget is used up

An exception outside this tree is a bug: it stops the incident and is shown to a human.
"""

from __future__ import annotations


class OpsdeskError(Exception):
    """Root of the tree. ``next_step`` tells a person what to do; it is shown beside the message on every face."""

    title = "opsdesk error"

    def __init__(self, message: str, *, next_step: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.retry_after_seconds = retry_after_seconds


class Temporary(OpsdeskError):
    """Nothing was decided; the same call may succeed later."""

    title = "temporarily unavailable"


class ClusterUnreachable(Temporary):
    title = "cluster unreachable"


class ClusterBusy(Temporary):
    title = "cluster busy"


class MetricsUnreachable(Temporary):
    title = "metrics unreachable"


class LogsUnreachable(Temporary):
    title = "logs unreachable"


class ModelUnavailable(Temporary):
    """``tokens`` and ``cost`` are what was spent before it failed."""

    title = "model unavailable"
    tokens = 0
    cost = 0.0


class LedgerBusy(Temporary):
    title = "ledger busy"


class LedgerUnreachable(Temporary):
    title = "ledger unreachable"


class IndexUnavailable(Temporary):
    title = "search index unavailable"


class WriteUnanswered(Temporary):
    """The request may or may not have been carried out: re-read the target before anything else."""

    title = "write unanswered"


class Permanent(OpsdeskError):
    """The same call will fail again until a person changes something."""

    title = "cannot be done"


class BadInput(Permanent):
    title = "bad input"

    def __init__(
        self, message: str, *, next_step: str = "", source: str = "", line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.source = source
        self.line = line
        self.column = column


class MalformedAlert(BadInput):
    title = "malformed alert"


class MalformedCase(BadInput):
    title = "malformed case"


class MalformedDetector(BadInput):
    title = "malformed detector"


class MalformedDocument(BadInput):
    title = "malformed document"


class MalformedPolicy(BadInput):
    title = "malformed policy"


class MalformedSettings(BadInput):
    title = "malformed settings"


class NotFound(Permanent):
    title = "not found"


class UnknownCluster(NotFound):
    title = "unknown cluster"


class ObjectNotFound(NotFound):
    title = "object not found"


class UnknownThread(NotFound):
    title = "unknown thread"


class LedgerUnusable(Permanent):
    title = "ledger unusable"


class AccessDenied(Permanent):
    title = "access denied by the other system"


class AnswerTooLarge(Permanent):
    title = "answer too large"


class ModelAnswerInvalid(Permanent):
    """``tokens`` and ``cost`` are what the answers cost that were of no use."""

    title = "model answer invalid"
    tokens = 0
    cost = 0.0


class BudgetSpent(Permanent):
    title = "budget spent"


class WriteRejected(Permanent):
    """The API server answered no. ``status`` is its HTTP code, ``reason`` the Status reason."""

    title = "write rejected"

    def __init__(self, message: str, *, status: int, reason: str = "", next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.status = status
        self.reason = reason


class Refused(OpsdeskError):
    """opsdesk's own no."""

    title = "refused"


class NotAuthenticated(Refused):
    title = "not authenticated"


class NotAuthorised(Refused):
    title = "not authorised"


class ScriptRefused(Refused):
    """``line`` and ``column`` are 1-based positions in the script; ``expected`` says what would have been accepted."""

    title = "script refused"

    def __init__(self, message: str, *, line: int, column: int, expected: str = "", next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.line = line
        self.column = column
        self.expected = expected


class PlanForbidden(Refused):
    title = "plan forbidden"


class PlanChangedAfterApproval(Refused):
    title = "plan changed after approval"


class ApprovalExpired(Refused):
    title = "approval expired"


class ApprovalAlreadyUsed(Refused):
    title = "approval already used"


class ApproverIsRequester(Refused):
    title = "approver is requester"


class BreakGlassRefused(Refused):
    title = "break-glass refused"


class WrongState(Refused):
    title = "wrong state"


class ApprovalVoid(WrongState):
    title = "approval void"


class WaitedTooLong(Refused):
    title = "waited too long"


class LeaseLost(Refused):
    title = "lease lost"


class ModeForbids(Refused):
    title = "mode forbids"


class Frozen(Refused):
    title = "frozen"


class RateLimited(Refused):
    title = "rate limited"
