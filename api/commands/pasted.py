"""`opsdesk diagnose --transcript`: a diagnosis of what an engineer pasted. Reads files, asks no cluster."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import BadInput, OpsdeskError
from knowledge.vocabulary import Language

if TYPE_CHECKING:
    from agent.reasoning.candidates import Candidate
    from agent.transcript_look import PasteDiagnosis
    from tools.detectors.library import DetectorLibrary
    from tools.transcript.reading import PasteReading

EXIT = {"no_fault": 0, "fault": 1, "unknown": 2}
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Options:
    transcript: Path | None
    transcripts: Path | None
    candidates: Path | None
    question: str
    namespace: str
    lang: str | None
    as_json: bool


def diagnose(options: Options) -> int:
    """The exit code: that of one transcript, or 0 for a folder all of whose entries could be read. Raises BadInput."""
    from agent.reasoning.candidates import read_candidates
    from api.settings import Settings
    from tools.detectors.library import load_detectors

    if options.transcript is not None and options.transcripts is not None:
        raise BadInput("--transcript and --transcripts exclude each other")
    candidates = read_candidates(options.candidates) if options.candidates else []
    settings = Settings.load()
    detectors = load_detectors(settings.knowledge.detector_folders, cache_folder=settings.cache_path)
    if options.transcripts is not None:
        return _folder(options.transcripts, options, candidates, detectors)
    assert options.transcript is not None
    found = _judged(options.transcript, options, candidates, detectors)
    if options.as_json:
        from api.commands.output import print_json

        print_json(found.as_json())
    else:
        _show(found, _language(options, found))
    return EXIT[found.diagnosis.verdict.value]


def _folder(folder: Path, options: Options, candidates: Sequence[Candidate], detectors: DetectorLibrary) -> int:
    """One JSON line for each entry: its name, and the answer or the error. What cannot be read does not stop the others."""
    failed = 0
    for name, path in _entries(folder):
        try:
            told = {"name": name, **_judged(path, options, candidates, detectors).as_json()}
        except OpsdeskError as error:
            failed += 1
            told = {"name": name, "error": error.message, "next_step": error.next_step}
        sys.stdout.write(json.dumps(told, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()
    return 2 if failed else 0


def _entries(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files, and folders each as one bundle; a folder that holds just a transcript.txt is that transcript."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder", next_step="name one file with --transcript")
    found = False
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (path.is_file() and path.suffix in (".json", ".jsonl", ".md")):
            continue
        found = True
        single = path / "transcript.txt"
        yield path.stem if path.is_file() else path.name, single if single.is_file() else path
    if not found:
        raise BadInput(
            f"{folder} holds no transcript", next_step="put one file or one folder for each incident into it"
        )


def _read(path: Path, options: Options) -> PasteReading:
    from tools.transcript.reading import read_paste, read_path

    if str(path) == "-":
        return read_paste(sys.stdin.buffer.read().decode("utf-8", errors="replace"), namespace=options.namespace)
    return read_path(path, namespace=options.namespace)


def _judged(
    path: Path, options: Options, candidates: Sequence[Candidate], detectors: DetectorLibrary
) -> PasteDiagnosis:
    from agent.transcript_look import diagnose_paste

    began = time.perf_counter()
    reading = _read(path, options)
    return diagnose_paste(
        reading,
        detectors=detectors,
        candidates=candidates,
        question=options.question,
        namespace=options.namespace,
        began=began,
    )


def _language(options: Options, found: PasteDiagnosis) -> Language:
    from agent.reasoning.triage import language_of

    if options.lang:
        return Language(options.lang)
    return language_of(options.question) if options.question else found.reading.language


def _show(found: PasteDiagnosis, language: Language) -> None:
    from api.commands.output import clean, console
    from api.commands.render import render_diagnosis

    out = console()
    facts = sum(command.facts for command in found.reading.commands)
    out.print(
        f"read {len(found.reading.commands)} outputs, {facts} facts, in {found.seconds:.2f} s",
        style="dim",
        markup=False,
    )
    render_diagnosis(found.diagnosis, language)
    named = [cause for cause in found.ranked if cause.candidate is not None][:SHOWN]
    if named:
        out.print("\ncandidates", style="bold")
    for cause in named:
        assert cause.candidate is not None
        words = (
            f"{cause.candidate.taxonomy} / {cause.candidate.name}" if cause.candidate.taxonomy else cause.candidate.name
        )
        out.print(f"  {cause.rank}. {clean(words)}  {cause.object.key}  {cause.confidence:.0%}", markup=False)
