"""The demo's story: break a model service, send the alert, watch every stage, approve, see it verified."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import yaml

from api.commands.output import clean, console
from api.commands.render import print_entry, render_plan
from evals.demo.alert_form import firing
from evals.demo.stage import DeskProcess, PracticeProcess, desk, practice_cluster
from knowledge.errors import OpsdeskError, Refused

READY_SECONDS = 60.0
STORY_SECONDS = 180.0
ENDS = frozenset({"learn", "hand_over"})


def main(arguments: list[str]) -> int:
    """0 when the incident ended resolved, 1 when it did not, 3 when something was refused."""
    given = _parsed(arguments)
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="opsdesk-demo-")))
            return _told(given, folder, stack, began)
    except OpsdeskError as error:
        from api.commands.output import tell_error

        return tell_error(error)
    except (RuntimeError, httpx.HTTPError) as error:
        console(to_stderr=True).print(f"the demo stopped: {error}", style="red", markup=False)
        return 1


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="opsdesk demo", description=__doc__)
    parser.add_argument(
        "--yes", action="store_true", help="approve without asking; only on a cluster that the demo started"
    )
    parser.add_argument("--fault", default="bad_image_rollout", help="which fault to switch on; --list shows them")
    parser.add_argument("--list", action="store_true", help="list the faults and stop")
    parser.add_argument("--kubeconfig", type=Path, help="show the story on this cluster instead; never with --yes")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end, until Ctrl-C")
    return parser.parse_args(arguments)


def _told(given: argparse.Namespace, folder: Path, stack: ExitStack, began: float) -> int:
    out = console()
    say("1/6 starting a practice cluster (an in-memory Kubernetes API over HTTP)")
    cluster = stack.enter_context(practice_cluster(folder))
    if given.list:
        for fault in cluster.call("GET", "/practice/faults")["faults"]:
            out.print(f"{fault['id']:<28} {fault['title']['en']} / {fault['title']['zh']}", markup=False)
        return 0
    ready = wait_until_ready(cluster)
    say(f"    {ready} workloads are ready at {cluster.url}")
    say("2/6 starting opsdesk: web face, worker, and an executor with an identity of its own")
    running = stack.enter_context(desk(folder, cluster))
    check_yes(given.yes, given.kubeconfig, running, cluster)
    token = _people(running)
    say(f"    opsdesk is at {running.url}")
    fault = cluster.call("POST", f"/practice/faults/{given.fault}")
    say(f"3/6 breaking something: {fault['title']['en']} / {fault['title']['zh']}")
    alert = alert_of(fault)
    incident_id = _send(running, alert)
    say(f"4/6 sent the alert {alert['alerts'][0]['labels']['alertname']} as Alertmanager would; incident {incident_id}")
    ended = _followed(given, running, token, incident_id)
    say(f"5/6 the incident ended as {ended} ({time.monotonic() - began:.0f} s since the start)")
    say("6/6 where to look next")
    if not given.keep:
        out.print("  the same, left running to look at in a browser: make demo DEMO_ARGS=--keep", markup=False)
        out.print("  other faults: make demo DEMO_ARGS=--list, then DEMO_ARGS='--fault NAME'", markup=False)
        out.print("  your own cluster, read only: opsdesk diagnose --kubeconfig ~/.kube/config", markup=False)
        return 0 if ended == "resolved" else 1
    out.print(f"  in a browser: {running.url}  (sign in with the token below)", markup=False)
    out.print(f"  in a terminal: opsdesk incident show {incident_id}", markup=False)
    out.print(f"  OPSDESK_URL={running.url}\n  OPSDESK_TOKEN={token}", markup=False, soft_wrap=True)
    out.print("  everything runs on until Ctrl-C", markup=False)
    _wait_for_interrupt()
    return 0 if ended == "resolved" else 1


def say(text: str) -> None:
    console().print(text, style="bold cyan", markup=False)


def wait_until_ready(cluster: PracticeProcess) -> int:
    """Waits until every Deployment of the practice platform has its replicas; returns how many there are."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        items = cluster.call("GET", "/apis/apps/v1/deployments")["items"]
        late = [
            item["metadata"]["name"]
            for item in items
            if item["status"].get("readyReplicas", 0) < item["spec"].get("replicas", 1)
        ]
        if items and not late:
            return len(items)
        if time.monotonic() > deadline:
            raise RuntimeError(f"the practice platform did not become ready: {', '.join(late) or 'no workloads'}")
        time.sleep(0.2)


def check_yes(yes: bool, kubeconfig: Path | None, running: DeskProcess, cluster: PracticeProcess) -> None:
    """``--yes`` approves in a person's place: only ever against the API server that this demo started and still runs."""
    if not yes:
        return
    if kubeconfig is not None:
        raise Refused("--yes refuses any API server that the demo did not start", next_step="leave --yes out")
    settings = yaml.safe_load((Path(running.environment["OPSDESK_HOME"]) / "opsdesk.yaml").read_text(encoding="utf-8"))
    servers = set()
    for one in settings["clusters"]:
        for name in ("kubeconfig", "executor_kubeconfig"):
            config = yaml.safe_load(Path(one[name]).read_text(encoding="utf-8"))
            servers |= {entry["cluster"]["server"] for entry in config["clusters"]}
    if servers != {cluster.url} or cluster.process.poll() is not None:
        raise Refused(
            f"--yes refuses {', '.join(sorted(servers))}: the demo did not start it", next_step="leave --yes out"
        )


def _people(running: DeskProcess) -> str:
    """One person who may look and approve; returns the token."""
    running.run("user", "add", "alice", "--role", "viewer", "--role", "responder", "--role", "approver")
    told: dict[str, str] = json.loads(running.run("user", "token", "alice", "--json"))
    return told["token"]


def alert_of(fault: dict[str, Any]) -> dict[str, Any]:
    """The alert that a monitored cluster would raise for a fault that was switched on, in Alertmanager's form."""
    alert = fault["alert"]
    return firing(
        alert["name"],
        cluster="practice",
        namespace=alert["namespace"],
        service=alert["service"],
        severity=alert["severity"],
        summary=alert["summary"],
    )


def _send(running: DeskProcess, form: dict[str, Any]) -> str:
    source = json.loads(running.run("source", "add", "alertmanager", "--json"))
    headers = {"Authorization": f"Bearer {source['secret']}", "User-Agent": "Alertmanager/0.25.0"}
    answer = httpx.post(f"{running.url}/api/v1/webhooks/alertmanager", json=form, headers=headers, trust_env=False)
    answer.raise_for_status()
    incident_id: str = answer.json()["alerts"][0]["incident_id"]
    return incident_id


def _followed(given: argparse.Namespace, running: DeskProcess, token: str, incident_id: str) -> str:
    """Prints the timeline as it grows, asks for the decision when it is due, and returns the final status."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{running.url}/api/v1", headers=headers, timeout=30.0, trust_env=False) as api:
        decided = False
        for entry in _entries(api, incident_id):
            print_entry(entry)
            if entry["stage"] == "approve" and not decided:
                decided = _decide(given, api, incident_id)
            if entry["stage"] in ENDS:
                break
        found: dict[str, Any] = api.get(f"/incidents/{incident_id}").json()
    return str(found["incident"]["status"])


def _entries(api: httpx.Client, incident_id: str) -> Iterator[dict[str, Any]]:
    timeout = httpx.Timeout(30.0, read=STORY_SECONDS)
    with api.stream("GET", f"/incidents/{incident_id}/events", timeout=timeout) as stream:
        stream.raise_for_status()
        for line in stream.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line.removeprefix("data:"))


def _decide(given: argparse.Namespace, api: httpx.Client, incident_id: str) -> bool:
    found = api.get(f"/incidents/{incident_id}").json()
    approval = found.get("approval")
    if not approval or approval["status"] != "waiting":
        return False
    found["review_view"] = api.get(f"/incidents/{incident_id}/review").json()
    render_plan(found)
    if given.yes:
        decision, reason = "approve", "demo --yes"
    elif not sys.stdin.isatty():
        raise Refused(
            "the plan needs an approval, and nobody is at the terminal", next_step="make demo DEMO_ARGS=--yes"
        )
    else:
        said = console().input("approve this plan? [y/N] ").strip().lower()
        decision, reason = ("approve", "") if said in {"y", "yes"} else ("reject", "rejected in the demo")
    body = {"decision": decision, "reason": reason, "digest": approval["digest"]}
    answer = api.post(f"/approvals/{approval['id']}", json=body)
    if answer.is_error:
        raise RuntimeError(clean(answer.text))
    say(f"    {decision}d by alice")
    return True


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console().print("stopping")
