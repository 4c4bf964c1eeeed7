"""Fills a remedy's placeholders from a finding. A script that cannot be filled whole is not proposed as a script."""

from __future__ import annotations

import re
from collections.abc import Mapping

from knowledge.vocabulary import Remedy, Text
from tools.detectors.facts import filled_text
from tools.detectors.format import RemedyForm

MARK = re.compile(r"<([a-z_]+)>")
SAFE = re.compile(r"[\w./:@=+,%-]+")
"""What may go into a script unquoted. Facts partly come from logs: anything else is not put into a script at all."""

SAFE_QUOTED = re.compile(r'[\w./:@=+,%" -]+')
QUOTED_FACTS = frozenset({"nearest_labels"})
"""Facts that the desk composed itself from labels, for use within a quoted patch."""


def filled_remedy(form: RemedyForm, facts: Mapping[str, str]) -> Remedy:
    """The first script that can be filled; without one, its text becomes a manual step that says what is to be filled in."""
    manual = tuple(
        Text(en=filled_text(step.en, facts, "en"), zh=filled_text(step.zh, facts, "zh")) for step in form.manual
    )
    for choice in form.scripts:
        script = _filled_script(choice.script, facts)
        if script is not None and all(facts.get(name) for name in choice.needs):
            return Remedy(script=script, manual=manual)
    if form.scripts and not manual:
        text, _ = _partly_filled(form.scripts[-1].script, facts)
        open_marks = ", ".join(sorted(set(MARK.findall(text)))) or ", ".join(form.scripts[-1].needs)
        manual = (
            Text(
                en=f"Decide on {open_marks}, then propose this script: {text.strip()}",
                zh=f"先确定 {open_marks}，再提交此脚本：{text.strip()}",
            ),
        )
    return Remedy(manual=manual, none_reason=None if manual else form.none_reason)


def _filled_script(script: str, facts: Mapping[str, str]) -> str | None:
    text, is_whole = _partly_filled(script, facts)
    return text if is_whole else None


def _partly_filled(script: str, facts: Mapping[str, str]) -> tuple[str, bool]:
    is_whole = True

    def value_of(found: re.Match[str]) -> str:
        nonlocal is_whole
        name = found.group(1)
        value = facts.get(name, "")
        allowed = SAFE_QUOTED if name in QUOTED_FACTS else SAFE
        if not allowed.fullmatch(value):
            is_whole = False
            return found.group()
        return value

    return MARK.sub(value_of, script), is_whole
