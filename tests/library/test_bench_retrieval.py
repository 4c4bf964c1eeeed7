"""The benchmark of the search is itself tried, on few documents and without its bar of time."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals import bench_retrieval


def test_benchmark_prints_its_figures_when_it_meets_its_bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_retrieval, "P50_BAR_MS", 1e6)

    assert bench_retrieval.measure(400, tmp_path, 1) == 0
    assert "recall@10 of exact search 1.000" in capsys.readouterr().out


def test_benchmark_fails_when_a_figure_misses_its_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_retrieval, "P50_BAR_MS", 0.0)

    assert bench_retrieval.measure(250, tmp_path, 1) == 1
