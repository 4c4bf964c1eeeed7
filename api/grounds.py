"""What an execution stands on, read from the ledger by the executor itself: that the frozen steps are those which the digest is
of, and that persons approved exactly them. Whoever wrote an execution into the ledger without an approval, or steps into a
review that was approved, has changed nothing that runs."""

from __future__ import annotations

from knowledge.errors import NotAuthorised, NotFound, PlanChangedAfterApproval
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalRequest, ApprovalStatus, Decision, Execution, Review, Ruling
from tools.review.review import digest


def check_grounds(execution: Execution, approved: Review, ledger: Ledger) -> None:
    """Raises PlanChangedAfterApproval for steps that are not those of the digest, NotAuthorised without an approval of it."""
    _check_steps(execution, approved)
    if not execution.approval_id and approved.ruling is Ruling.AUTO:
        return
    try:
        approval = ledger.approvals.get(execution.approval_id)
    except NotFound:
        raise NotAuthorised(
            f"{execution.id} names no approval, and its plan is ruled {approved.ruling.value}",
            next_step="ask for approval",
        ) from None
    _check_approval(execution, approved, approval)


def _check_steps(execution: Execution, approved: Review) -> None:
    of_steps = digest(approved.cluster, approved.steps)
    if {of_steps, approved.digest} != {execution.digest}:
        raise PlanChangedAfterApproval(
            "the steps in the ledger are not those that the digest was made of: somebody has changed them there",
            next_step="verify the audit (`opsdesk audit verify`), then reopen the incident for a new review",
        )
    if (approved.plan_id, approved.incident_id, approved.cluster) != (
        execution.plan_id,
        execution.incident_id,
        execution.cluster,
    ):
        raise PlanChangedAfterApproval(f"review {approved.id} is of another plan than {execution.id}")


def _check_approval(execution: Execution, approved: Review, approval: ApprovalRequest) -> None:
    of_this = (approval.plan_id, approval.incident_id, approval.cluster, approval.digest)
    if of_this != (execution.plan_id, execution.incident_id, execution.cluster, execution.digest):
        raise PlanChangedAfterApproval(f"{approval.id} approved another plan", next_step="ask for approval again")
    persons = {vote.person for vote in approval.votes if vote.decision is Decision.APPROVE}
    wanted = 1 if approval.is_glass_broken else max(approval.needed, approved.approvers_needed)
    is_no = any(vote.decision is Decision.REJECT for vote in approval.votes)
    if approval.status is not ApprovalStatus.USED or is_no or len(persons) < wanted:
        raise NotAuthorised(
            f"{approval.id} is {approval.status.value} with {len(persons)} of {wanted} approvers",
            next_step="ask for approval again",
        )
