"""The case format: what an author writes is what the desk reads, and every complaint names its line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.case_file import looks_like_case, parse_case, render_case
from knowledge.errors import MalformedCase, ScriptRefused
from knowledge.vocabulary import Case, CaseKind, Layer, Remedy, Text

GOOD = """---
id: vllm-kv-cache-too-small
kind: fault
layer: vllm
services: []
faults: [vllm-kv-cache-too-small]
alerts: [VllmEngineDown]
ask_for:
  - kubectl logs <pod> -n <namespace> --previous
sources:
  - https://docs.vllm.ai/en/latest/
title:
  en: The KV cache does not fit
  zh: 显存放不下 KV 缓存
---

## Symptoms / 症状

en: The engine exits at start-up.

Second paragraph.

zh: 引擎启动时退出。

## Cause / 原因

en: The context is too long for the memory.

zh: 上下文长度超过显存。

## Remedy / 处置

```kubectl
kubectl set env deployment/<deployment> -n <namespace> MAX_MODEL_LEN=<value>
```

1. en: Ask the owners whether a shorter context will do.
   zh: 与业务方确认能否缩短上下文。

## Verification / 验证

en: The pod is ready.

zh: Pod 就绪。
"""


def test_parse_case_reads_every_part_when_the_file_is_good() -> None:
    case = parse_case(GOOD)

    assert case.id == "vllm-kv-cache-too-small"
    assert case.kind is CaseKind.FAULT
    assert case.layer is Layer.VLLM
    assert case.alerts == ("VllmEngineDown",)
    assert case.symptoms.en == "The engine exits at start-up.\n\nSecond paragraph."
    assert case.remedy.script == "kubectl set env deployment/<deployment> -n <namespace> MAX_MODEL_LEN=<value>"
    assert case.remedy.manual[0].zh == "与业务方确认能否缩短上下文。"


def test_parse_case_reads_the_reason_when_there_is_no_remedy() -> None:
    start, end = GOOD.index("```kubectl"), GOOD.index("## Verification")
    case = parse_case(GOOD[:start] + "none:\n\nen: It heals by itself.\n\nzh: 会自行恢复。\n\n" + GOOD[end:])

    assert case.remedy.is_none
    assert case.remedy.none_reason == Text(en="It heals by itself.", zh="会自行恢复。")


def test_parse_case_reads_crlf_and_a_byte_order_mark_when_an_editor_left_them() -> None:
    assert parse_case("\ufeff" + GOOD.replace("\n", "\r\n")) == parse_case(GOOD)


@pytest.mark.parametrize(
    ("broken", "line", "says"),
    [
        (GOOD.replace("kind: fault", "kind: mishap"), 3, "'kind' is 'mishap'"),
        (GOOD.replace("layer: vllm", "layers: vllm"), 4, "unknown key 'layers'"),
        (GOOD.replace("id: vllm-kv-cache-too-small", "id: Big Case"), 2, "'id' is 3 to 100"),
        (
            GOOD.replace("  - https://docs.vllm.ai/en/latest/\n", "").replace("sources:", "sources: []"),
            10,
            "at least one",
        ),
        (GOOD.replace("zh: 引擎启动时退出。", ""), 17, "no text in zh"),
        (GOOD.replace("## Cause / 原因", "## Causes"), 25, "unknown heading"),
        (GOOD.replace("```kubectl", "```bash"), 33, "```kubectl"),
        (GOOD.replace("faults: [vllm-kv-cache-too-small]", "faults: [a"), 7, "not YAML"),
        ("no front matter", 1, "must begin"),
        ("---\nid: x\n", 1, "no closing"),
        (GOOD.replace("Second paragraph.", "bad \x07 bell"), 21, "control character"),
    ],
)
def test_parse_case_names_the_line_when_something_is_wrong(broken: str, line: int, says: str) -> None:
    with pytest.raises(MalformedCase) as caught:
        parse_case(broken, source="broken.md")

    assert f"line {line}: " in caught.value.message
    assert says in caught.value.message
    assert caught.value.source == "broken.md"


def test_parse_case_tells_every_problem_at_once_when_there_are_several() -> None:
    with pytest.raises(MalformedCase) as caught:
        parse_case(GOOD.replace("kind: fault", "kind: x").replace("zh: Pod 就绪。", ""))

    assert caught.value.line == 3
    assert "no text in zh" in caught.value.message


def test_parse_case_names_the_scripts_own_line_when_the_grammar_refuses_it() -> None:
    def refuse(script: str) -> None:
        raise ScriptRefused("no such verb", line=1, column=9)

    with pytest.raises(MalformedCase) as caught:
        parse_case(GOOD, refuse)

    assert caught.value.line == 34
    assert "column 9: no such verb" in caught.value.message


def test_scalars_stay_text_when_yaml_would_guess_a_type() -> None:
    case = parse_case(GOOD.replace("alerts: [VllmEngineDown]", "alerts: [507, on, 2024-01-01]"))

    assert case.alerts == ("507", "on", "2024-01-01")


def test_looks_like_case_tells_cases_from_documents_when_both_are_markdown() -> None:
    assert looks_like_case(GOOD)
    assert not looks_like_case("---\ntitle: A guide\n---\n# Guide\nkind: of\n")
    assert not looks_like_case("# Guide\n")


_CHARACTERS = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"), exclude_characters="\ufeff\ufffe\uffff")
_LINE = st.one_of(
    st.text(_CHARACTERS, max_size=30),
    st.sampled_from(
        ["en: x", "zh: y", "none:", "# h", "## Cause / 原因", "```kubectl", "1. en: s", "\\back", "---", "   zh: z"]
    ),
)
_PROSE = st.lists(_LINE, min_size=1, max_size=5).map(lambda lines: "\n".join(lines).strip()).filter(bool)
_TEXT = st.builds(Text, en=_PROSE, zh=_PROSE)
_ITEM = st.text(_CHARACTERS, min_size=1, max_size=40).map(str.strip).filter(bool)
_ITEMS = st.lists(_ITEM, max_size=3, unique=True).map(tuple)
_SCRIPT_LINE = st.text(_CHARACTERS, max_size=40).filter(lambda line: not line.startswith("```"))
_SCRIPT = st.lists(_SCRIPT_LINE, min_size=1, max_size=4).map("\n".join).filter(lambda text: bool(text.strip()))
_STEPS = st.lists(_TEXT, min_size=1, max_size=3).map(tuple)
_REMEDY = st.one_of(
    st.builds(Remedy, script=_SCRIPT),
    st.builds(Remedy, manual=_STEPS),
    st.builds(Remedy, script=_SCRIPT, manual=_STEPS),
    st.builds(Remedy, none_reason=_TEXT),
)
_CASES = st.builds(
    Case,
    id=st.from_regex(r"[a-z0-9][a-z0-9-]{2,40}", fullmatch=True),
    kind=st.sampled_from(CaseKind),
    layer=st.sampled_from(Layer),
    services=_ITEMS,
    faults=_ITEMS,
    alerts=_ITEMS,
    title=st.builds(Text, en=_ITEM, zh=_ITEM),
    symptoms=_TEXT,
    cause=_TEXT,
    ask_for=_ITEMS,
    remedy=_REMEDY,
    verification=_TEXT,
    sources=st.lists(_ITEM, min_size=1, max_size=3, unique=True).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(_CASES)
def test_parse_case_gives_the_case_back_when_it_was_rendered(case: Case) -> None:
    assert parse_case(render_case(case)) == case


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
def test_parse_case_refuses_in_words_when_given_any_text(text: str) -> None:
    with pytest.raises(MalformedCase) as caught:
        parse_case(text)
    assert caught.value.line is not None
