"""The cases and documents that come with the desk."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from knowledge.case_file import ScriptCheck
from knowledge.ingest import FileOutcome, ImportReport, Outcome
from knowledge.ingest_readers import Source, case_source, decode, read_markdown

NOT_CASES = frozenset({"README.md"})


def bundled_cases_path() -> Path:
    return Path(str(files("knowledge").joinpath("cases")))


def bundled_documents_path() -> Path:
    return Path(str(files("knowledge").joinpath("documents")))


def bundled_case_files(folder: Path | None = None) -> list[Path]:
    place = folder or bundled_cases_path()
    return sorted(path for path in place.glob("*.md") if path.name not in NOT_CASES)


def bundled_sources(
    put: Callable[[Source], str],
    validate_script: ScriptCheck,
    cases: Path | None = None,
    documents: Path | None = None,
) -> ImportReport:
    """Reads every bundled file and puts it in. A malformed one raises: it is our own fault, and tests hold the bundle."""
    outcomes: list[FileOutcome] = []
    for path in bundled_case_files(cases):
        source = case_source(decode(path.read_bytes(), path.name), path.name, validate_script)
        outcomes.append(_outcome(path, put(source)))
    place = documents or bundled_documents_path()
    for path in sorted(place.glob("*.md")) if place.is_dir() else []:
        source = read_markdown(path.read_bytes(), path, validate_script)[0]
        # The id must not depend on where the desk is installed.
        outcomes.append(_outcome(path, put(Source(f"bundled-{path.stem}", source.title, source.text, path.name))))
    return ImportReport(tuple(outcomes))


def _outcome(path: Path, said: str) -> FileOutcome:
    outcome: Outcome = "added" if said == "added" else "updated" if said == "updated" else "unchanged"
    return FileOutcome(path.name, outcome, entries=1)
