"""Which real peer programs this machine has. A test that needs one is marked ``@pytest.mark.peer("postgresql")``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

_POSTGRESQL_ROOT = Path("/usr/lib/postgresql")


def postgresql_programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: Debian keeps them out of the path."""
    folders = sorted(_POSTGRESQL_ROOT.glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    found = shutil.which("postgres")
    candidates = [*folders, *([Path(found).parent] if found else [])]
    return next((folder for folder in candidates if (folder / "initdb").is_file()), None)


def prometheus_program() -> Path | None:
    return _program("prometheus")


def alertmanager_program() -> Path | None:
    return _program("prometheus-alertmanager", "alertmanager")


def chromium_program() -> Path | None:
    return _program("chromium", "chromium-browser", "google-chrome")


def kubectl_program() -> Path | None:
    return _program("kubectl")


def _program(*names: str) -> Path | None:
    found = next(filter(None, map(shutil.which, names)), None)
    return Path(found) if found else None


PEERS: dict[str, Callable[[], Path | None]] = {
    "postgresql": postgresql_programs,
    "prometheus": prometheus_program,
    "alertmanager": alertmanager_program,
    "chromium": chromium_program,
    "kubectl": kubectl_program,
}


def why_missing(peer: str) -> str:
    """Empty when the peer is here; else what to install."""
    if peer not in PEERS:
        return f"nobody knows the peer {peer!r}: add it to tests/peers/programs.py"
    if PEERS[peer]() is not None:
        return ""
    package = {"alertmanager": "prometheus-alertmanager"}.get(peer, peer)
    return f"{peer} is not installed (Debian: apt-get install {package})"
