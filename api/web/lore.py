"""What people do with what the desk knows: propose a case, say yes or no to one, bring in files. Blocking, like ``acts``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from api.bootstrap import Desk, utc_now
from api.web import acts
from api.web.access import known_id, may_see, require
from api.web.scoping import HIDDEN, names_outside, narrowed
from knowledge.case_file import parse_case
from knowledge.errors import BadInput, NotAuthorised, NotFound
from knowledge.ingest import FileOutcome, ImportReport, OnFile
from knowledge.ledger.ids import new_id
from knowledge.vocabulary import Case, Lesson, Principal, Role
from tools.redaction import redact_text
from tools.script.placeholders import validate_template

MOST_CASE_CHARACTERS = 200_000
MOST_FILES = 200
MOST_UPLOAD_BYTES = 50_000_000


class CaseOrder(acts.Order):
    markdown: Annotated[str, Field(max_length=MOST_CASE_CHARACTERS), AfterValidator(acts.storable)] = Field(
        description="A whole case: Markdown with front matter."
    )


class LessonDecision(acts.Order):
    decision: Literal["accept", "reject"]
    markdown: Annotated[str, Field(max_length=MOST_CASE_CHARACTERS), AfterValidator(acts.storable)] = Field(
        "", description="The case as edited; empty: as it was proposed."
    )


@dataclass(frozen=True)
class Upload:
    """A file as a browser sent it: its name is a label, never a path."""

    name: str
    body: bytes


def lessons_within(desk: Desk, principal: Principal, status: str = "proposed", limit: int = 100) -> list[Lesson]:
    """Of incidents that the reader may see, and of people."""
    found = desk.ledger.lessons.list(status, limit=limit)
    return [_shown(desk, principal, one) for one in found if _is_within(desk, principal, one)]


def lesson_within(desk: Desk, principal: Principal, lesson_id: str) -> Lesson:
    lesson = desk.ledger.lessons.get(known_id(lesson_id, "lesson"))
    if not _is_within(desk, principal, lesson):
        raise NotFound(f"there is no lesson {lesson_id}")
    return _shown(desk, principal, lesson)


def propose(desk: Desk, principal: Principal, order: CaseOrder) -> Lesson:
    """A person's case waits for another person's yes. MalformedCase names what is wrong with it, line by line."""
    require(principal, Role.RESPONDER)
    markdown = redact_text(order.markdown)
    case = parse_case(markdown, validate_template, source="the proposal")
    now = utc_now()
    return desk.ledger.lessons.propose(
        Lesson(id=new_id("les", now), proposed_by=principal.id, case_id=case.id, markdown=markdown, created_at=now)
    )


def decide(desk: Desk, principal: Principal, lesson_id: str, order: LessonDecision) -> Lesson:
    """A yes puts the case into the library at once. What one proposed is another's to accept: what the desk knows steers
    what it proposes to others."""
    if not any(principal.may(role) for role in (Role.RESPONDER, Role.APPROVER)):
        require(principal, Role.RESPONDER)
    lesson = lesson_within(desk, principal, lesson_id)
    if lesson.markdown == HIDDEN.en:
        raise NotAuthorised("it concerns what lies outside your scope", next_step="ask somebody who sees all of it")
    if order.decision == "reject":
        return desk.ledger.lessons.decide(lesson.id, "rejected", principal)
    people = desk.ledger.principals
    if lesson.proposed_by and people.person_behind(lesson.proposed_by) == people.person_behind(principal.id):
        raise NotAuthorised("this is your own proposal", next_step="somebody else has to accept it")
    markdown = redact_text(order.markdown) if order.markdown.strip() else lesson.markdown
    case = parse_case(markdown, validate_template, source=lesson.id)
    _require_services(desk, principal, case)
    decided = desk.ledger.lessons.decide(lesson.id, "accepted", principal, markdown)
    desk.library.add_case(case, markdown, source=f"lesson {lesson.id}")
    return decided


def case_of(lesson: Lesson) -> str:
    """The id of the case that a decided lesson holds: whoever accepted it may have named it anew."""
    return parse_case(lesson.markdown, validate_template, source=lesson.id).id


def take_in(
    desk: Desk, principal: Principal, files: Sequence[Upload], on_progress: OnFile | None = None
) -> ImportReport:
    """Cases and documents from a browser. A broken file is named with its line; the others go in."""
    require(principal, Role.ADMIN)
    if len(files) > MOST_FILES:
        raise BadInput(f"at most {MOST_FILES} files at a time", next_step="use opsdesk kb import FOLDER on the server")
    if sum(len(one.body) for one in files) > MOST_UPLOAD_BYTES:
        raise BadInput("these files are too large together", next_step="use opsdesk kb import FOLDER on the server")
    outcomes: list[FileOutcome] = []
    with tempfile.TemporaryDirectory(prefix="opsdesk-import-") as folder:
        for number, file in enumerate(files, start=1):
            path = Path(folder) / str(number) / _file_name(file.name)
            path.parent.mkdir()
            path.write_bytes(file.body)
            found = desk.library.import_path(path, source=f"{principal.id}: {file.name[:200]}").files[0]
            outcome = FileOutcome(
                file.name[:200], found.outcome, found.entries, _told(found.reason, path, file), found.line
            )
            outcomes.append(outcome)
            if on_progress:
                on_progress(number, len(files), outcome)
    desk.ledger.audit.append(
        principal.id,
        "library.import",
        f"{len(files)} files",
        {one: sum(o.outcome == one for o in outcomes) for one in ("added", "updated", "failed")},
    )
    return ImportReport(tuple(outcomes))


def case_within(desk: Desk, principal: Principal, case_id: str) -> tuple[Case, str]:
    """A case and its Markdown, when the reader's scope covers one of its services."""
    known_id(case_id, "case")
    is_within = any(row.key[1] == case_id and row.is_within(principal.scope) for row in desk.library.entries("cases"))
    markdown = desk.library.case_markdown(case_id) if is_within else None
    if markdown is None:
        raise NotFound(f"there is no case {case_id}", next_step="opsdesk kb list shows them")
    return parse_case(markdown, source=case_id), markdown


def _require_services(desk: Desk, principal: Principal, case: Case) -> None:
    """A case steers what is proposed for its services (one that names none: for all): accepting it, or replacing one of the
    same id, is a matter of who has them."""
    if "*" in principal.scope.services:
        return
    before = [row.services for row in desk.library.entries("cases") if row.key[1] == case.id]
    for services in (case.services, *before):
        if not services or not all(principal.scope.allows(service=one) for one in services):
            named = ", ".join(services) or "every service"
            raise NotAuthorised(f"{case.id} is of {named}: more than your scope", next_step="ask somebody who has them")


def _shown(desk: Desk, principal: Principal, lesson: Lesson) -> Lesson:
    """An incident's lesson may name what lies outside the reader's scope: then its text is not shown."""
    if not lesson.incident_id or principal.scope.is_everything:
        return lesson
    incident = desk.ledger.incidents.get(lesson.incident_id)
    outside = names_outside(desk, principal, incident)
    markdown = narrowed(lesson.markdown, principal.scope, incident.cluster, outside)
    return lesson.model_copy(update={"markdown": markdown or HIDDEN.en})


def _is_within(desk: Desk, principal: Principal, lesson: Lesson) -> bool:
    return not lesson.incident_id or may_see(desk, principal, desk.ledger.incidents.get(lesson.incident_id))


def _file_name(given: str) -> str:
    """The last part of whatever the browser called it, so that its suffix tells what it is."""
    name = PurePosixPath(given.replace("\\", "/")).name.strip(". ")
    return name[-100:] or "file"


def _told(reason: str, path: Path, file: Upload) -> str:
    return reason.replace(f"{path}: ", "").replace(str(path), file.name[:200])
