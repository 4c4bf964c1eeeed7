"""`opsdesk demo` does the main job by itself, and never approves on a cluster that it did not start."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from evals.demo.stage import DeskProcess, PracticeProcess
from evals.demo.story import check_yes
from knowledge.errors import Refused
from tests.end_to_end.desks import run_opsdesk

OURS, FOREIGN = "http://127.0.0.1:1", "https://production.example:6443"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_demo_ends_resolved(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPSDESK_")}
    done = run_opsdesk({**environment, "TMPDIR": str(tmp_path)}, "demo", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("diagnose", "review", "approve", "execute", "verify", "resolved", "where to look next"):
        assert word in done.stdout


def stage(tmp_path: Path, server: str, *, ended: bool = False) -> tuple[DeskProcess, PracticeProcess]:
    config = tmp_path / "some.kubeconfig"
    config.write_text(yaml.safe_dump({"clusters": [{"cluster": {"server": server}}]}))
    one = {"name": "practice", "kubeconfig": str(config), "executor_kubeconfig": str(config)}
    (tmp_path / "opsdesk.yaml").write_text(yaml.safe_dump({"clusters": [one]}))
    process: Any = SimpleNamespace(poll=lambda: 0 if ended else None)
    running = DeskProcess("http://x", {"OPSDESK_HOME": str(tmp_path)}, tmp_path / "log", process)
    return running, PracticeProcess(OURS, "token", process)


def test_yes_is_accepted_on_the_cluster_that_the_demo_started(tmp_path: Path) -> None:
    check_yes(True, None, *stage(tmp_path, OURS))


@pytest.mark.parametrize("case", ["foreign-server", "kubeconfig-given", "our-cluster-ended"])
def test_yes_is_refused_on_any_other(tmp_path: Path, case: str) -> None:
    running, cluster = stage(tmp_path, FOREIGN if case == "foreign-server" else OURS, ended=case == "our-cluster-ended")
    with pytest.raises(Refused, match="did not start"):
        check_yes(True, tmp_path / "k" if case == "kubeconfig-given" else None, running, cluster)


def test_without_yes_a_person_decides_anywhere(tmp_path: Path) -> None:
    check_yes(False, tmp_path / "k", *stage(tmp_path, FOREIGN))
