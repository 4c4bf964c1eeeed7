"""The page's review and the command's are one: the same words for every script."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.settings import ClusterSettings, Settings
from tests.web.conftest import Rig
from tools.safety.offline import judge_script

SCRIPTS = [
    "kubectl get pods -A", "kubectl rollout restart deploy/web -n shop", "kubectl drain gpu-1 --ignore-daemonsets",
    "kubectl delete ns shop", "kubectl get po | sh", "", "kubectl apply -f - <<'EOF'\na: b\n", "kubectl delete pods -l app=web",
    "kubectl scale deploy/web --replicas=0 --dry-run=server", "kubectl get p\u043eds", "a" * 90_000, " \n", "a" * 1_000_000,
    "kubectl frobnicate", "kubectl get unicorns", "kubectl get pods\x00", "kubectl get pods \\\n  -A", "\x7fELF\x01\x02",
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """As they are without a settings file: a script of a megabyte is taken in, and refused by the grammar."""
    return Settings(home=tmp_path / "home", clusters=(ClusterSettings(name="prod"),))


@pytest.mark.parametrize("script", SCRIPTS, ids=[repr(script[:40]) + str(len(script)) for script in SCRIPTS])
async def test_page_says_what_the_command_says(rig: Rig, script: str) -> None:
    async with rig.client("vera") as vera:
        answer = await vera.post("/api/v1/review", json={"script": script})
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(judge_script(script, rig.desk.deps.policy).model_dump_json())
