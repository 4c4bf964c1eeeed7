"""Plans and their reviews. Both are written once; only a manual step's tick is added later."""

from __future__ import annotations

from sqlalchemy import select

from knowledge.errors import NotFound, WrongState
from knowledge.ledger.rows.work import PlanRow, ReviewRow
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.timeline import locked_incident, tell
from knowledge.vocabulary import Plan, Principal, Review, Text


class Plans:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, plan: Plan) -> None:
        """Keeps a plan. The same plan again changes nothing; another one under its id is refused: WrongState."""
        with self._store.write() as writing:
            locked_incident(writing, plan.incident_id)
            payload = plan.model_dump(mode="json")
            known = writing.session.get(PlanRow, plan.id)
            if known is not None:
                if known.payload != payload:
                    raise WrongState(
                        f"the plan {plan.id} exists and is another", next_step="give the new plan a new id"
                    )
                return
            writing.session.add(
                PlanRow(
                    id=plan.id,
                    incident_id=plan.incident_id,
                    cluster=plan.cluster,
                    created_at=plan.created_at,
                    payload=payload,
                )
            )
            writing.audit(plan.written_by, "plan.put", plan.id, incident=plan.incident_id, script=plan.script)

    def get(self, id: str) -> Plan:
        with self._store.read() as session:
            row = session.get(PlanRow, id)
        if row is None:
            raise NotFound(f"there is no plan {id}", next_step="opsdesk incident show names its plans")
        return Plan.model_validate(row.payload)

    def for_incident(self, incident_id: str) -> list[Plan]:
        """Newest first."""
        with self._store.read() as session:
            rows = session.scalars(select(PlanRow).where(PlanRow.incident_id == incident_id)).all()
        ordered = sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)
        return [Plan.model_validate(row.payload) for row in ordered]

    def tick(self, plan_id: str, index: int, principal: Principal) -> Plan:
        """A person says that manual step ``index`` is done. NotFound for no such step, WrongState when it was ticked."""
        with self._store.write() as writing:
            row = writing.session.get(PlanRow, plan_id, with_for_update=True)
            if row is None:
                raise NotFound(f"there is no plan {plan_id}", next_step="opsdesk incident show names its plans")
            plan = Plan.model_validate(row.payload)
            step = next((each for each in plan.manual_steps if each.index == index), None)
            if step is None:
                raise NotFound(
                    f"plan {plan_id} has no manual step {index}", next_step="opsdesk incident show lists them"
                )
            if step.done_by:
                raise WrongState(f"step {index} was ticked by {step.done_by}", next_step="nothing is left to do for it")
            ticked = step.model_copy(update={"done_by": principal.id, "done_at": writing.at})
            steps = tuple(ticked if each.index == index else each for each in plan.manual_steps)
            plan = plan.model_copy(update={"manual_steps": steps})
            row.payload = plan.model_dump(mode="json")
            incident = locked_incident(writing, plan.incident_id)
            said = Text(en=f"done: {step.instruction.en}", zh=f"已完成：{step.instruction.zh}")
            tell(writing, incident, "manual_step", principal.id, said, {"plan": plan_id, "index": index})
            writing.audit(principal.id, "plan.tick", plan_id, index=index)
            return plan


class Reviews:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, review: Review) -> None:
        with self._store.write() as writing:
            keep_review(writing, review)

    def get(self, id: str) -> Review:
        with self._store.read() as session:
            row = session.get(ReviewRow, id)
        if row is None:
            raise NotFound(f"there is no review {id}", next_step="opsdesk incident show names its reviews")
        return Review.model_validate(row.payload)

    def latest_for_plan(self, plan_id: str) -> Review | None:
        with self._store.read() as session:
            rows = session.scalars(select(ReviewRow).where(ReviewRow.plan_id == plan_id)).all()
        newest = max(rows, key=lambda row: (row.reviewed_at, row.id), default=None)
        return None if newest is None else Review.model_validate(newest.payload)


def keep_review(writing: Writing, review: Review) -> None:
    """Writes a review, once. NotFound without its plan; WrongState for another review under a known id."""
    plan = writing.session.get(PlanRow, review.plan_id)
    if plan is None:
        raise NotFound(f"there is no plan {review.plan_id} for review {review.id}", next_step="put the plan first")
    if plan.incident_id != review.incident_id or plan.cluster != review.cluster:
        raise WrongState(
            f"review {review.id} is of another incident or cluster than its plan", next_step="review the plan anew"
        )
    payload = review.model_dump(mode="json")
    known = writing.session.get(ReviewRow, review.id)
    if known is not None:
        if Review.model_validate(known.payload) != review:  # by meaning: an older desk knew fewer fields
            raise WrongState(f"the review {review.id} exists and is another", next_step="give the new review a new id")
        return
    writing.session.add(
        ReviewRow(
            id=review.id,
            plan_id=review.plan_id,
            incident_id=review.incident_id,
            digest=review.digest,
            reviewed_at=review.reviewed_at,
            payload=payload,
        )
    )
    writing.session.flush()
    writing.audit("desk", "review.put", review.id, plan=review.plan_id, ruling=review.ruling, digest=review.digest)
