"""The practice cluster answers what a real API server was recorded to answer; so does a live cluster, where one is named.

Exchanges that differ stand in `expected_differences.yaml` with the reason. A live cluster is written to: each file makes and
leaves a namespace `rec-...`, which must not be there before.
"""

from __future__ import annotations

import base64
import os
import ssl
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contracts.kubernetes.recordings import files, load
from tests.contracts.kubernetes.replay import Outcome, Server, bare_practice_server, replay_file

LIVE = os.environ.get("OPSDESK_TEST_KUBECONFIG", "")
_EXPECTED = Path(__file__).with_name("expected_differences.yaml")
_FILES = [pytest.param(file, id=file.stem) for file in files()]


@cache
def expected() -> dict[str, dict[str, str]]:
    """`differs` and `races`: exchange -> reason."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load(_EXPECTED.read_text(encoding="utf-8"))
    return loaded


def _told(rows: Outcome) -> str:
    return "\n".join(f"{name}: {'; '.join(found[:4])[:800]}" for name, found in rows.items())


@pytest.mark.parametrize("file", _FILES)
def test_practice_cluster_answers_as_recorded(file: Path) -> None:
    with bare_practice_server(file) as server:
        outcome = replay_file(server, file)
    differs, races = expected()["differs"], expected()["races"]
    surprising = {
        name: found
        for name, found in outcome.items()
        if found and name not in differs and (name not in races or found[0].startswith("status "))
    }
    assert not surprising, _told(surprising)
    healed = [name for name, found in outcome.items() if not found and name in differs]
    assert not healed, f"equal by now, so take them out of {_EXPECTED.name}: {', '.join(healed)}"


def test_expected_differences_name_recorded_exchanges_and_reasons() -> None:
    known = {exchange.id for file in files() for exchange in load(file)}
    for kind, rows in expected().items():
        assert set(rows) <= known, f"{kind}: {sorted(set(rows) - known)} were never recorded"
        assert all(len(reason) > 20 for reason in rows.values()), f"{kind}: every entry says why"


@pytest.mark.cluster
@pytest.mark.timeout(300)
@pytest.mark.skipif(not LIVE, reason="no live cluster: set OPSDESK_TEST_KUBECONFIG")
@pytest.mark.parametrize("file", _FILES)
def test_live_cluster_answers_as_recorded(file: Path, tmp_path: Path) -> None:
    outcome = replay_file(live_server(Path(LIVE), tmp_path), file)
    surprising = {name: found for name, found in outcome.items() if found}
    assert not surprising, _told(surprising)


def live_server(kubeconfig: Path, folder: Path) -> Server:
    """The current context of a kubeconfig, with a token or a client certificate."""
    config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    context = _named(config["contexts"], config["current-context"], "context")
    cluster = _named(config["clusters"], context["cluster"], "cluster")
    user = _named(config["users"], context["user"], "user")
    verify = ssl.create_default_context()
    if authority := _file(cluster, "certificate-authority", folder):
        verify = ssl.create_default_context(cafile=authority)
    certificate, key = _file(user, "client-certificate", folder), _file(user, "client-key", folder)
    pair = (certificate, key) if certificate and key else None
    return Server(cluster["server"], user.get("token", ""), verify=verify, certificate=pair)


def _named(rows: list[dict[str, Any]], name: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row[kind] for row in rows if row["name"] == name)
    return found


def _file(holder: dict[str, Any], key: str, folder: Path) -> str:
    """A file that the kubeconfig names or holds; "" when it has neither."""
    if holder.get(key):
        return str(holder[key])
    data = holder.get(f"{key}-data")
    if not data:
        return ""
    written = folder / key
    written.touch(mode=0o600)
    written.write_bytes(base64.b64decode(data))
    return str(written)
