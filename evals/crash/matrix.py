"""Kills a desk at the moments of a plan's life, one point after the other, and judges what became of each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import IO

import httpx

from evals.crash.audit import complaints
from evals.crash.plans import CrashPlan
from evals.crash.world import READ_BACK, fingerprint
from evals.demo.identities import kubeconfig
from knowledge.vocabulary import Json

MOST_LIVES = 4
LAST_FEW = 6
Databases = Callable[[], str]
"""Gives the URL of a fresh, migrated ledger; empty: SQLite in the point's own folder."""


@dataclass(frozen=True)
class Point:
    """Where the first life dies, and where the second (0: it lives). Moments are counted from 1."""

    plan: CrashPlan
    at: int
    again_at: int = 0


@dataclass(frozen=True)
class Judged:
    """``moments`` are the names of those at which a life was killed; ``wrong`` is empty when all is well."""

    point: Point
    moments: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """One life that nobody killed: the moments that it had, and what it left in the cluster."""

    moments: tuple[str, ...]
    left: Json


@dataclass
class Slot:
    """A process that gives out clusters and one that forks lives: what one point after the other is tried in."""

    cluster_host: subprocess.Popen[str]
    hatchery: subprocess.Popen[str]
    databases: Databases | None = None

    def reference(self, plan: CrashPlan) -> Reference:
        """AssertionError when the plan does not end as it should even if nobody is killed."""
        with self._place() as (folder, api):
            lives, wrong, left = self._run(plan, (0,), folder, api)
            assert lives == 1, f"{plan.name}: it took {lives} lives"
            assert not wrong, f"{plan.name}: {wrong}"
            return Reference(tuple((folder / "moments-0").read_text(encoding="utf-8").splitlines()), left)

    def judge(self, point: Point, reference: Reference) -> Judged:
        with self._place() as (folder, api):
            name = reference.moments[point.at - 1]
            named = {"name": name, "nth": reference.moments[: point.at].count(name)}
            lives, wrong, left = self._run(point.plan, (point.at, point.again_at), folder, api, named)
            if not wrong and left != reference.left:
                wrong = [f"left otherwise: {_differing(left, reference.left)}"]
            if wrong:
                wrong.append((folder / "log").read_text(encoding="utf-8")[-1_500:])
            killed = [
                (folder / f"moments-{number}").read_text(encoding="utf-8").splitlines()[-1]
                for number in range(lives - 1)
            ]
            return Judged(point, tuple(killed), tuple(wrong))

    @contextmanager
    def _place(self) -> Iterator[tuple[Path, httpx.Client]]:
        told = _asked(self.cluster_host, {})
        folder = Path(tempfile.mkdtemp(prefix="opsdesk-crash-"))
        try:
            (folder / "kubeconfig").write_text(kubeconfig(told["url"], told["admin_token"]), encoding="utf-8")
            headers = {"Authorization": f"Bearer {told['admin_token']}"}
            with httpx.Client(base_url=told["url"], headers=headers, timeout=30.0, trust_env=False) as api:
                yield folder, api
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(
        self, plan: CrashPlan, fuses: Sequence[int], folder: Path, api: httpx.Client, named: Json | None = None
    ) -> tuple[int, list[str], Json]:
        """Life after life until one comes to its end. How many there were, what is wrong, and what was left."""
        for one in plan.orders:
            api.post("/practice/inject", json=one).raise_for_status()
        order = {"folder": str(folder), "script": plan.script, "ledger_url": self.databases() if self.databases else ""}
        for number in range(MOST_LIVES):
            at = fuses[number] if number < len(fuses) else 0
            ended = _asked(self.hatchery, {**order, **(named or {} if not number else {}), "number": number, "at": at})
            if not ended["signal"]:
                break
        if ended["signal"] or ended["code"]:
            return number + 1, [f"the last life ended with {ended}"], {}
        outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        wrong = complaints(outcome, _writes(api), plan.ends)
        return number + 1, wrong, fingerprint([api.get(path).raise_for_status().json() for path in READ_BACK])


def _writes(api: httpx.Client) -> list[Json]:
    """The executor's writes as the cluster saw them, carried out or not; its dry runs and questions left out."""
    seen: list[Json] = api.get("/practice/requests?writes=true").raise_for_status().json()["requests"]
    return [
        one
        for one in seen
        if one["user_agent"].startswith("opsdesk-executor")
        and "dryRun" not in one["query"]
        and not one["path"].endswith("reviews")
        and "dryRun" not in one["body"]
    ]


def _differing(left: Json, wanted: Json) -> str:
    return "; ".join(
        f"{key} is {left.get(key)!r:.300}, not {wanted.get(key)!r:.300}"
        for key in sorted({*left, *wanted})
        if left.get(key) != wanted.get(key)
    )


def _asked(process: subprocess.Popen[str], order: Json) -> Json:
    sent: IO[str] | None = process.stdin
    heard: IO[str] | None = process.stdout
    assert sent is not None
    assert heard is not None
    sent.write(json.dumps(order) + "\n")
    sent.flush()
    line = heard.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with {process.wait()}")
    told: Json = json.loads(line)
    return told


@contextmanager
def open_slot(databases: Databases | None = None) -> Iterator[Slot]:
    """Both processes end with the block."""
    with ExitStack() as stack:
        made = [stack.enter_context(_process(name)) for name in ("evals.crash.cluster_host", "evals.crash.hatchery")]
        yield Slot(made[0], made[1], databases)


@contextmanager
def _process(module: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # it keeps nothing


@dataclass
class Matrix:
    """Several slots side by side over one list of points."""

    judged: list[Judged] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)

    def run(
        self,
        points: Sequence[tuple[Point, Reference]],
        slots: int,
        databases: Databases | None = None,
        heard: Callable[[Judged], None] | None = None,
    ) -> list[Judged]:
        """Every point judged, in no order. ``heard`` is told each as it comes, from the slots' own threads."""
        queue: Queue[tuple[Point, Reference]] = Queue()
        for one in points:
            queue.put(one)

        def work() -> None:
            try:
                with open_slot(databases) as slot:
                    while True:
                        judged = slot.judge(*queue.get_nowait())
                        self.judged.append(judged)
                        if heard is not None:
                            heard(judged)
            except Empty:
                return
            except BaseException as error:  # noqa: BLE001 - a thread's trouble is raised by the caller's thread
                self.broken.append(error)

        threads = [threading.Thread(target=work) for _ in range(max(1, min(slots, len(points))))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.broken:
            raise self.broken[0]
        return self.judged


def spread(moments: Sequence[str], wanted: int, among: Collection[str] = ()) -> list[int]:
    """``wanted`` of the moments, counted from 1, in order: of each kind one, as far as that goes, then evenly of the rest.
    ``among``: only of these kinds. The last few are left out: whether a life still has them is chance."""
    kinds: dict[str, list[int]] = {}
    for number, name in enumerate(moments[:-LAST_FEW], 1):
        if not among or name in among:
            kinds.setdefault(name, []).append(number)
    firsts = sorted(row[len(row) // 2] for row in kinds.values())
    rest = sorted(number for row in kinds.values() for number in row if number not in set(firsts))
    return sorted([*_evenly(firsts, wanted), *_evenly(rest, wanted - len(firsts))])


def _evenly(numbers: Sequence[int], wanted: int) -> list[int]:
    if wanted >= len(numbers):
        return list(numbers)
    return [numbers[len(numbers) * turn // wanted] for turn in range(wanted)]
