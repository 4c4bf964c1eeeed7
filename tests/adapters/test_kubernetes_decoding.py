"""Lists come out as the server told them, but for who set which field."""

from __future__ import annotations

import gc
from typing import Any

import orjson
import pytest

from tests.contracts.kubernetes.recordings import files, load
from tools.adapters.kubernetes_decoding import LARGE_BYTES, decoded, decoded_page
from tools.collectors.reading import kind_of
from tools.cycle_rest import keep_apart
from tools.ports import ResourceKind

PODS = kind_of("", "v1", "pods", "Pod")


def recorded_lists() -> list[tuple[ResourceKind, Any]]:
    """Every list that the recorded server answered, with its kind."""
    found = []
    for exchange in (one for file in files() for one in load(file)):
        answer = exchange.answer
        if exchange.status == 200 and isinstance(answer, dict) and isinstance(answer.get("items"), list):
            group, _, version = str(answer.get("apiVersion", "")).rpartition("/")
            found.append((kind_of(group, version, "listed", str(answer["kind"]).removesuffix("List")), answer))
    return found


def without_fields(page: Any) -> Any:
    copied = orjson.loads(orjson.dumps(page))
    for item in copied["items"]:
        for entry in item["metadata"].get("managedFields") or ():
            entry.pop("fieldsV1", None)
            entry.pop("fieldsType", None)
    return copied


def test_page_is_what_the_server_told_when_recorded() -> None:
    lists = recorded_lists()
    assert len(lists) > 20
    for kind, answer in lists:
        page = decoded_page(orjson.dumps(answer), kind)
        assert without_fields(page)["items"] == without_fields(answer)["items"], kind
        assert page["metadata"] == answer["metadata"]


def test_page_leaves_out_who_set_which_field_when_the_kind_is_built_in() -> None:
    entry = {
        "manager": "kubelet",
        "time": "2026-01-02T12:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:status": {}},
    }
    body = orjson.dumps(
        {"items": [{"metadata": {"name": "web", "managedFields": [entry]}, "status": {"phase": "Running"}}]}
    )
    (pod,) = decoded_page(body, PODS)["items"]
    assert pod == {
        "metadata": {"name": "web", "managedFields": [{"manager": "kubelet", "time": "2026-01-02T12:00:00Z"}]},
        "status": {"phase": "Running"},
    }


def test_page_is_kept_whole_when_the_kind_is_a_site_s_own() -> None:
    told = {"items": [{"metadata": {"name": "a", "extra": 1}, "anything": [1, 2]}], "metadata": {"continue": "x"}}
    assert decoded_page(orjson.dumps(told), kind_of("ray.io", "v1", "rayservices", "RayService")) == told
    assert decoded_page(orjson.dumps(told), kind_of("example.com", "v1", "pods", "Pod")) == told


@pytest.mark.parametrize(
    "told", [{"items": None}, {"items": [None]}, [], "words", {"items": [{"metadata": {"managedFields": None}}]}]
)
def test_page_is_read_without_a_shape_when_it_has_another_one(told: Any) -> None:
    assert decoded_page(orjson.dumps(told), PODS) == told


@pytest.mark.parametrize(
    ("body", "told"), [(b"", None), (b"not json", "not json"), (b"\xff{", "�{"), (b'{"a": 1.5}', {"a": 1.5})]
)
def test_body_is_text_when_it_is_not_json(body: bytes, told: Any) -> None:
    assert decoded(body) == told


def test_collector_runs_again_when_a_large_answer_was_read_or_could_not_be() -> None:
    large = b'["' + b"x" * LARGE_BYTES + b'"]'
    decoded(large)
    decoded(large[:-1])
    assert gc.isenabled()


def test_objects_return_to_the_collector_when_their_holder_is_gone() -> None:
    class Holder:
        pass

    holder = Holder()
    keep_apart(holder)
    assert gc.get_freeze_count() > 0
    del holder
    assert gc.get_freeze_count() == 0
