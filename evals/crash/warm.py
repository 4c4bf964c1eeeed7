"""What every life needs and none changes, loaded once before any is forked: a new life then begins in milliseconds."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@cache
def detectors() -> Any:
    from tools.detectors.library import load_detectors

    return load_detectors(())


@cache
def policy() -> Any:
    from tools.safety.offline import load_policy

    return load_policy()


@cache
def collectors() -> Any:
    from api.bootstrap import open_collectors

    return open_collectors()


@cache
def empty_ledger() -> bytes:
    """A migrated SQLite ledger as a file's content."""
    from knowledge.ledger.ledger import Ledger

    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger.upgrade(f"sqlite:///{path}")
        return path.read_bytes()


MODULES = (
    "kubernetes.client",
    "langgraph.checkpoint.sqlite.aio",
    "agent.graph",
    "api.executor",
    "api.worker",
    "evals.crash.life",
    "evals.crash.wire",
)


def warm_up() -> None:
    """Imports and reads it all. It starts no thread: a process with threads is not forked."""
    for module in MODULES:
        import_module(module)
    from api.bootstrap import open_reader, open_writer
    from api.settings import ClusterSettings

    nowhere = ClusterSettings(name="warm", kubeconfig=Path("none"), executor_kubeconfig=Path("none"))
    open_reader(nowhere)  # touches no file and no network, but its modules are then there
    open_writer(nowhere)
    detectors()
    policy()
    collectors()
    empty_ledger()
