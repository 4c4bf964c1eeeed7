"""What is said of a happening, in both languages, from what the ledger knows at this moment. It judges nothing and routes
nothing; of telemetry it passes on one line of text, without control characters."""

from __future__ import annotations

from datetime import datetime

from api.notices.contract import Fact, Notice, NoticeKind
from api.web.words import WORDS
from knowledge.errors import NotFound, OpsdeskError
from knowledge.ledger.happenings import Happening
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalRequest, Incident, Severity, Text

LONGEST_TITLE, LONGEST_BODY, LONGEST_SCRIPT = 200, 2_000, 2_000
_ASKS = frozenset({NoticeKind.WAITING_FOR_APPROVAL, NoticeKind.APPROVAL_EXPIRING})
_ABOUT_APPROVAL = _ASKS | {NoticeKind.APPROVAL_EXPIRED, NoticeKind.DECIDED, NoticeKind.BREAK_GLASS}
_WITH_DIAGNOSIS = _ASKS | {
    NoticeKind.HANDED_OVER,
    NoticeKind.FAILED,
    NoticeKind.BREAK_GLASS,
    NoticeKind.APPROVAL_EXPIRED,
}


class Composer:
    """``page_of`` gives the absolute address of an incident's page, empty when the desk was told none."""

    def __init__(self, ledger: Ledger, public_url: str) -> None:
        self._ledger = ledger
        self._public_url = public_url.rstrip("/")

    def page_of(self, incident_id: str) -> str:
        return f"{self._public_url}/incidents/{incident_id}" if self._public_url else ""

    def notice(self, happening: Happening) -> Notice | None:
        """None when its incident is not in the ledger any more. Blocking."""
        try:
            incident = self._ledger.incidents.get(happening.incident_id)
        except NotFound:
            return None
        kind = NoticeKind(happening.kind.value)
        is_page = happening.is_page or (kind is NoticeKind.HANDED_OVER and self._is_urgent(incident))
        return self._told(
            incident,
            kind,
            id=happening.id,
            subject=happening.subject,
            said=happening.said,
            is_page=is_page,
            at=happening.at,
        )

    def still_waiting(
        self, request: ApprovalRequest, incident: Incident, minutes: int, id: str, at: datetime
    ) -> Notice:
        """A step of an escalation."""
        said = filled("notices.waited", minutes=minutes)
        return self._told(incident, NoticeKind.APPROVAL_EXPIRING, id=id, subject=request.id, said=said, at=at)

    def executor_silent(self, incident_id: str, execution_id: str, holder: str, id: str) -> Notice | None:
        try:
            incident = self._ledger.incidents.get(incident_id)
        except NotFound:
            return None
        said = filled("notices.silent", holder=holder, execution=execution_id)
        at = incident.updated_at
        return self._told(incident, NoticeKind.FAILED, id=id, subject=execution_id, said=said, is_page=True, at=at)

    def _is_urgent(self, incident: Incident) -> bool:
        """A person has to take over now where the desk has changed something, and where it is critical."""
        if incident.severity is Severity.CRITICAL:
            return True
        return any(one.started_at is not None for one in self._ledger.executions.for_incident(incident.id))

    def _told(
        self,
        incident: Incident,
        kind: NoticeKind,
        *,
        id: str,
        subject: str,
        said: Text,
        at: datetime,
        is_page: bool = False,
    ) -> Notice:
        return Notice(
            id=id,
            kind=kind,
            incident=incident.id,
            incident_title=one_line(incident.title, LONGEST_TITLE),
            subject=subject,
            severity=incident.severity,
            service=incident.service,
            namespace=incident.namespace,
            cluster=incident.cluster,
            is_page=is_page,
            title=_title(incident, kind),
            body=Text(en=said.en[:LONGEST_BODY], zh=said.zh[:LONGEST_BODY]),
            facts=tuple(self._facts(incident, kind, subject)),
            link=self.page_of(incident.id),
            at=at,
        )

    def _facts(self, incident: Incident, kind: NoticeKind, subject: str) -> list[Fact]:
        where = " / ".join(part for part in (incident.cluster, incident.namespace, incident.service) if part)
        facts = [_fact("where", where), _fact("incident", incident.id), _moment("opened", incident.opened_at)]
        try:
            if kind in _WITH_DIAGNOSIS:
                facts += self._diagnosis(incident.id)
            if kind in _ABOUT_APPROVAL and subject:
                facts += self._approval(kind, subject)
        except OpsdeskError:  # a notice with fewer facts is better than none
            return facts
        return facts

    def _diagnosis(self, incident_id: str) -> list[Fact]:
        diagnosis = self._ledger.diagnoses.latest(incident_id)
        if diagnosis is None:
            return []
        told = Text(en=one_line(diagnosis.summary.en, 500), zh=one_line(diagnosis.summary.zh, 500))
        found = [Fact(name=WORDS["notices.fact_diagnosis"], value=told)]
        if diagnosis.chosen is not None:
            found.append(_fact("confidence", f"{diagnosis.confidence:.0%}"))
        return found

    def _approval(self, kind: NoticeKind, approval_id: str) -> list[Fact]:
        request = self._ledger.approvals.get(approval_id)
        votes = ", ".join(f"{vote.principal}: {vote.decision.value}" for vote in request.votes)
        facts = [_fact("votes", votes)] if votes else []
        if kind in _ASKS:
            facts += [
                _moment("asked", request.asked_at),
                _moment("until", request.expires_at),
                _fact("approvers", str(request.needed)),
            ]
        if kind in _ASKS or kind is NoticeKind.BREAK_GLASS:
            facts.append(_fact("script", self._ledger.plans.get(request.plan_id).script[:LONGEST_SCRIPT]))
        return facts


def filled(key: str, **values: object) -> Text:
    """Words of the catalogue in both languages, with ``{name}`` filled."""
    words = WORDS[key]
    return Text(en=words.en.format(**values), zh=words.zh.format(**values))


def one_line(text: str, longest: int) -> str:
    """For a subject or a title: no line break, no control character, no endless text."""
    shown = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _title(incident: Incident, kind: NoticeKind) -> Text:
    words = WORDS[f"notices.{kind.value}"]
    about = one_line(incident.title, LONGEST_TITLE - 60)
    tag = incident.severity.value.upper()
    return Text(en=f"[{tag}] {words.en}: {about}", zh=f"[{tag}] {words.zh}：{about}")


def _fact(name: str, value: str) -> Fact:
    return Fact(name=WORDS[f"notices.fact_{name}"], value=Text(en=value, zh=value))


def _moment(name: str, at: datetime) -> Fact:
    told = f"{at:%Y-%m-%d %H:%M} UTC"
    return Fact(name=WORDS[f"notices.fact_{name}"], value=Text(en=told, zh=told), at=at)
