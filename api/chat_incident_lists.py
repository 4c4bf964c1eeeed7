"""The chat's lists of incidents and approvals, within the asker's scope."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from agent.chat.asking import Asking, answered, headline, offers, said
from agent.chat.reply import Offer, Part, Rows
from agent.chat.understood import Understood
from api.bootstrap import Desk
from api.chat_incident import MOST_LISTED, reference_to
from api.web.deciding import may_decide
from api.web.dossier import title_within
from knowledge.ledger.lifecycle import ENDS
from knowledge.vocabulary import Incident, IncidentStatus, Principal, Severity


async def answer_incidents(asked: Understood, asking: Asking, desk: Desk, principal: Principal) -> AsyncIterator[Part]:
    if asked.filter == "approvals":
        for part in await asyncio.to_thread(_waiting, desk, principal, asking):
            yield part
        return
    found = await asyncio.to_thread(_listed, asked, desk, principal)
    asking.places.add("*")
    what = _what(asked, asking)
    if not found:
        yield said(asking.text(f"No incidents {what}.", f"没有{what}事件。"))
        return
    more = asking.text(" or more", " 或更多") if len(found) > MOST_LISTED else ""
    yield said(
        asking.text(
            f"{min(len(found), MOST_LISTED)}{more} incidents {what}, newest first.",
            f"{what}事件 {min(len(found), MOST_LISTED)} 个{more}，最新在前。",
        )
    )
    yield answered(_rows(found[:MOST_LISTED], asking))
    for incident in found[:3]:
        yield answered(reference_to(incident))


def _listed(asked: Understood, desk: Desk, principal: Principal) -> list[Incident]:
    is_narrow = asked.filter in {"mine", "unassigned"} or bool(asked.namespace)
    found = desk.ledger.incidents.list(
        principal.scope,
        status=None if asked.filter in {"all", "mine"} else [one for one in IncidentStatus if one not in ENDS],
        severity=Severity(asked.severity) if asked.severity else None,
        service=asked.target.name if asked.target else None,
        limit=200 if is_narrow else MOST_LISTED + 1,
    )
    if asked.filter == "mine":
        found = [one for one in found if principal.id in {one.assignee, one.requester}]
    if asked.filter == "unassigned":
        found = [one for one in found if not one.assignee]
    if asked.namespace:
        found = [one for one in found if one.namespace == asked.namespace]
    return [title_within(principal, one) for one in found]


def _what(asked: Understood, asking: Asking) -> str:
    words = {
        "mine": asking.text("of yours", "您的"),
        "open": asking.text("that are open", "未结束的"),
        "unassigned": asking.text("without an assignee", "无人负责的"),
    }
    place = asked.target.name if asked.target else asked.namespace
    parts = [
        words.get(asked.filter, ""),
        asking.text(f"of severity {asked.severity}", f"{asked.severity} 级") if asked.severity else "",
        asking.text(f"of {place}", f"{place} 的") if place else "",
    ]
    return (" " if asking.language.value == "en" else "").join(part for part in parts if part) or asking.text(
        "in your scope", "您可见的"
    )


def _rows(found: Sequence[Incident], asking: Asking) -> Rows:
    columns = asking.text(
        "incident,title,status,severity,where,assignee,opened", "事件,标题,状态,级别,位置,负责人,打开时间"
    ).split(",")
    rows = tuple(
        (one.id, one.title, one.status.value, one.severity.value, "/".join(part for part in (one.cluster, one.namespace, one.service) if part), one.assignee or "–", asking.at(one.opened_at))
        for one in found
    )  # fmt: skip
    return Rows(title=asking.text("Incidents", "事件"), columns=tuple(columns), rows=rows)


def _waiting(desk: Desk, principal: Principal, asking: Asking) -> list[Part]:
    """What waits for anybody in scope, and which of it this person may decide."""
    rows, references, mine = [], [], 0
    for request in desk.ledger.approvals.waiting(principal.scope)[: MOST_LISTED * 2]:
        incident = desk.ledger.incidents.get(request.incident_id)
        if not principal.scope.allows(cluster=incident.cluster, namespace=incident.namespace, service=incident.service):
            continue
        may = may_decide(desk, principal, request, incident)
        mine += may.may
        shown = title_within(principal, incident)
        verdict = asking.text("yes", "是") if may.may else asking.of(may.why_not) if may.why_not else "–"
        rows.append(
            (incident.id, shown.title, f"{len(request.votes)}/{request.needed}", asking.at(request.expires_at), verdict)
        )
        if may.may:
            references.append(reference_to(shown))
    if not rows:
        return [
            said(
                asking.text("Nothing waits for an approval in your scope.", "您的权限范围内没有待审批的内容。"),
                tone="good",
            )
        ]
    columns = asking.text("incident,title,votes,waits until,may you decide", "事件,标题,票数,截止,您可审批").split(",")
    text = asking.text(
        f"{len(rows)} plans wait for approval, {mine} of them for you.",
        f"有 {len(rows)} 个方案待审批，其中 {mine} 个您可以审批。",
    )
    return [
        said(text, tone="warning" if mine else "plain"),
        answered(
            Rows(
                title=asking.text("Waiting for approval", "待审批"),
                columns=tuple(columns),
                rows=tuple(rows[:MOST_LISTED]),
                left_out=max(0, len(rows) - MOST_LISTED),
            )
        ),
        *(answered(one) for one in references[:3]),
    ]


def which_incident(found: Sequence[Incident], asking: Asking) -> list[Part]:
    parts: list[Part] = [
        said(asking.text("Which incident? Name its id (inc-...).", "哪个事件？请给出编号（inc-...）。"), tone="warning")
    ]
    if found:
        parts.append(
            offers(
                *(
                    Offer(
                        label=headline(one.title, 60),
                        does="say",
                        text=asking.text(f"summary of {one.id}", f"{one.id} 的总结"),
                    )
                    for one in found[:4]
                )
            )
        )
    return parts
