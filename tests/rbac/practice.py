"""The practice cluster with the printed roles in force, and the two identities' kubeconfigs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evals.demo.identities import make_identities
from evals.practice.server import running_in_thread


@dataclass(frozen=True, slots=True)
class Practice:
    url: str
    admin: Path
    admin_token: str
    reader: Path
    executor: Path


@contextmanager
def practice(folder: Path) -> Iterator[Practice]:
    import yaml

    with running_in_thread() as server:
        admin = folder / "admin.kubeconfig"
        admin.write_text(server.kubeconfig(), "utf-8")
        content = yaml.safe_load(server.kubeconfig())
        url, token = content["clusters"][0]["cluster"]["server"], content["users"][0]["user"]["token"]
        reader, executor = make_identities(url, token, folder)
        yield Practice(url, admin, token, reader, executor)
