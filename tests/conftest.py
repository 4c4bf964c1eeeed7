"""What holds for every test: no network, peers that may be missing but never silently, and how hard hypothesis tries."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.peers.network import closed_network
from tests.peers.postgresql import postgresql_server
from tests.peers.programs import why_missing

__all__ = ["network", "postgresql_server"]

PEERS_ARE_REQUIRED = os.environ.get("OPSDESK_REQUIRE_PEERS") == "1"
"""With it a test whose peer is missing fails instead of being skipped: what CI sets."""

NOT_PACKAGED = frozenset({"kubectl"})
"""Peers that Debian has only in an old version: used where a recent one is installed, never required."""

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("quick", max_examples=25, deadline=None, database=None, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=500)
settings.load_profile(os.environ.get("OPSDESK_HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session", autouse=True)
def network() -> Iterator[None]:
    with closed_network():
        yield


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("peer"):
        missing = why_missing(marker.args[0])
        if missing and PEERS_ARE_REQUIRED and marker.args[0] not in NOT_PACKAGED:
            pytest.fail(f"peer required: {missing}", pytrace=False)
        if missing:
            pytest.skip(f"peer missing: {missing}")
