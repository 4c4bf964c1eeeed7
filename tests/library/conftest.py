"""Libraries for the tests, closed at the end, so that no writer's lock outlives a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from knowledge.case_file import parse_case
from knowledge.embedding import Embedder
from knowledge.library import Library
from knowledge.library_store import LibraryStore
from tests.library.stand_ins import MemoryStore, WordEmbedder, case_markdown

OpenLibrary = Callable[..., Library]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def open_library(tmp_path: Path, store: MemoryStore) -> Iterator[OpenLibrary]:
    opened: list[Library] = []

    def open_(
        embedder: Embedder | None = None, over: LibraryStore | None = None, index: Path | str | None = None
    ) -> Library:
        library = Library.open(over or store, index or tmp_path / "index", embedder or WordEmbedder())
        opened.append(library)
        return library

    yield open_
    for library in opened:
        library.close()


@pytest.fixture
def library(open_library: OpenLibrary) -> Library:
    """Four cases and two documents."""
    made = open_library()
    for markdown in (
        case_markdown(
            "oom-killed", "Container killed for memory", "容器内存不足被杀", faults="OOMKilled", alerts="PodOOM"
        ),
        case_markdown("image-pull", "Image cannot be pulled", "镜像拉取失败", layer="image", faults="ImagePullBackOff"),
        case_markdown("gpu-lost", "GPU fell off the bus", "GPU 掉卡", layer="gpu", faults="xid-79", alerts="GpuXid"),
        case_markdown(
            "slow-chat", "Slow chat answers", "对话服务响应慢", kind="optimisation", layer="vllm", services="chat"
        ),
    ):
        made.add_case(parse_case(markdown), markdown)
    made.add_document(
        "doc-disk", "Disk guide", "# Disk guide\n\nWhen a disk is full, evictions begin.", source="disk.md"
    )
    made.add_document("doc-cert", "证书手册", "# 证书手册\n\n证书过期时，请先续期再重启网关。", source="cert.md")
    return made
