"""Cases as records: rows of a CSV file, objects of JSON, lines of JSONL.

A record has the fields of a case: ``id kind layer services faults alerts ask_for sources title symptoms cause remedy
verification``. A text is ``{"en": ..., "zh": ...}``, or two columns ``title_en`` and ``title_zh``, or one text where the
site writes one language only (it then stands in both). Lists may be one text with ``;`` or line breaks between. The
remedy is ``{"script": ..., "manual": [text, ...], "none_reason": text}`` or the columns ``remedy_script``,
``remedy_manual[_en|_zh]`` (a step per line) and ``remedy_none[_en|_zh]``. ``kind`` is a fault and ``layer`` the
application's unless said otherwise, ``sources`` the file itself.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from knowledge.case_file import ScriptCheck, render_case
from knowledge.errors import MalformedCase, MalformedDocument
from knowledge.ingest_readers import Source, case_source, decode
from knowledge.vocabulary import Case, Remedy, Text

MAX_RECORDS = 100_000
_TEXTS = ("title", "symptoms", "cause", "verification")
_LISTS = ("services", "faults", "alerts", "ask_for", "sources")
_REMEDIES = ("script", "manual", "none_reason", "none")
_LANGUAGES = ("en", "zh")

Record = Mapping[str, Any]
Numbered = tuple[int | None, Record]
"""A record with the line that it begins on, where its format has lines."""


def read_csv(raw: bytes, file: Path, validate_script: ScriptCheck) -> list[Source]:
    text = decode(raw, str(file))
    csv.field_size_limit(1_000_000)
    rows = csv.DictReader(io.StringIO(text), strict=True)
    numbered: list[Numbered] = []
    start = 2
    try:
        for row in rows:
            if None in row:
                raise MalformedCase("more fields than the header has", source=str(file), line=start)
            numbered.append((start, {name.strip(): value for name, value in row.items() if value}))
            start = rows.line_num + 1
    except csv.Error as error:
        raise MalformedCase(f"not CSV: {error}", source=str(file), line=rows.line_num) from error
    return _sources(numbered, file, validate_script)


def read_jsonl(raw: bytes, file: Path, validate_script: ScriptCheck) -> list[Source]:
    return _sources(_jsonl_records(decode(raw, str(file)), file), file, validate_script)


def read_json(raw: bytes, file: Path, validate_script: ScriptCheck) -> list[Source]:
    """One case, a list of cases, or ``{"cases": [...]}``."""
    whole = _loads(decode(raw, str(file)), file, 1)
    if isinstance(whole, dict) and isinstance(whole.get("cases"), list):
        whole = whole["cases"]
    records = whole if isinstance(whole, list) else [whole]
    return _sources([(None, _object(one, file, None)) for one in records], file, validate_script)


def _jsonl_records(text: str, file: Path) -> Iterator[Numbered]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _object(_loads(line, file, number), file, number)


def _loads(text: str, file: Path, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise MalformedDocument(f"not JSON: {error.msg}, column {error.colno}", source=str(file), line=line) from error
    except RecursionError as error:
        raise MalformedDocument("the JSON is nested too deeply", source=str(file), line=first_line) from error


def _object(value: Any, file: Path, line: int | None) -> Record:
    if not isinstance(value, dict):
        raise MalformedCase("a case must be a JSON object", source=str(file), line=line)
    return value


def _sources(records: Iterable[Numbered], file: Path, validate_script: ScriptCheck) -> list[Source]:
    found: list[Source] = []
    for number, (line, record) in enumerate(records, start=1):
        if number > MAX_RECORDS:
            raise MalformedCase(f"more than {MAX_RECORDS:,} cases in one file", source=str(file), next_step="split it")
        where = f"{file}#{number}"
        try:
            case = _case(record, file)
            found.append(case_source(render_case(case), where, validate_script))
        except MalformedCase as error:
            # The lines that the case reader names are those of the rendered case; the author knows the record's.
            reason = re.sub(r"line \d+: ", "", error.message.removeprefix(f"{where}: "))
            raise MalformedCase(f"case {number}: {reason}", source=str(file), line=line) from error
    return found


def _case(record: Record, file: Path) -> Case:
    known = {"id", "kind", "layer", "remedy", *_LISTS, *_TEXTS}
    known |= {f"{name}_{language}" for name in _TEXTS for language in _LANGUAGES}
    known |= {f"remedy_{name}{suffix}" for name in _REMEDIES for suffix in ("", "_en", "_zh")}
    if unknown := sorted(set(record) - known):
        raise MalformedCase(f"unknown field {unknown[0]!r}; known are {', '.join(sorted(known - _bilingual(known)))}")
    missing = [name for name in _TEXTS if _text(record, name) is None]
    if missing or not record.get("id"):
        raise MalformedCase(f"the field {(['id'] if not record.get('id') else missing)[0]!r} is missing")
    fields: dict[str, Any] = {name: _list(record.get(name), name) for name in _LISTS}
    fields["sources"] = fields["sources"] or (file.name,)
    fields |= {name: _text(record, name) for name in _TEXTS}
    fields |= {"id": str(record["id"]).strip(), "remedy": _remedy(record)}
    fields |= {"kind": record.get("kind") or "fault", "layer": record.get("layer") or "application"}
    try:
        return Case.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise MalformedCase(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error


def _bilingual(names: set[str]) -> set[str]:
    return {name for name in names if name.endswith(("_en", "_zh"))}


def _text(record: Record, name: str) -> Text | None:
    """A text in both languages; the one that is missing is filled with the one that is there."""
    value = record.get(name)
    parts = (
        value if isinstance(value, Mapping) else {language: record.get(f"{name}_{language}") for language in _LANGUAGES}
    )
    both = value or "" if not isinstance(value, Mapping) else ""
    en, zh = (_plain(parts.get(language) or both, name) for language in _LANGUAGES)
    return Text(en=en or zh, zh=zh or en) if en or zh else None


def _plain(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise MalformedCase(f"{name!r} must be text, or an object with 'en' and 'zh'")
    return value.strip()


def _list(value: Any, name: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = [part for part in re.split(r"[;；\n]", value) if part.strip()]
    if not isinstance(value, list | tuple) or not all(isinstance(part, str | int) for part in value):
        raise MalformedCase(f"{name!r} must be a list of texts")
    return tuple(dict.fromkeys(str(part).strip() for part in value))


def _remedy(record: Record) -> Remedy:
    given = record.get("remedy")
    if isinstance(given, str):
        given = {"manual": given}
    nested = given if isinstance(given, Mapping) else {}
    flat = {**{f"remedy_{name}": value for name, value in nested.items() if value}, **record}
    script = _plain(flat.get("remedy_script") or "", "remedy_script").strip()
    steps = flat.get("remedy_manual")
    if isinstance(steps, list):
        manual = tuple(step for one in steps if (step := _text({"step": one}, "step")) is not None)
    else:
        manual = _steps(_text(flat, "remedy_manual"))
    none = _text(flat, "remedy_none_reason") or _text(flat, "remedy_none")
    if not script and not manual and none is None:
        raise MalformedCase("the remedy is missing: remedy_script, remedy_manual or remedy_none (with the reason)")
    return Remedy(script=script, manual=manual, none_reason=None if script or manual else none)


def _steps(text: Text | None) -> tuple[Text, ...]:
    """A step per line; when the two languages have different numbers of lines, it is one step."""
    if text is None:
        return ()
    en, zh = ([line.strip() for line in said.split("\n") if line.strip()] for said in (text.en, text.zh))
    if len(en) != len(zh):
        return (text,)
    return tuple(Text(en=one, zh=other) for one, other in zip(en, zh, strict=True))
