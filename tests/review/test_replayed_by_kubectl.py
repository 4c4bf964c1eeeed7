"""What a line does to a cluster is what the real kubectl of that line does: both are said to equal clusters, line after line,
and after each the clusters are equal. What kubectl refuses on the object as it is, we refuse."""

from __future__ import annotations

import json
import os
import subprocess
from random import Random

import pytest

from tests.peers.programs import kubectl_program
from tests.spoken.lines import change_line
from tests.spoken.replay import by_kubectl, by_us, differences, two_shops
from tools.safety.offline import load_policy

POLICY = load_policy()
OLDEST_MINOR = 34
LINES_TOGETHER = 25
ROUNDS = int(os.environ.get("OPSDESK_KUBECTL_ROUNDS", "12"))
"""Each of 25 lines: twelve are three hundred."""


@pytest.fixture(scope="module")
def program() -> str:
    """kubectl on the path, when it is one of those whose effects we promise; older ones still autoscale with another API."""
    found = kubectl_program()
    assert found is not None, "mark the test with peer('kubectl')"
    told = subprocess.run([found, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True)
    version = json.loads(told.stdout)["clientVersion"]
    minor = int(version["minor"].rstrip("+"))
    if (version["major"], minor) < ("1", OLDEST_MINOR):
        pytest.skip(f"peer missing: kubectl 1.{OLDEST_MINOR} or later (1.{minor} is installed)")
    return str(found)


@pytest.mark.peer("kubectl")
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_clusters_stay_equal_when_the_same_lines_are_said_by_kubectl_and_by_us(seed: int, program: str) -> None:
    chance = Random(1000 + seed)
    done = 0
    with two_shops() as (theirs, ours):
        for _ in range(LINES_TOGETHER):
            line = change_line(chance)
            was_done, said = by_kubectl(line, theirs, program)
            was_done_here, said_here = await by_us(line, ours, POLICY)
            assert was_done == was_done_here, f"{line!r}\nkubectl: {said}\nhere: {said_here}"
            assert not differences(theirs, ours), line
            done += was_done
    assert done > LINES_TOGETHER // 2
