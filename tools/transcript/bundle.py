"""Reads a file, a folder or an archive of outputs into memory: nothing is unpacked to disk, no link is followed, all is bounded."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.errors import BadInput
from knowledge.vocabulary import Gap
from tools.transcript.bundle_layout import BundleFile

MAX_FILES = 5_000
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
MAX_MEMBERS = 200_000
MAX_DEPTH = 24
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_NO_TEXT = (
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".pdf",
    ".so",
    ".bin",
    ".exe",
    ".pyc",
    ".db",
    ".sqlite",
    ".mp4",
    ".woff",
    ".class",
    ".jar",
)


@dataclass(slots=True)
class Bundle:
    files: list[BundleFile] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    bytes_read: int = 0

    def left_out(self, name: str, reason: str) -> None:
        if len(self.gaps) < 100:
            self.gaps.append(Gap(source="transcript", query=f"file {name[:200]}", reason=reason))

    def keep(self, name: str, raw: bytes) -> bool:
        """Whether there is room for more."""
        if len(self.files) >= MAX_FILES or self.bytes_read >= MAX_TOTAL_BYTES:
            self.left_out(
                name,
                f"more than {MAX_FILES} files or {MAX_TOTAL_BYTES >> 20} MiB: this file and what follows was left out",
            )
            return False
        if name.lower().endswith(_NO_TEXT) or b"\x00\x00\x00" in raw[:2_000]:
            return True
        if len(raw) > MAX_FILE_BYTES:
            self.left_out(name, f"only its first {MAX_FILE_BYTES >> 20} MiB were read")
            raw = raw[:MAX_FILE_BYTES]
        self.bytes_read += len(raw)
        self.files.append(BundleFile(name, raw))
        return True


def read_bundle(path: Path) -> Bundle:
    """Raises BadInput when the path cannot be read at all, or holds nothing to read."""
    bundle = Bundle()
    try:
        if path.is_dir():
            _read_folder(bundle, path)
        else:
            _read_file(bundle, path)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        if not bundle.files:
            raise BadInput(
                f"{path}: not a readable archive: {error}", next_step="give the folder or the text itself"
            ) from error
        bundle.left_out(path.name, f"the archive breaks off: {error}")
    except OSError as error:
        raise BadInput(
            f"{path}: {error.strerror or error}", next_step="name a file, folder or archive that can be read"
        ) from error
    if not bundle.files:
        raise BadInput(
            f"{path}: nothing to read in it", next_step="name a transcript, or a folder or archive of outputs"
        )
    bundle.files.sort(key=lambda file: file.rank)
    return bundle


def _read_file(bundle: Bundle, path: Path) -> None:
    name = path.name.lower()
    if name.endswith(_ARCHIVES):
        with tarfile.open(path, mode="r:*") as archive:
            _read_tar(bundle, archive)
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            _read_zip(bundle, archive)
    else:
        with path.open("rb") as handle:
            raw = handle.read(MAX_FILE_BYTES + 1)
        bundle.keep(path.name, _unpacked(raw) if name.endswith(".gz") else raw)


def _unpacked(raw: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as handle:
        return handle.read(MAX_FILE_BYTES + 1)


def _read_folder(bundle: Bundle, root: Path) -> None:
    for path in _files_below(root, 0):
        with path.open("rb") as handle:
            raw = handle.read(MAX_FILE_BYTES + 1)
        name = path.relative_to(root).as_posix()
        if not bundle.keep(name, _maybe_unpacked(bundle, name, raw)):
            return


def _maybe_unpacked(bundle: Bundle, name: str, raw: bytes) -> bytes:
    if not name.endswith(".gz"):
        return raw
    try:
        return _unpacked(raw)
    except (OSError, EOFError, zlib.error) as error:
        bundle.left_out(name, f"cannot be unpacked: {error}")
        return b""


def _files_below(root: Path, depth: int) -> Iterator[Path]:
    """Plain files in the order of their names; links lead anywhere and are not followed."""
    if depth > MAX_DEPTH:
        return
    with os.scandir(root) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path), depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _is_inside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return not name.startswith(("/", "\\")) and ".." not in parts and len(parts) <= MAX_DEPTH and ":" not in parts[0]


def _read_tar(bundle: Bundle, archive: tarfile.TarFile) -> None:
    for number, member in enumerate(archive):
        if number >= MAX_MEMBERS:
            bundle.left_out(member.name, f"more than {MAX_MEMBERS} members: the rest was left out")
            return
        if not member.isfile():
            if member.issym() or member.islnk():
                bundle.left_out(member.name, "a link: links are not followed")
            continue
        if not _is_inside(member.name):
            bundle.left_out(member.name, "its path leads out of the archive")
            continue
        handle = archive.extractfile(member)
        raw = handle.read(MAX_FILE_BYTES + 1) if handle is not None else b""
        if not bundle.keep(member.name, _maybe_unpacked(bundle, member.name, raw)):
            return


def _read_zip(bundle: Bundle, archive: zipfile.ZipFile) -> None:
    for member in archive.infolist()[:MAX_MEMBERS]:
        if member.is_dir():
            continue
        if not _is_inside(member.filename) or (member.external_attr >> 28) == 0xA:
            bundle.left_out(member.filename, "a link, or a path that leads out of the archive")
            continue
        try:
            with archive.open(member) as handle:
                raw = handle.read(MAX_FILE_BYTES + 1)
        except (RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            bundle.left_out(member.filename, f"cannot be unpacked: {error}")
            continue
        if not bundle.keep(member.filename, _maybe_unpacked(bundle, member.filename, raw)):
            return
