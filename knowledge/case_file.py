"""One case is one Markdown file: YAML front matter, then four sections, each in English and Chinese.

::

    ---
    id: vllm-kv-cache-too-small            # small letters, digits, hyphens; the file is <id>.md
    kind: fault                            # fault | alert | optimisation
    layer: vllm                            # a value of knowledge.vocabulary.Layer
    services: []                           # services of your site the case is about; empty: it holds anywhere
    faults: [vllm-kv-cache-too-small]      # ids of detectors that find it
    alerts: [VllmEngineDown]               # names of alerts that announce it
    ask_for:                               # what to look at before believing it (commands or plain words)
      - kubectl logs <pod> -n <namespace> --previous
    sources:                               # where the knowledge comes from; at least one
      - https://docs.vllm.ai/en/latest/configuration/conserving_memory.html
    title:
      en: The KV cache does not fit into the GPU's memory
      zh: 显存放不下 KV 缓存
    ---

    ## Symptoms / 症状

    en: The engine exits at start-up. A text may run over
    several lines and paragraphs, up to the next `zh:` or the next heading.

    zh: 引擎启动时退出。

    ## Cause / 原因

    en: ...

    zh: ...

    ## Remedy / 处置

    ```kubectl
    kubectl set env deployment/<deployment> -n <namespace> MAX_MODEL_LEN=<value>
    ```

    1. en: Manual steps, after the script or instead of it: what only a human can do.
       zh: 只有人能做的步骤。

    ## Verification / 验证

    en: ...

    zh: ...

A remedy is one ``kubectl`` block, or numbered manual steps, or the block and then the steps, or, when there is nothing
to do, the line ``none:`` and then why, as ``en:`` and ``zh:``. Scripts carry ``<placeholders>`` (small letters,
digits, hyphens); the judge of scripts that is passed in (``tools.script.placeholders.validate_template``) fills them.

A line of text that would read as markup (``en:``, ``zh:``, ``none:``, a heading, a fence, a numbered step) is written
with a backslash before it; :func:`render_case` does so, and :func:`parse_case` takes it off again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from knowledge.case_front import FrontMatter, Problem, read_front_matter
from knowledge.errors import MalformedCase, ScriptRefused
from knowledge.vocabulary import Case, Remedy, Text

MAX_CASE_CHARACTERS = 200_000
HEADINGS = {
    "## Symptoms / 症状": "symptoms",
    "## Cause / 原因": "cause",
    "## Remedy / 处置": "remedy",
    "## Verification / 验证": "verification",
}
_LANGUAGE = re.compile(r"(en|zh):[ \t]?(.*)", re.DOTALL)
_STEP = re.compile(r"\d{1,3}\. en:[ \t]?(.*)", re.DOTALL)
_MARKUP = re.compile(r"\\|en:|zh:|none:|#|```|\d{1,3}\. ")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_INDENT = "   "

ScriptCheck = Callable[[str], None]
"""Judges a script with its placeholders; raises ScriptRefused (or a ValueError) when it cannot be translated."""

Line = tuple[int, str]


def accept_any_script(script: str) -> None:
    """For readers that have no grammar at hand; every script is reviewed again before anything is done with it."""


@dataclass
class _Body:
    """What the sections said; ``problems`` collects everything that is wrong, so that an author mends it in one go."""

    texts: dict[str, Text] = field(default_factory=dict)
    remedy: Remedy = field(default_factory=Remedy)
    problems: list[Problem] = field(default_factory=list)


def parse_case(markdown: str, validate_script: ScriptCheck = accept_any_script, source: str = "") -> Case:
    """Reads one case file. Raises MalformedCase: the message lists every problem with its line, ``line`` is the first."""
    text = markdown.removeprefix("\ufeff").replace("\r\n", "\n")
    if len(text) > MAX_CASE_CHARACTERS:
        _refuse([(1, f"a case may have {MAX_CASE_CHARACTERS:,} characters, this one has {len(text):,}")], source)
    lines: list[Line] = list(enumerate(text.split("\n"), start=1))
    if control := [number for number, line in lines if _CONTROL.search(line)]:
        _refuse([(number, "a control character: save the file as plain text") for number in control[:5]], source)
    front, rest = _split_front_matter(lines, source)
    meta = read_front_matter(front, first_line=2)
    body = _read_body(rest, validate_script)
    problems = meta.problems + body.problems
    if problems:
        _refuse(problems, source)
    return _assemble(meta, body)


def looks_like_case(markdown: str) -> bool:
    """True for a Markdown text whose front matter names a ``kind``: it means to be a case, whether or not it is right."""
    head = markdown.removeprefix("\ufeff").replace("\r\n", "\n")
    if not head.startswith("---\n"):
        return False
    front, _, _ = head[4:].partition("\n---")
    return re.search(r"^kind[ \t]*:", front, re.MULTILINE) is not None


def render_case(case: Case) -> str:
    """The file of ``case``; ``parse_case(render_case(case)) == case`` for every case whose texts are stripped."""
    front = {
        "id": case.id,
        "kind": case.kind.value,
        "layer": case.layer.value,
        "services": list(case.services),
        "faults": list(case.faults),
        "alerts": list(case.alerts),
        "ask_for": list(case.ask_for),
        "sources": list(case.sources),
        "title": {"en": case.title.en, "zh": case.title.zh},
    }
    header = yaml.safe_dump(front, allow_unicode=True, sort_keys=False, width=2**31)
    sections = {
        "symptoms": _render_text(case.symptoms),
        "cause": _render_text(case.cause),
        "remedy": _render_remedy(case.remedy),
        "verification": _render_text(case.verification),
    }
    parts = [f"{heading}\n\n{sections[name]}" for heading, name in HEADINGS.items()]
    return f"---\n{header}---\n\n" + "\n\n".join(parts) + "\n"


# --- reading -------------------------------------------------------------------------------------------------------


def _refuse(problems: Iterable[Problem], source: str) -> NoReturn:
    ordered = sorted(problems)
    listed = "; ".join(f"line {line}: {what}" for line, what in ordered)
    raise MalformedCase(
        f"{source or 'case'}: {listed}",
        source=source,
        line=ordered[0][0],
        next_step="mend these lines; the format is in the docstring of knowledge/case_file.py",
    )


def _split_front_matter(lines: list[Line], source: str) -> tuple[str, list[Line]]:
    if lines[0][1].rstrip() != "---":
        _refuse([(1, "the file must begin with a line '---' and YAML front matter")], source)
    for position, (_, line) in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return "\n".join(text for _, text in lines[1:position]), lines[position + 1 :]
    _refuse([(1, "the front matter has no closing line '---'")], source)


def _read_body(lines: list[Line], validate_script: ScriptCheck) -> _Body:
    body = _Body()
    last = lines[-1][0] if lines else 1
    sections = _split_sections(lines, body.problems)
    for heading, name in HEADINGS.items():
        if name not in sections:
            body.problems.append((last, f"the section '{heading}' is missing"))
            continue
        at, content = sections[name]
        if name == "remedy":
            body.remedy = _read_remedy(at, content, validate_script, body.problems)
        elif text := _read_text(at, content, body.problems):
            body.texts[name] = text
    return body


def _split_sections(lines: list[Line], problems: list[Problem]) -> dict[str, tuple[int, list[Line]]]:
    sections: dict[str, tuple[int, list[Line]]] = {}
    content: list[Line] | None = None
    fenced = False
    for number, line in lines:
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            name = HEADINGS.get(line.rstrip())
            content = []
            if name is None:
                problems.append((number, f"unknown heading {line.strip()!r}; a case has {', '.join(HEADINGS)}"))
            elif name in sections:
                problems.append((number, f"the section {line.strip()!r} stands twice"))
            else:
                sections[name] = (number, content)
        elif content is not None:
            content.append((number, line))
        elif line.strip():
            problems.append((number, "text before the first section"))
    return sections


def _read_text(at: int, lines: list[Line], problems: list[Problem]) -> Text | None:
    """``en:`` and ``zh:`` paragraphs; None, with the reason among ``problems``, when one is missing."""
    parts: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in lines:
        if match := _LANGUAGE.fullmatch(line):
            if match[1] in parts:
                problems.append((number, f"'{match[1]}:' stands twice in one section"))
            current = parts.setdefault(match[1], [])
            current.append(match[2])
        elif current is not None:
            current.append(_unescape(line))
        elif line.strip():
            problems.append((number, "text must begin with 'en:' or 'zh:'"))
    texts = {language: "\n".join(said).strip() for language, said in parts.items()}
    missing = [language for language in ("en", "zh") if not texts.get(language)]
    if missing:
        problems.append((at, f"the section has no text in {' and '.join(missing)}"))
        return None
    return Text(en=texts["en"], zh=texts["zh"])


def _read_remedy(at: int, lines: list[Line], validate_script: ScriptCheck, problems: list[Problem]) -> Remedy:
    script_at, script, rest = _take_script(lines, problems)
    if script_at:
        _judge_script(script_at, script, validate_script, problems)
    told = [(number, line) for number, line in rest if line.strip()]
    if not told:
        if not script_at:
            problems.append((at, "the remedy is empty: a ```kubectl block, numbered steps, or 'none:' with the reason"))
        return Remedy(script=script)
    if told[0][1].rstrip() == "none:":
        if script_at:
            problems.append((told[0][0], "'none:' beside a script: leave one of them out"))
        position = rest.index(told[0])
        return Remedy(none_reason=_read_text(at, rest[position + 1 :], problems))
    return Remedy(script=script, manual=_read_steps(rest, problems))


def _take_script(lines: list[Line], problems: list[Problem]) -> tuple[int, str, list[Line]]:
    """The line of the fence (0: none), the script, and the lines outside it."""
    opening = next((i for i, (_, line) in enumerate(lines) if line.startswith("```")), None)
    if opening is None:
        return 0, "", lines
    number, fence = lines[opening]
    if fence.rstrip() != "```kubectl":
        problems.append((number, "a script stands in a block that opens with ```kubectl"))
    if any(line.strip() for _, line in lines[:opening]):
        problems.append((number, "the script comes first, the manual steps after it"))
    closing = next((i for i in range(opening + 1, len(lines)) if lines[i][1].rstrip() == "```"), None)
    if closing is None:
        problems.append((number, "the block is not closed with ```"))
        return number, "", []
    script = "\n".join(line for _, line in lines[opening + 1 : closing])
    after = lines[closing + 1 :]
    if again := next((n for n, line in after if line.startswith("```")), None):
        problems.append((again, "a remedy has one script"))
    if not script.strip():
        problems.append((number, "the script is empty"))
    return number, script, after


def _judge_script(at: int, script: str, validate_script: ScriptCheck, problems: list[Problem]) -> None:
    try:
        validate_script(script)
    except ScriptRefused as refused:
        problems.append((at + refused.line, f"script, column {refused.column}: {refused.message}"))
    except ValueError as error:
        problems.append((at, f"script: {error}"))


def _read_steps(lines: list[Line], problems: list[Problem]) -> tuple[Text, ...]:
    steps: list[tuple[int, list[Line]]] = []
    for number, line in lines:
        if match := _STEP.fullmatch(line):
            steps.append((number, [(number, f"en: {match[1]}")]))
        elif steps:
            steps[-1][1].append((number, line.removeprefix(_INDENT)))
        elif line.strip():
            problems.append((number, "a manual step begins with '1. en: ' and has an indented 'zh: '"))
    texts = (_read_text(at, content, problems) for at, content in steps)
    return tuple(text for text in texts if text is not None)


def _unescape(line: str) -> str:
    return line.removeprefix("\\")


def _assemble(meta: FrontMatter, body: _Body) -> Case:
    return Case(
        id=meta.id,
        kind=meta.kind,
        layer=meta.layer,
        services=meta.lists["services"],
        faults=meta.lists["faults"],
        alerts=meta.lists["alerts"],
        title=meta.title,
        symptoms=body.texts["symptoms"],
        cause=body.texts["cause"],
        ask_for=meta.lists["ask_for"],
        remedy=body.remedy,
        verification=body.texts["verification"],
        sources=meta.lists["sources"],
    )


# --- writing -------------------------------------------------------------------------------------------------------


def _render_text(text: Text, indent: str = "") -> str:
    def said(language: str, value: str) -> str:
        first, *more = value.split("\n")
        escaped = [f"\\{line}" if _MARKUP.match(line) else line for line in more]
        return "\n".join([f"{language}: {first}", *(f"{indent}{line}" if line else line for line in escaped)])

    gap = "\n" if indent else "\n\n"
    return said("en", text.en) + gap + indent + said("zh", text.zh)


def _render_remedy(remedy: Remedy) -> str:
    if remedy.is_none:
        assert remedy.none_reason is not None
        return "none:\n" + _render_text(remedy.none_reason)
    parts = [f"```kubectl\n{remedy.script}\n```"] if remedy.script else []
    steps = [f"{number}. {_render_text(step, _INDENT)}" for number, step in enumerate(remedy.manual, start=1)]
    if steps:
        parts.append("\n".join(steps))
    return "\n\n".join(parts)
