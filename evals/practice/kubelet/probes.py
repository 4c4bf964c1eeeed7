"""Probes: what one says about a running container, in the kubelet's words."""

from __future__ import annotations

from typing import Any

from evals.practice.kubelet import shell
from evals.practice.kubelet.behaviour import Behaviour

Object = dict[str, Any]
KINDS = (("startupProbe", "Startup"), ("livenessProbe", "Liveness"), ("readinessProbe", "Readiness"))


def failure(
    probe: Object, container: Object, behaviour: Behaviour, address: str, elapsed: float, scale: float
) -> str | None:
    """Why the probe fails, None when it succeeds. `elapsed`: seconds since the start of the container."""
    if "exec" in probe:
        return _exec(probe["exec"], behaviour, elapsed, scale)
    for form in ("httpGet", "tcpSocket", "grpc"):
        if form in probe:
            return _network(form, probe[form], probe, container, behaviour, address, elapsed, scale)
    return None


def _exec(action: Object, behaviour: Behaviour, elapsed: float, scale: float) -> str | None:
    command = tuple(str(word) for word in action.get("command") or ())
    for line, output in behaviour.failing_commands:
        if line in " ".join(command):
            return output
    code, output = shell.check(command)
    if code:
        return output
    return None if elapsed >= behaviour.ready_after * scale else "not ready\n"


def _network(form: str, action: Object, probe: Object, container: Object, behaviour: Behaviour, address: str,
             elapsed: float, scale: float) -> str | None:  # fmt: skip
    port = port_number(action.get("port"), container)
    if not behaviour.listens(port, elapsed, scale):
        return _refused(form, action, probe, address, port)
    if form != "httpGet":
        return None
    path = str(action.get("path") or "/")
    if behaviour.is_hung:
        scheme = str(action.get("scheme") or "HTTP").lower()
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return f'Get "{scheme}://{address}:{port}{path}": {why}'
    if behaviour.paths is not None and path.partition("?")[0] not in behaviour.paths:
        return "HTTP probe failed with statuscode: 404"
    concerned = behaviour.unready_paths is None or path in behaviour.unready_paths
    if concerned and elapsed < behaviour.ready_after * scale:
        return f"HTTP probe failed with statuscode: {behaviour.unready_status}"
    return None


def _refused(form: str, action: Object, probe: Object, address: str, port: int) -> str:
    dial = f"dial tcp {address}:{port}: connect: connection refused"
    if form == "httpGet":
        scheme = str(action.get("scheme") or "HTTP").lower()
        return f'Get "{scheme}://{address}:{port}{action.get("path") or "/"}": {dial}'
    if form == "grpc":
        within = f"{probe.get('timeoutSeconds', 1)}s"
        return f'timeout: failed to connect service "{address}:{port}" within {within}: context deadline exceeded'
    return dial


def port_number(port: object, container: Object) -> int:
    """A probe's port: a number, or the name of a container port."""
    if isinstance(port, int):
        return port
    for row in container.get("ports") or ():
        if row.get("name") == port:
            return int(row["containerPort"])
    return int(str(port)) if str(port).isdigit() else 0
