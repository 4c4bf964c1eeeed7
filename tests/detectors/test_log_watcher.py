"""Signals of logs become hits: whole tracebacks are cited, nothing secret leaves, and the rules of time and number hold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from knowledge.vocabulary import Focus, ObjectRef
from tests.logs.test_passages import PLANTED
from tools.contracts import LogText
from tools.detectors.format import LogSignal
from tools.detectors.hits import Hit, HitTable
from tools.detectors.log_watcher import LogWatcher
from tools.detectors.scene import Scene
from tools.detectors.specimen import CLUSTER, NOW, pod_in_state
from tools.snapshot import ClusterSnapshot

SECRET = "Zq7aKd92mLp0sWq3RtYv6xBn"
TRACE = (
    "ERROR worker failed\nTraceback (most recent call last):\n"
    '  File "/app/serve.py", line 10, in step\n    boot(x)\nBootError: no weights in /models/a'
)


def log_of(text: str, *, minutes_ago: float = 1, previous: bool = False) -> LogText:
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")
    pod = ObjectRef(cluster=CLUSTER, kind="Pod", namespace="default", name="web-1")
    return LogText(pod, "main", "".join(f"{at} {line}\n" for line in text.split("\n")), is_previous=previous)


def watch(signal: LogSignal, *logs: LogText) -> tuple[list[Hit], ClusterSnapshot]:
    focus = Focus(cluster=CLUSTER, since=NOW - timedelta(hours=1), until=NOW)
    snapshot = ClusterSnapshot(CLUSTER, focus, NOW, objects=[pod_in_state("web-1", "crashing")], logs=logs)
    table = HitTable()
    LogWatcher([(0, signal)]).watch(Scene(snapshot), table)
    return list(table.of(0)), snapshot


def signal(match: str, **more: object) -> LogSignal:
    return LogSignal.model_validate({"kind": "log", "match": match, **more})


def test_whole_traceback_is_cited_when_its_last_line_is_hit() -> None:
    hits, snapshot = watch(signal(r"BootError: (?P<why>.+)"), log_of(f"INFO ok\n{TRACE}\nINFO next"))
    assert hits[0].facts["why"] == "no weights in /models/a"
    assert hits[0].facts["line"] == "BootError: no weights in /models/a"
    assert hits[0].began_at == NOW - timedelta(minutes=1)
    hits[0].cites[0]()
    shown = [line.split(" ", 1)[1] for line in snapshot.cited()[0].body["lines"]]
    assert shown == TRACE.split("\n")


@pytest.mark.parametrize("form", PLANTED)
def test_nothing_secret_is_in_facts_or_evidence_when_it_stands_beside_a_hit(form: str) -> None:
    planted = form.format(SECRET)
    hits, snapshot = watch(signal(r"BOOM(?P<rest>.*)"), log_of(f"INFO a\n{planted}\nBOOM {planted}\n{planted}\nINFO b"))
    assert hits
    for hit in hits:
        hit.cites[0]()
        assert SECRET not in repr(hit.facts)
    assert SECRET not in repr([one.model_dump() for one in snapshot.cited()])


def test_group_is_left_out_when_it_caught_a_part_of_a_secret() -> None:
    hits, _ = watch(signal(r"password=(?P<value>\S+)"), log_of("login with password=hunter2hunter2 failed"))
    assert "value" not in hits[0].facts
    assert "hunter2" not in repr(hits[0].facts)


def test_lines_are_counted_once_each_and_only_fresh_ones() -> None:
    old, new = log_of("refused refused\nrefused", minutes_ago=90), log_of("refused refused\nrefused")
    hits, _ = watch(signal("refused", at_least=2), new)
    assert hits[0].facts["line_count"] == "2"
    assert not watch(signal("refused", at_least=3), new)[0]
    assert not watch(signal("refused"), old)[0]


@pytest.mark.parametrize(("after", "is_over"), [(4, False), (5, True)])
def test_trouble_is_over_when_so_many_lines_follow(after: int, *, is_over: bool) -> None:
    text = "refused" + "\nINFO served" * after
    assert bool(watch(signal("refused", over_after_lines=5), log_of(text))[0]) is not is_over


def test_previous_log_counts_only_where_it_is_asked_for() -> None:
    previous = log_of("refused", previous=True)
    assert watch(signal("refused", where="previous"), previous)[0]
    assert not watch(signal("refused", where="current"), previous)[0]
    assert not watch(signal("refused", where="node"), previous)[0]
    assert not watch(signal("refused", where="any", speaks_of="now"), previous)[0]
