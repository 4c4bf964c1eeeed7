"""The law of the bundled cases: every one reads, names its sources, and says what to do, in both languages."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from knowledge.bundled import bundled_case_files, bundled_documents_path
from knowledge.case_file import parse_case
from knowledge.glossary import HAN
from knowledge.library_entries import split_document
from tools.script.placeholders import validate_template

FILES = bundled_case_files()


def test_bundle_has_at_least_sixty_cases_of_every_kind_when_it_ships() -> None:
    kinds = Counter(parse_case(path.read_text(encoding="utf-8")).kind for path in FILES)

    assert sum(kinds.values()) >= 60
    assert set(kinds) == {"fault", "alert", "optimisation"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bundled_case_keeps_the_law_when_it_is_read(path: Path) -> None:
    case = parse_case(path.read_text(encoding="utf-8"), validate_template, source=path.name)

    assert case.id == path.stem
    assert all(re.match(r"https?://\S+$|\S+/\S+ |[A-Z]", source) for source in case.sources), case.sources
    for text in (case.title, case.symptoms, case.cause, case.verification, *case.remedy.manual):
        assert HAN.search(text.zh), f"no Chinese in {text.zh!r}"
        assert not HAN.search(text.en), f"Chinese in the English of {text.en!r}"
    assert case.faults or case.alerts or case.kind == "optimisation", "nothing recalls it"
    assert case.ask_for


def test_bundled_cases_have_each_title_once_when_read_together() -> None:
    cases = [parse_case(path.read_text(encoding="utf-8")) for path in FILES]
    titles = Counter(title for case in cases for title in (case.title.en.lower(), case.title.zh))

    assert [title for title, count in titles.items() if count > 1] == []


def test_bundled_documents_have_a_title_and_text_when_there_are_any() -> None:
    for path in sorted(bundled_documents_path().glob("*.md")):
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^# .+", text, re.MULTILINE), path.name
        assert list(split_document(text)), path.name
