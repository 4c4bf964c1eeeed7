"""Several notices as one: an incident's latest with what came before it, or a digest of many incidents."""

from __future__ import annotations

from collections.abc import Sequence

from api.notices.composing import filled, one_line
from api.notices.contract import Fact, Notice, NoticeKind
from api.web.words import WORDS
from knowledge.vocabulary import Text

MOST_IN_DIGEST = 40


def together(notices: Sequence[Notice], batch_id: str, incidents_page: str) -> Notice:
    """One notice for what goes to one place at once: of one incident its latest, with what came before it; of many a digest."""
    if len(notices) == 1:
        return notices[0]
    order = {one.id: place for place, one in enumerate(notices)}
    last = max(notices, key=lambda one: (one.is_page, one.at, order[one.id]))
    common = {
        "id": batch_id,
        "count": sum(one.count for one in notices),
        "severity": min((one.severity for one in notices), key=lambda one: one.rank),
        "is_page": any(one.is_page for one in notices),
        "at": max(one.at for one in notices),
    }
    if len({one.incident for one in notices}) == 1:
        return last.model_copy(update={**common, "body": _with_earlier(last, notices)})
    return _digest(notices, common, incidents_page)


def _with_earlier(last: Notice, notices: Sequence[Notice]) -> Text:
    earlier = [one for one in sorted(notices, key=lambda one: one.at) if one is not last]
    heading = WORDS["notices.earlier"]
    return Text(
        en="\n".join([last.body.en, "", f"{heading.en}:", *(_line(one, "en") for one in earlier)]).strip(),
        zh="\n".join([last.body.zh, "", f"{heading.zh}：", *(_line(one, "zh") for one in earlier)]).strip(),
    )


def _line(notice: Notice, language: str) -> str:
    words = getattr(WORDS[f"notices.{notice.kind.value}"], language)
    said = one_line(getattr(notice.body, language), 200)
    return f"- {notice.at:%H:%M} UTC {words}" + (f": {said}" if said else "")


def _digest(notices: Sequence[Notice], common: dict[str, object], incidents_page: str) -> Notice:
    """Each incident once, with the last that happened to it, the worst first."""
    latest: dict[str, Notice] = {}
    for one in sorted(notices, key=lambda one: one.at):
        latest[one.incident] = one
    ranked = sorted(latest.values(), key=lambda one: (one.severity.rank, one.at))
    shown, rest = ranked[:MOST_IN_DIGEST], len(ranked) - MOST_IN_DIGEST
    title = filled("notices.digest_title", count=common["count"], incidents=len(latest))
    tag = ranked[0].severity.value.upper()
    lines = {"en": [f"- {one.title.en} ({one.incident})" for one in shown],
             "zh": [f"- {one.title.zh}（{one.incident}）" for one in shown]}  # fmt: skip
    if rest > 0:
        more = filled("notices.digest_more", count=rest)
        lines["en"].append(more.en)
        lines["zh"].append(more.zh)
    return Notice(
        kind=NoticeKind.DIGEST,
        title=Text(en=f"[{tag}] {title.en}", zh=f"[{tag}] {title.zh}"),
        body=Text(en="\n".join(lines["en"]), zh="\n".join(lines["zh"])),
        facts=(Fact(name=WORDS["notices.digest_kinds"], value=_counted(notices)),),
        link=incidents_page,
        **common,  # type: ignore[arg-type]
    )


def _counted(notices: Sequence[Notice]) -> Text:
    tally: dict[NoticeKind, int] = {}
    for one in notices:
        tally[one.kind] = tally.get(one.kind, 0) + 1
    ranked = sorted(tally.items(), key=lambda pair: -pair[1])
    return Text(
        en=", ".join(f"{count} x {WORDS[f'notices.{kind.value}'].en}" for kind, count in ranked),
        zh="，".join(f"{count} × {WORDS[f'notices.{kind.value}'].zh}" for kind, count in ranked),
    )
