"""Tables whose runs of spaces a chat or a web page squeezed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.transcript.reading import read_paste
from tools.transcript.squeezed import with_columns

PODS = """NAME READY STATUS RESTARTS AGE
web-7d9f5c6b8-abcde 0/1 CrashLoopBackOff 7 (2m10s ago) 12m
api-7d9f5c6b8-abcdf 1/1 Running 0 3d"""


def test_cells_of_a_squeezed_table_are_told_apart() -> None:
    assert with_columns(PODS.split("\n")) == [
        "NAME  READY  STATUS  RESTARTS  AGE",
        "web-7d9f5c6b8-abcde  0/1  CrashLoopBackOff  7 (2m10s ago)  12m",
        "api-7d9f5c6b8-abcdf  1/1  Running  0  3d",
    ]


def test_message_with_spaces_stays_one_cell() -> None:
    lines = [
        "LAST SEEN TYPE REASON OBJECT MESSAGE",
        "2m Warning BackOff pod/web-1 Back-off restarting failed container",
    ]
    assert with_columns(lines)[1] == "2m  Warning  BackOff  pod/web-1  Back-off restarting failed container"


def test_squeezed_pods_are_pods() -> None:
    pods = read_paste(f"look:\n```\n{PODS}\n```\n").snapshot().of_kind("Pod")
    assert {pod["metadata"]["name"] for pod in pods} == {"web-7d9f5c6b8-abcde", "api-7d9f5c6b8-abcdf"}


@given(st.lists(st.text(alphabet="NAME STAUX()/ab01-\t", max_size=40), max_size=8))
def test_words_are_never_lost(lines: list[str]) -> None:
    assert [line.split() for line in with_columns(lines)] == [line.split() for line in lines]


def test_aligned_tables_and_prose_are_left_as_they_are() -> None:
    lines = ["NAME    READY   STATUS", "web-1   1/1     Running", "", "THE NAME IS WRONG", "of the service here"]
    assert with_columns(lines)[:3] == lines[:3]
