"""Detectors come out of the cache as they come out of their files, and the files always win."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from knowledge.errors import MalformedDetector
from tools.detectors import parsed
from tools.detectors.library import FOLDER, load_detectors
from tools.detectors.parsed import parsed_folder

DETECTOR = """
id: site-fault
layer: application
severity: low
title: {en: "{workload} is off", zh: "{workload} 异常"}
explanation: {en: "{workload} is off.", zh: "{workload} 异常。"}
signals: {any: [{kind: status, where: Pod, match: '$.status.phase == "Off"'}]}
remedy: {none_reason: {en: nothing, zh: 无}}
specimens:
  yes: [{objects: [{kind: Pod, name: a, status: {phase: Off, 1: x}}]}]
  no: [{objects: [{kind: Pod, name: a, status: {phase: On}}]}]
sources: [ours]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site" / "application"
    folder.mkdir(parents=True)
    (folder / "site-fault.yaml").write_text(DETECTOR)
    return folder.parent


def test_detectors_are_the_same_when_they_come_from_the_cache(tmp_path: Path) -> None:
    plain = load_detectors()
    first = load_detectors(cache_folder=tmp_path)
    again = load_detectors(cache_folder=tmp_path)
    assert [one.form for one in plain.by_id.values()] == [one.form for one in first.by_id.values()]
    assert [one.form for one in plain.by_id.values()] == [one.form for one in again.by_id.values()]
    assert [one.path for one in plain.by_id.values()] == [one.path for one in again.by_id.values()]


def test_files_are_not_parsed_when_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(parsed_folder(FOLDER, tmp_path))
    monkeypatch.setattr(parsed, "read_bodies", lambda *_: pytest.fail("a file was parsed"))
    assert list(parsed_folder(FOLDER, tmp_path)) == before


def test_file_is_read_again_when_it_changed(site: Path, tmp_path: Path) -> None:
    load_detectors([site], cache_folder=tmp_path)
    file = site / "application" / "site-fault.yaml"
    file.write_text(DETECTOR.replace("severity: low", "severity: high"))
    assert load_detectors([site], cache_folder=tmp_path).get("site-fault").severity == "high"


def test_keys_that_are_numbers_survive_the_cache(site: Path, tmp_path: Path) -> None:
    for _ in range(2):
        ((_, (body,)),) = parsed_folder(site, tmp_path)
        assert body["specimens"]["yes"][0]["objects"][0]["status"] == {"phase": "Off", 1: "x"}


@pytest.mark.parametrize("torn", [b"", b"\xc1 not msgpack", b"\x90"])
def test_torn_cache_costs_nothing_but_time(site: Path, tmp_path: Path, torn: bytes) -> None:
    list(parsed_folder(site, tmp_path))
    (kept,) = tmp_path.glob("detectors-*.msgpack")
    kept.write_bytes(torn)
    ((_, (body,)),) = parsed_folder(site, tmp_path)
    assert body["id"] == "site-fault"


def test_cached_body_is_checked_like_a_file(site: Path, tmp_path: Path) -> None:
    list(parsed_folder(site, tmp_path))
    (kept,) = tmp_path.glob("detectors-*.msgpack")
    kept.write_bytes(msgspec.msgpack.encode([[{"id": "Not An Id"}]]))
    with pytest.raises(MalformedDetector, match=r"site-fault\.yaml:2: id"):
        load_detectors([site], cache_folder=tmp_path)


def test_detectors_load_when_the_cache_folder_cannot_be_written(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "a-file"
    file.write_text("")
    assert load_detectors([site], cache_folder=file / "below").get("site-fault")


def test_old_cache_files_go_when_there_are_too_many(site: Path, tmp_path: Path) -> None:
    file = site / "application" / "site-fault.yaml"
    for number in range(parsed.KEPT + 3):
        file.write_text(DETECTOR + f"x-{number}: 1\n")
        list(parsed_folder(site, tmp_path))
    assert len(list(tmp_path.glob("detectors-*.msgpack"))) == parsed.KEPT
