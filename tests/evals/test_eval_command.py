"""`opsdesk eval` as a person or a machine runs it, and the reports that it writes."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evals.measure.command_line import main
from evals.measure.incidents import Case, judged_of
from evals.measure.metrics import column, places
from evals.measure.retrieval import Asked, Query, figures_of, read_queries
from evals.reports.table import Bars, Lines, Report, Table, bars_svg, html, markdown
from evals.scenarios.format import load_scenarios
from evals.scoring.incidents import Answer
from knowledge.bundled import bundled_case_files

TRANSCRIPT = """$ kubectl get pods -n shop
NAME                    READY   STATUS             RESTARTS      AGE
cart-7d9c5b6f8-x2x4z    0/1     ImagePullBackOff   0             12m
web-5f6d7c8b9-aaaaa     1/1     Running            0             3d
$ kubectl describe pod cart-7d9c5b6f8-x2x4z -n shop
Events:
  Type     Reason   Age   From     Message
  ----     ------   ----  ----     -------
  Warning  Failed   11m   kubelet  Failed to pull image "reg.example.com/cart:9": rpc error: code = NotFound desc = failed to pull and unpack image "reg.example.com/cart:9": failed to resolve reference "reg.example.com/cart:9": reg.example.com/cart:9: not found
  Warning  Failed   11m   kubelet  Error: ErrImagePull
"""


@pytest.fixture
def incidents(tmp_path: Path) -> Path:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "transcript.txt").write_text(TRANSCRIPT, encoding="utf-8")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "transcript.txt").write_text(TRANSCRIPT, encoding="utf-8")
    answer = {"fault_taxonomy": "Image", "fault_object": "app/cart", "root_cause": "image_tag_does_not_exist"}
    rows = [
        {"id": "one", "question": "cart is down", "namespace": "shop", "answer": answer},
        {"id": "two", "question": "cart is down", "namespace": "shop", "answer": {**answer, "fault_object": "app/web"}},
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    listed = [["Image", "image_tag_does_not_exist"], ["Storage", "volume_full"]]
    (tmp_path / "candidates.json").write_text(json.dumps(listed), encoding="utf-8")
    return tmp_path


def test_incidents_print_exactly_the_promised_figures(incidents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnosis", "--incidents", str(incidents), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"n", "object_and_cause", "cause", "seconds"}
    assert told["n"] == 2
    assert told["cause"] == {"top1": 1.0, "top3": 1.0}
    assert told["object_and_cause"] == {"top1": 0.5, "top3": 0.5}
    assert 0 < told["seconds"]["p50"] <= told["seconds"]["p95"]


def test_incidents_report_names_what_was_said_instead(incidents: Path, tmp_path: Path) -> None:
    assert main(["diagnosis", "--incidents", str(incidents), "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "incidents.md").read_text(encoding="utf-8")
    assert "two: true is image_tag_does_not_exist on app/web" in text
    assert "- one:" not in text
    assert (tmp_path / "out" / "incidents.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_incidents_without_answers_are_refused_with_the_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnosis", "--incidents", str(tmp_path)]) == 1
    assert "answers.jsonl" in capsys.readouterr().err
    (tmp_path / "answers.jsonl").write_text('{"id": "x"}\n', encoding="utf-8")
    assert main(["diagnosis", "--incidents", str(tmp_path)]) == 1
    assert "line 1" in capsys.readouterr().err


def test_hypotheses_are_taken_by_rank_and_one_without_a_candidate_names_nothing(tmp_path: Path) -> None:
    case = Case("x", tmp_path, "", "", Answer("Image", "gone", "app/cart"))
    row = {"object": {"kind": "Deployment", "namespace": "shop", "name": "cart"}, "confidence": 0.4}
    rows = [{**row, "rank": 2, "candidate": ["Image", "gone"]}, {**row, "rank": 1, "candidate": None}]
    found = judged_of(case, {"hypotheses": rows, "seconds": 0.1})
    assert (found.score.both1, found.score.both3) == (False, True)
    assert judged_of(case, {"hypotheses": [], "seconds": 0.1}).confidence == 0


def test_scenarios_are_chosen_measured_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = ["diagnosis", "--only", "nothing-at-all", "--only", "embedding-server-oom", "--workers", "1"]
    assert main([*order, "--json", "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["all"]["n"], told["all"]["faults"], told["all"]["healthy"]) == (2, 1, 1)
    assert set(told["layers"]) == {"container", "healthy"}
    page = (tmp_path / "diagnosis.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert main(["diagnosis", "--only", "no-such-scenario"]) == 1


def test_detectors_are_tried_on_specimens_and_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "--only", "embedding-server-oom", "--workers", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["detectors"] > 100
    assert told["specimens"]["yes"] >= told["detectors"]
    assert told["fired"]["container-oomkilled"]["right"] == 1
    assert told["never_found"] == []


def test_metrics_rank_the_service_whose_processor_rose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cart-cpu" / "1"
    folder.mkdir(parents=True)
    heads = "time,cart_cpu,cart_mem,web_cpu,web_lat_90\n"
    calm = "".join(f"{n},{1 + n % 3 / 10},{50 + n % 2},{2 + n % 2 / 10},0.1\n" for n in range(60))
    (folder / "normal.csv").write_text(heads + calm, encoding="utf-8")
    hot = "".join(f"{n},{9 + n % 3},{50 + n % 2},{2 + n % 2 / 10},0.1\n" for n in range(60))
    (folder / "anomalous.csv").write_text(heads + hot, encoding="utf-8")
    assert main(["metrics", "--data", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["service"] == told["service_and_metric"] == {"top1": 1.0, "top3": 1.0, "avg5": 1.0}
    (tmp_path / "web-cpu").mkdir()
    folder.rename(tmp_path / "web-cpu" / "1")
    assert main(["metrics", "--data", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["service"]["top1"] == 0.0
    assert main(["metrics", "--data", str(tmp_path / "none")]) == 1


def test_columns_are_read_as_service_and_metric() -> None:
    found = column("orders-db_lat_90")
    assert (found.service, found.about, found.name) == ("orders-db", "latency", "lat_90")
    assert column("x_strange").about == "other"
    assert places([1, 3, None]) == {
        "top1": pytest.approx(1 / 3),
        "top3": pytest.approx(2 / 3),
        "avg5": pytest.approx(8 / 15),
    }


def test_queries_expect_cases_that_ship_and_both_halves_hold_both_languages() -> None:
    queries = read_queries()
    shipped = {path.stem for path in bundled_case_files()}
    assert {one for query in queries for one in query.right} <= shipped
    assert {(query.language, query.is_held_out) for query in queries} == {
        (a, b) for a in ("en", "zh") for b in (True, False)
    }
    assert len({query.ask for query in queries}) == len(queries) >= 80


def test_retrieval_figures_fall_when_the_wrong_cases_are_found() -> None:
    right, wrong = Asked(Query("a", ("x",)), ("x", "y"), 0.1), Asked(Query("b", ("x",)), ("y", "z"), 0.3)
    found = figures_of([right, wrong])
    assert (found["recall@1"], found["mrr"], found["n"]) == (0.5, 0.5, 2)
    assert figures_of([wrong])["recall@10"] == 0.0


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_quotes_what_it_shows() -> None:
    report = Report("x", "T <b>", "intro & more", (
        Table("A", ("a|b", "c"), (("<script>", 0.5), (None, True))),
        Bars("B", (("one", 0.4, 0.9), ("two", 1.7, None))),
        Lines("C", ("<x>",)), Lines("D", ()),
    ))  # fmt: skip
    page = html(report)
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    text = markdown(report)
    assert "| &lt;script> | 0.500 |" in text
    assert "| – | yes |" in text
    assert "none" in text


def test_bar_never_leaves_its_chart() -> None:
    assert 'width="430.0"' in bars_svg(Bars("x", (("a", 5.0, 9.0),)))
    assert 'width="0.0"' in bars_svg(Bars("x", (("a", -1.0, None),)))


def test_every_scenario_is_scored_with_a_truth_that_can_be_missed() -> None:
    """A truth that accepts any object or cause would be no truth."""
    for scenario in load_scenarios():
        for fault in scenario.truth.faults:
            assert "*" not in fault.causes
            assert fault.object not in ("*", "*/*", "*/*/*"), scenario.id
