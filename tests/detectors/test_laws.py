"""The laws that every detector of the library obeys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import re2

from knowledge.vocabulary import Layer
from tests.shared_library import shared_library
from tools.detectors.format import DetectorForm, EventSignal, LogSignal, read_forms
from tools.detectors.library import FOLDER, DetectorLibrary
from tools.detectors.remedies import MARK
from tools.detectors.specimen import snapshot_of

FILES = sorted(FOLDER.rglob("*.yaml"))
GROUPS = {"symptoms", "causes", *(f"layer:{layer.value}" for layer in Layer)}


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


def forms_of(path: Path) -> list[DetectorForm]:
    return read_forms(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_named_for_its_fault_and_its_layer(path: Path) -> None:
    forms = forms_of(path)
    assert forms
    for form in forms:
        assert form.layer.value == path.parent.name
        assert form.id == path.stem or (len(forms) > 1 and form.id.startswith(path.stem + "-"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_words_are_said_in_both_languages(path: Path) -> None:
    for form in forms_of(path):
        for text in (form.title, form.explanation, *form.remedy.manual):
            assert text.en.strip()
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), f"no Chinese in {text.zh!r}"
            assert not any("\u4e00" <= letter <= "\u9fff" for letter in text.en), f"Chinese in {text.en!r}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_specimens_are_judged_as_they_say(path: Path, library: DetectorLibrary) -> None:
    for form in forms_of(path):
        detector = library.by_id[form.id]
        for number, specimen in enumerate(form.specimens.yes):
            snapshot = snapshot_of(specimen)
            findings = [one for one in detector.detect(snapshot) if one.fault == form.id]
            assert findings, f"{form.id}: specimens.yes[{number}] is not found"
            known = {evidence.id for evidence in snapshot.cited()}
            for finding in findings:
                assert finding.evidence_ids
                assert set(finding.evidence_ids) <= known
                assert "(not known)" not in finding.title.en + finding.explanation.en, finding.explanation.en
        for number, specimen in enumerate(form.specimens.no):
            assert not detector.detect(snapshot_of(specimen)), f"{form.id}: specimens.no[{number}] is found"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_examples_of_log_signals_match(path: Path) -> None:
    for form in forms_of(path):
        for signal in form.signals.leaves():
            if isinstance(signal, LogSignal):
                assert not signal.example or re2.search(signal.match, signal.example), signal.match
            if isinstance(signal, EventSignal):
                assert signal.reason or signal.message, "an event signal names a reason or a message"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_named_faults_exist(path: Path, library: DetectorLibrary) -> None:
    for form in forms_of(path):
        named = [*form.yields_to, *(fault for edge in form.explains for fault in edge.faults)]
        for fault in named:
            assert fault in GROUPS or fault in library.by_id, f"{form.id} names unknown {fault!r}"
        if not form.is_symptom:
            assert form.sources


SAMPLES: Mapping[str, str] = {
    "namespace": "default",
    "name": "web",
    "workload": "deployment/web",
    "deployment": "web",
    "service": "web",
    "ingress": "web",
    "pod": "web-1",
    "node": "node-1",
    "job": "train",
    "container": "main",
    "previous_image": "registry.example/app:1",
    "memory_limit_doubled": "1Gi",
    "nearest_labels": '"app":"web"',
    "served_port": "8080",
    "replicas_raised": "3",
    "persistentvolumeclaim": "data",
    "horizontalpodautoscaler": "web",
    "known_port": "8080",
    "probe_field": "livenessProbe",
    "probe_form": "httpGet",
    "delay": "60",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_remedy_scripts_can_be_filled_and_fit_the_grammar(path: Path) -> None:
    parser = pytest.importorskip("tools.script.parser", reason="the grammar is not there yet")
    for form in forms_of(path):
        for choice in form.remedy.scripts:
            unknown = set(MARK.findall(choice.script)) - SAMPLES.keys()
            assert not unknown, f"{form.id}: no fact is called {unknown}"
            parser.parse(MARK.sub(lambda found: SAMPLES[found.group(1)], choice.script))


def test_library_has_every_layer_that_the_desk_starts_with(library: DetectorLibrary) -> None:
    layers = {detector.layer for detector in library.by_id.values()}
    wanted = "container image probe config workload scheduling quota admission node network storage application gpu cuda nccl"
    assert {Layer(name) for name in wanted.split()} <= layers
