"""The library: what is put in is found, by id, by words and by meaning; what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.case_file import parse_case
from knowledge.library import Library
from knowledge.vocabulary import CaseKind, Passage, RecalledCase, Scope
from tests.library.conftest import OpenLibrary
from tests.library.stand_ins import BrokenEmbedder, MemoryStore, WordEmbedder, case_markdown


def ids(hits: list[RecalledCase | Passage]) -> list[str]:
    return [hit.case_id if isinstance(hit, RecalledCase) else hit.document_id for hit in hits]


def test_search_finds_a_case_by_words_and_meaning_when_it_is_stored(library: Library) -> None:
    found = library.find("image cannot be pulled")

    assert ids(list(found.hits))[0] == "image-pull"
    assert found.notice is None
    first = found.hits[0]
    assert isinstance(first, RecalledCase)
    assert "meaning" in first.why
    assert "words" in first.why
    assert first.score == pytest.approx(1.0)


def test_search_finds_the_case_when_asked_in_chinese(library: Library) -> None:
    assert ids(library.search("镜像拉不下来"))[0] == "image-pull"


def test_search_finds_a_chinese_document_when_asked_in_english(library: Library) -> None:
    hits = library.search("certificate expired gateway", collections=("documents",))

    assert ids(hits)[0] == "doc-cert"
    assert isinstance(hits[0], Passage)
    assert "证书过期" in hits[0].text
    assert hits[0].source == "cert.md"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kinds": [CaseKind.OPTIMISATION]}, {"slow-chat"}),
        ({"layers": ["gpu", "image"]}, {"gpu-lost", "image-pull"}),
        ({"services": ["billing"], "collections": ["cases"]}, {"oom-killed", "image-pull", "gpu-lost"}),
        ({"services": ["chat"], "kinds": ["optimisation"]}, {"slow-chat"}),
        ({"language": "zh", "collections": ["documents"]}, {"doc-cert"}),
        ({"reach": Scope(services=("billing",)), "collections": ["cases"]}, {"oom-killed", "image-pull", "gpu-lost"}),
    ],
)
def test_search_gives_only_what_the_filters_allow_when_they_are_set(
    library: Library, filters: dict[str, object], expected: set[str]
) -> None:
    everything = "container image gpu chat disk certificate 证书 killed memory pulled bus slow answers guide"
    assert set(ids(library.search(everything, **filters))) == expected  # type: ignore[arg-type]


def test_search_is_empty_when_nothing_is_asked(library: Library) -> None:
    assert library.search("  ") == []
    assert library.search("image", limit=0) == []


def test_search_puts_the_proven_case_first_when_two_match_alike(open_library: OpenLibrary) -> None:
    library = open_library()
    for name in ("restart-a", "restart-b"):
        text = case_markdown(name, "Service hangs after start", "服务启动后卡住")
        library.add_case(parse_case(text), text)

    hits = library.search("service hangs after start", outcomes={"restart-a": (0, 5), "restart-b": (5, 0)})

    assert ids(hits) == ["restart-b", "restart-a"]
    assert isinstance(hits[0], RecalledCase)
    assert hits[0].outcomes == (5, 0)


def test_recall_needs_no_model_and_no_index_when_a_fault_is_named(open_library: OpenLibrary, library: Library) -> None:
    library.close()
    offline = open_library(BrokenEmbedder())

    recalled = offline.recall(["xid-79"], ["PodOOM"], [])

    assert [case.case_id for case in recalled] == ["gpu-lost", "oom-killed"]
    assert recalled[0].why == "fault xid-79"
    assert recalled[1].why == "alert PodOOM"


def test_recall_orders_by_outcome_when_cases_share_a_fault(open_library: OpenLibrary) -> None:
    library = open_library(BrokenEmbedder())
    for name in ("first", "second"):
        text = case_markdown(name, "Node lost", "节点失联", faults="node-lost")
        library.add_case(parse_case(text), text, embed=False)

    recalled = library.recall(["node-lost"], outcomes={"first": (1, 9)})

    assert [case.case_id for case in recalled] == ["second", "first"]


def test_recall_finds_service_cases_only_when_neither_fault_nor_alert_is_known(library: Library) -> None:
    assert [case.case_id for case in library.recall([], [], ["chat"])] == ["slow-chat"]
    assert library.recall([], [], []) == []
    assert library.recall(["no-such-fault"], [], ["chat"]) == []


def test_add_case_says_what_became_of_it_when_it_comes_again(library: Library) -> None:
    text = case_markdown(
        "oom-killed", "Container killed for memory", "容器内存不足被杀", faults="OOMKilled", alerts="PodOOM"
    )
    changed = text.replace("OOMKilled", "oom-killed-container")

    assert library.add_case(parse_case(text), text) == "unchanged"
    assert library.add_case(parse_case(changed), changed) == "updated"
    assert [case.case_id for case in library.recall(["oom-killed-container"])] == ["oom-killed"]
    assert library.recall(["OOMKilled"]) == []


def test_add_document_is_unchanged_when_the_same_text_has_another_id(library: Library) -> None:
    said = library.add_document("doc-copy", "copy", "# Disk guide\n\nWhen a disk is full, evictions begin.")

    assert said == "unchanged"
    assert len(library.entries("documents")) == 2


def test_search_forgets_an_entry_when_it_was_removed(library: Library) -> None:
    library.search("gpu")

    assert library.remove("cases", "gpu-lost")
    assert not library.remove("cases", "gpu-lost")
    assert "gpu-lost" not in ids(library.search("GPU fell off the bus"))
    assert library.case("gpu-lost") is None
    assert library.check().is_sound


def test_search_sees_the_change_at_once_when_a_case_is_added_with_the_index_open(library: Library) -> None:
    library.search("anything")
    text = case_markdown("etcd-slow", "etcd is slow to commit", "etcd 提交缓慢", layer="control-plane")
    library.add_case(parse_case(text), text)

    hits = library.search("etcd slow commit")

    assert ids(hits)[0] == "etcd-slow"
    assert isinstance(hits[0], RecalledCase)
    assert "meaning" in hits[0].why
    assert library.check().is_sound


def test_search_finds_what_another_process_stored_when_it_looks_again(
    library: Library, open_library: OpenLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.library.REFRESH_SECONDS", 0.0)
    library.search("anything")
    other = open_library(index=tmp_path / "other")
    text = case_markdown("dns-broken", "DNS names do not resolve", "域名解析失败", layer="network")
    other.add_case(parse_case(text), text, embed=False)
    library._refresh_at = 0.0

    hits = library.search("DNS names do not resolve")

    assert ids(hits)[0] == "dns-broken"
    assert isinstance(hits[0], RecalledCase)
    assert "meaning" in hits[0].why


def test_case_gives_the_case_back_when_it_was_stored(library: Library) -> None:
    case = library.case("gpu-lost")

    assert case is not None
    assert case.title.zh == "GPU 掉卡"
    assert library.case("no-such-case") is None


def test_bundled_cases_leave_a_case_of_the_site_alone_when_it_has_the_same_id(
    open_library: OpenLibrary, tmp_path: Path
) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "a-case.md").write_text(case_markdown("a-case", "Ours", "我们的"), encoding="utf-8")
    library = open_library(BrokenEmbedder())

    assert library.load_bundled(folder, tmp_path / "none").count("added") == 1
    assert library.load_bundled(folder, tmp_path / "none").count("unchanged") == 1
    site = case_markdown("a-case", "The site's own", "站点自己的")
    assert library.add_case(parse_case(site), site, source="site.md", embed=False) == "updated"
    assert library.load_bundled(folder, tmp_path / "none").count("unchanged") == 1
    held = library.case("a-case")
    assert held is not None
    assert held.title.en == "The site's own"


def test_entries_get_their_vectors_later_when_they_were_stored_without(
    open_library: OpenLibrary, store: MemoryStore
) -> None:
    embedder = WordEmbedder()
    library = open_library(embedder)
    text = case_markdown("late", "Vectors come later", "稍后生成向量")
    library.add_case(parse_case(text), text, embed=False)
    assert embedder.texts == []

    hits = library.search("vectors come later")

    assert isinstance(hits[0], RecalledCase)
    assert "meaning" in hits[0].why
    stored = store.get("cases", "late")
    assert stored is not None
    assert len(stored.chunks) == 1


def test_documents_are_stored_without_secrets_when_a_redaction_is_given(store: MemoryStore, tmp_path: Path) -> None:
    library = Library.open(
        store, tmp_path / "index", WordEmbedder(), redact=lambda text: text.replace("hunter2", "[redacted]")
    )
    library.add_document("doc-secret", "hunter2", "The password is hunter2.")

    stored = store.get("documents", "doc-secret")
    assert stored is not None
    assert "hunter2" not in repr((stored.text, stored.metadata, [chunk.text for chunk in stored.chunks]))
    library.close()
