"""The index on a Chroma server: the same library, a server that may go away, lose its data and come back."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.case_file import parse_case
from knowledge.errors import MalformedSettings
from knowledge.library import Library
from knowledge.vocabulary import RecalledCase
from tests.library.stand_ins import MemoryStore, WordEmbedder, case_markdown

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class ChromaServer:
    """A real server on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, data: str) -> None:
        command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(self._folder / data)]
        self._process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the Chroma server did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChromaServer]:
    made = ChromaServer(tmp_path)
    made.start("data")
    yield made
    made.stop()


def why_of(library: Library) -> str:
    hit = library.search("GPU fell off the bus")[0]
    assert isinstance(hit, RecalledCase)
    return hit.why


def test_library_goes_on_when_its_server_dies_and_comes_back_empty(server: ChromaServer, tmp_path: Path) -> None:
    library = Library.open(MemoryStore(), server.url, WordEmbedder(), state_folder=tmp_path / "state")
    markdown = case_markdown("gpu-lost", "GPU fell off the bus", "GPU 掉卡", services="chat")
    library.add_case(parse_case(markdown), markdown)
    assert "meaning" in why_of(library)
    assert library.check().is_sound

    server.stop()
    found = library.find("GPU fell off the bus")
    assert found.notice is not None
    assert [hit.case_id for hit in found.hits if isinstance(hit, RecalledCase)] == ["gpu-lost"]
    assert not library.check().is_sound

    server.start("other-data")
    library._retry_at = 0.0
    assert "meaning" in why_of(library)
    assert library.check().is_sound
    library.close()


def test_index_on_the_server_is_used_again_when_the_library_is_opened_again(
    server: ChromaServer, tmp_path: Path
) -> None:
    store, generations = MemoryStore(), []
    markdown = case_markdown("gpu-lost", "GPU fell off the bus", "GPU 掉卡")
    for _ in range(2):
        library = Library.open(store, server.url, WordEmbedder(), state_folder=tmp_path / "state")
        library.add_case(parse_case(markdown), markdown)
        assert "meaning" in why_of(library)
        generations.append(library.check().generation)
        library.close()

    assert generations == ["gen-000001", "gen-000001"]


@pytest.mark.parametrize("url", ["http://", "https://:8000"])
def test_library_says_what_to_write_when_the_url_is_wrong(url: str, tmp_path: Path) -> None:
    library = Library.open(MemoryStore(), url, WordEmbedder(), state_folder=tmp_path / "state")
    with pytest.raises(MalformedSettings, match="not the URL"):
        library.warm()
    library.close()


def test_library_asks_for_a_state_folder_when_it_has_a_server(tmp_path: Path) -> None:
    with pytest.raises(MalformedSettings, match="needs a folder"):
        Library.open(MemoryStore(), "http://127.0.0.1:1", WordEmbedder())
