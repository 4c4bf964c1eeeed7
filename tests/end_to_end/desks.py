"""A practice cluster and a desk over it as real processes, and a person's HTTP client: what the end-to-end tests stand on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from evals.demo.stage import DeskProcess, PracticeProcess, desk, listening_at, practice_cluster, start_desk, stop
from evals.demo.story import wait_until_ready

QUICK: dict[str, Any] = {
    "desk": {"soak_seconds": 1.0, "recovery_seconds": 30.0, "verify_every_seconds": 0.3, "lease_seconds": 2.0}
}


@dataclass
class Office:
    """One cluster, one desk, and two people: alice approves, bob asks."""

    cluster: PracticeProcess
    desk: DeskProcess
    folder: Path
    tokens: dict[str, str]
    source_secret: str

    def client(self, name: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        return httpx.Client(base_url=f"{self.desk.url}/api/v1", headers=headers, timeout=30.0, trust_env=False)

    def get(self, path: str, name: str = "alice") -> Any:
        with self.client(name) as client:
            answer = client.get(path)
            answer.raise_for_status()
            return answer.json()

    def post(self, path: str, body: Any, name: str = "alice") -> httpx.Response:
        with self.client(name) as client:
            return client.post(path, json=body)

    def send_alert(self, form: Any) -> str:
        """The webhook as Alertmanager would send it; returns the incident's id."""
        headers = {"Authorization": f"Bearer {self.source_secret}"}
        answer = httpx.post(
            f"{self.desk.url}/api/v1/webhooks/alertmanager", json=form, headers=headers, timeout=30.0, trust_env=False
        )
        assert answer.status_code == 202, answer.text
        incident_id: str = answer.json()["alerts"][0]["incident_id"]
        return incident_id

    def incident(self, incident_id: str) -> Any:
        return self.get(f"/incidents/{incident_id}")

    def stages(self, incident_id: str) -> list[str]:
        return [entry["stage"] for entry in self.get(f"/incidents/{incident_id}/timeline")["items"]]

    def approve(self, incident_id: str, name: str = "alice") -> httpx.Response:
        approval = self.incident(incident_id)["approval"]
        body = {"decision": "approve", "reason": "test", "digest": approval["digest"]}
        return self.post(f"/approvals/{approval['id']}", body, name)

    def wait_for_status(self, incident_id: str, *wanted: str, seconds: float = 60.0) -> Any:
        def reached() -> Any:
            found = self.incident(incident_id)
            return found if found["incident"]["status"] in wanted else None

        return self.wait(reached, seconds, lambda: self.story(incident_id))

    def wait(self, condition: Callable[[], Any], seconds: float, story: Callable[[], str] = lambda: "") -> Any:
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = condition()
            except httpx.HTTPError:
                found = None  # the desk is being restarted
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s:\n{story()}\n{self.desk.log.read_text()[-3_000:]}")
            time.sleep(0.05)

    def story(self, incident_id: str) -> str:
        entries = self.get(f"/incidents/{incident_id}/timeline")["items"]
        return "\n".join(f"{entry['stage']}: {entry['summary']['en']}" for entry in entries)

    def writes(self) -> list[dict[str, Any]]:
        """The writes that the cluster carried out for the desk's executor, dry runs left out."""
        seen = self.cluster.call("GET", "/practice/requests?writes=true")["requests"]
        return [
            one
            for one in seen
            if "opsdesk-executor" in str(one.get("user", ""))
            and "dryRun" not in str(one.get("query", ""))
            and not one["path"].endswith("reviews")
        ]

    def kill(self) -> None:
        """kill -9 of the desk: worker, web face and all; its executor ends when it notices."""
        os.kill(self.desk.process.pid, signal.SIGKILL)
        self.desk.process.wait()
        if self.desk.process.stdout is not None:
            self.desk.process.stdout.close()

    def restart(self) -> None:
        process = start_desk(self.desk.environment, self.desk.log)
        url = listening_at(process, self.desk.log)
        self.desk = replace(self.desk, process=process, url=url)


@contextmanager
def office(folder: Path, *, extra: dict[str, Any] | None = None, wait: bool = True) -> Iterator[Office]:
    """Opens one, with a quick desk. Everything ends with the block."""
    with ExitStack() as stack:
        cluster = stack.enter_context(practice_cluster(folder))
        if wait:
            wait_until_ready(cluster)
        settings = {group: dict(values) for group, values in QUICK.items()}
        for group, values in (extra or {}).items():
            settings[group] = {**settings.get(group, {}), **values} if isinstance(values, dict) else values
        share_cache(folder)
        running = stack.enter_context(desk(folder, cluster, extra=settings))
        tokens = {}
        for name, roles in (("alice", ("viewer", "responder", "approver")), ("bob", ("viewer", "responder"))):
            running.run("user", "add", name, *[word for role in roles for word in ("--role", role)])
            tokens[name] = json.loads(running.run("user", "token", name, "--json"))["token"]
        secret = json.loads(running.run("source", "add", "alertmanager", "--json"))["secret"]
        opened = Office(cluster, running, folder, tokens, secret)
        try:
            yield opened
        finally:
            if opened.desk.process.poll() is None:
                stop(opened.desk.process)


def share_cache(folder: Path) -> None:
    """One cache for all desks of a test run: each process would parse and compile every detector anew."""
    shared, home = folder.parent / "cache-of-desks", folder / "home"
    shared.mkdir(mode=0o700, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "cache").symlink_to(shared, target_is_directory=True)


def run_opsdesk(
    environment: dict[str, str], *arguments: str, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, whatever its exit code."""
    import sys

    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        env=environment,
        input=text,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
