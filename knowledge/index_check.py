"""Opens an embedded Chroma folder where it can do no harm: in a process of its own whose files cannot grow.

A folder torn by a kill grows a file to tens of gigabytes when it is merely opened and read. So the desk first runs this
file as a program (it imports nothing of the desk): the kernel stops any file at the given size, the parent stops it at
the given time, and only a folder that counts right and answers its canaries is opened by the desk itself.

Request on standard input: ``{"path", "names": [collection, ...], "canaries": [[name, chunk id, [floats]], ...],
"max_file_bytes"}``. Answer on standard output: ``{"counts": {name: n}}`` or ``{"problem": "..."}``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CANARY_DISTANCE = 1e-3
SPARE_BYTES = 1 << 30


@dataclass(frozen=True)
class Canary:
    """A stored vector that must find itself."""

    name: str
    chunk_id: str
    vector: tuple[float, ...]


@dataclass(frozen=True)
class CheckAnswer:
    """``problem`` is empty when the folder opened and every canary was found; then ``counts`` has chunks by collection."""

    counts: Mapping[str, int]
    problem: str = ""


def check_in_child(path: Path, names: Sequence[str], canaries: Sequence[Canary], timeout_seconds: float) -> CheckAnswer:
    """Runs the check in a child. Whatever the child does (dies, hangs, hits the file limit) is an answer, not an error."""
    largest = max((file.stat().st_size for file in path.rglob("*") if file.is_file()), default=0)
    request = {
        "path": str(path),
        "names": list(names),
        "canaries": [[canary.name, canary.chunk_id, list(canary.vector)] for canary in canaries],
        "max_file_bytes": 2 * largest + SPARE_BYTES,
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own file with our own interpreter, no shell
            [sys.executable, "-I", str(Path(__file__).resolve())],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return CheckAnswer({}, f"the index did not open within {timeout_seconds:.0f} s")
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return CheckAnswer({}, f"the check ended with {done.returncode}: {said[-1][:300] if said else 'no word'}")
    return CheckAnswer(answer.get("counts", {}), answer.get("problem", ""))


def run(request: dict[str, Any]) -> dict[str, Any]:
    """What the child does."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(request["path"], settings=Settings(anonymized_telemetry=False))
    collections = {name: client.get_collection(name, embedding_function=None) for name in request["names"]}
    counts = {name: collection.count() for name, collection in collections.items()}
    for name, chunk_id, vector in request["canaries"]:
        answer = collections[name].query(query_embeddings=[vector], n_results=3, include=["distances"])
        ids, distances = answer["ids"][0], (answer["distances"] or [[]])[0]
        if chunk_id not in ids and not (distances and distances[0] < CANARY_DISTANCE):
            return {"problem": f"{chunk_id} is counted but a search for its own vector does not find it"}
    return {"counts": counts}


def main() -> int:
    request = json.load(sys.stdin)
    limit = int(request["max_file_bytes"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = run(request)
    except Exception as error:  # noqa: BLE001 - whatever Chroma raises on a torn folder is the answer itself
        answer = {"problem": f"{type(error).__name__}: {str(error)[:300]}"}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
