"""Files, folders and archives: read in memory, bounded, and never out of themselves."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from knowledge.errors import BadInput
from tests.transcript.shop import POD, PODS, found, of_kind
from tools.transcript import bundle
from tools.transcript.bundle_layout import meant_by
from tools.transcript.reading import read_path

POD_LIST = json.dumps(
    {
        "kind": "PodList", "apiVersion": "v1",
        "items": [{"metadata": {"name": "loans-db-0", "namespace": "library", "uid": "u1"}, "spec": {"containers": [{"name": "db"}]}, "status": {"phase": "Running"}}],
    }
)  # fmt: skip
DUMP = {
    "nodes.json": json.dumps({"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "node-b", "uid": "n"}, "status": {"conditions": []}}]}),
    "library/pods.json": POD_LIST,
    "library/events.json": json.dumps({"kind": "EventList", "apiVersion": "v1", "items": []}),
    "library/loans-db-0/logs.txt": "==== START logs for container db of pod library/loans-db-0 ====\n2026-03-04T09:00:00Z FATAL no space left on device\n==== END logs for container db of pod library/loans-db-0 ====\n",
}  # fmt: skip


def folder_of(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def tar_of(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def zip_of(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize("sort", ["folder", "tar", "zip"])
def test_cluster_info_dump_is_read_from_folder_and_archives(tmp_path: Path, sort: str) -> None:
    given = {
        "folder": lambda: folder_of(tmp_path / "dump", DUMP),
        "tar": lambda: tar_of(tmp_path / "dump.tar.gz", DUMP),
        "zip": lambda: zip_of(tmp_path / "dump.zip", DUMP),
    }[sort]()
    reading = read_path(given)
    assert found(reading, "Pod", "loans-db-0")["status"]["phase"] == "Running"
    assert found(reading, "Node", "node-b")
    assert (reading.logs[0].object.key, reading.logs[0].container) == ("Pod/library/loans-db-0", "db")
    assert "no space left" in reading.logs[0].text
    assert reading.namespace == "library"


def test_transcript_in_a_file_is_read_as_pasted(tmp_path: Path) -> None:
    path = tmp_path / "paste.txt"
    path.write_text(f"$ kubectl get pods -n library\n{PODS}\n$ kubectl describe pod x -n library\n{POD}")
    assert len(of_kind(read_path(path), "Pod")) == 3


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("library/loans-db-0/logs.txt", ("logs", "library", ("loans-db-0",), "")),
        ("pods/library/loans-db-0/db/previous.log", ("logs", "library", ("loans-db-0",), "db")),
        ("logs/library/loans-db-0/db.log", ("logs", "library", ("loans-db-0",), "db")),
        ("library_loans-db-0_db.log", ("logs", "library", ("loans-db-0",), "db")),
        ("namespaces/library/deployments.yaml", ("get", "library", (), "")),
        ("cluster-resources/nodes.json", ("get", "", (), "")),
    ],
)
def test_name_of_a_file_says_what_it_is(name: str, what: tuple[str, str, tuple[str, ...], str]) -> None:
    command = meant_by(name)
    assert command is not None
    assert (command.verb, command.namespace, command.names, command.container) == what


def test_members_that_lead_out_are_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("../outside.txt", "/etc/passwd.txt", "fine/pods.txt"):
            member = tarfile.TarInfo(name)
            member.size = len(PODS)
            archive.addfile(member, io.BytesIO(PODS.encode()))
        link = tarfile.TarInfo("fine/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    reading = read_path(path)
    assert len(of_kind(reading, "Pod")) == 3
    said = {gap.query: gap.reason for gap in reading.gaps if gap.query.startswith("file ")}
    assert set(said) == {"file ../outside.txt", "file /etc/passwd.txt", "file fine/link.txt"}


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("$ kubectl get pods -n hidden\n" + PODS)
    root = folder_of(tmp_path / "given", {"a.txt": "$ kubectl get ns\nNAME      STATUS   AGE\nlibrary   Active   3d\n"})
    (root / "b.txt").symlink_to(tmp_path / "secret.txt")
    assert of_kind(read_path(root), "Pod") == []


def test_archive_is_read_only_up_to_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_TOTAL_BYTES", 3_000)
    monkeypatch.setattr(bundle, "MAX_FILE_BYTES", 2_000)
    path = zip_of(tmp_path / "bomb.zip", {f"{at}.txt": "0" * 1_000_000 for at in range(9)})
    gaps = [gap for gap in read_path(path).gaps if gap.query.startswith("file ")]
    assert any("left out" in gap.reason for gap in gaps)
    assert any("only its first" in gap.reason for gap in gaps)


@pytest.mark.parametrize(
    ("name", "raw"), [("a.tar.gz", b"\x1f\x8bnot really"), ("a.zip", b"PK nothing"), ("b.tar", b"")]
)
def test_unreadable_archive_is_bad_input_that_says_what_to_do(tmp_path: Path, name: str, raw: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(BadInput) as caught:
        read_path(path)
    assert caught.value.next_step


def test_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        read_path(tmp_path / "nowhere.txt")


def test_dump_in_one_stream_gives_objects_and_logs(tmp_path: Path) -> None:
    stream = "\n".join([DUMP["nodes.json"], POD_LIST, DUMP["library/loans-db-0/logs.txt"]])
    path = tmp_path / "dump.out"
    path.write_text(stream)
    reading = read_path(path)
    assert found(reading, "Pod", "loans-db-0")["metadata"]["uid"] == "u1"
    assert (reading.logs[0].object.key, reading.logs[0].container) == ("Pod/library/loans-db-0", "db")
    assert reading.logs[0].text == "2026-03-04T09:00:00Z FATAL no space left on device"
