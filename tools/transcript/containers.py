"""Containers, probes, environments and volumes as ``describe`` tells them, back in the shape of a pod's spec and status."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.vocabulary import Json
from tools.transcript.times import rfc3339, time_in
from tools.transcript.tree import Branch, told

_PROBE_NUMBERS = re.compile(r"(delay|timeout|period|#success|#failure)=(\d+)")
_PROBE_FIELDS = {
    "delay": "initialDelaySeconds", "timeout": "timeoutSeconds", "period": "periodSeconds",
    "#success": "successThreshold", "#failure": "failureThreshold",
}  # fmt: skip
_URL = re.compile(r"http-get\s+(?P<scheme>\w+)://(?P<host>\[[^\]]*\]|[^:/\s]*):?(?P<port>[\w\-]*)(?P<path>\S*)")
_TCP = re.compile(r"tcp-socket\s+(?P<host>\S*?):(?P<port>[\w\-]+)")
_GRPC = re.compile(r"grpc\s+\S*?:(?P<port>\d+)\s*(?P<service>.*)")
_EXEC = re.compile(r"exec\s+\[(?P<command>.*)\]")
_KEY_OF = re.compile(r"<set to the key '(?P<key>[^']*)' (?:of config map|in secret) '(?P<name>[^']*)'>")
_FIELD = re.compile(r"\((?P<version>\w[\w./]*):(?P<path>[\w.\[\]'/\-]+)\)$")
_RESOURCE = re.compile(r"\((?P<resource>(?:limits|requests)\.[\w.\-/]+)\)$")
_MOUNT = re.compile(r"(?P<path>\S+) from (?P<name>\S+) \((?P<how>[^)]*)\)")
_FROM = re.compile(
    r"(?P<name>\S+)\s+(?P<kind>ConfigMap|Secret)(?: with prefix '(?P<prefix>[^']*)')?(?:\s+Optional: (?P<optional>\w+))?"
)


def number(text: str) -> int | str:
    return int(text) if text.isdigit() and len(text) < 12 else text


def read_probe(text: str) -> Json | None:
    """``http-get http://:8080/healthz delay=0s timeout=1s period=10s #success=1 #failure=3`` as a probe."""
    probe: Json = {_PROBE_FIELDS[name]: int(value[:9]) for name, value in _PROBE_NUMBERS.findall(text)}
    head = text.split(" delay=", 1)[0].strip()
    if found := _URL.match(head):
        action: Json = {"path": found["path"] or "/", "port": number(found["port"]), "scheme": found["scheme"].upper()}
        if found["host"]:
            action["host"] = found["host"].strip("[]")
        return {"httpGet": action, **probe}
    if found := _TCP.match(head):
        return {
            "tcpSocket": {"port": number(found["port"]), **({"host": found["host"]} if found["host"] else {})},
            **probe,
        }
    if found := _GRPC.match(head):
        service = {"service": found["service"].strip()} if found["service"].strip() else {}
        return {"grpc": {"port": int(found["port"][:9]), **service}, **probe}
    if found := _EXEC.match(head):
        return {"exec": {"command": found["command"].split(" ")}, **probe}
    return probe or None


def read_containers(branch: Branch | None) -> tuple[list[Json], list[Json]]:
    """Specs and statuses of ``Containers:``; a status is there only where ``State`` was told."""
    specs: list[Json] = []
    statuses: list[Json] = []
    for each in branch.children if branch else ():
        if not each.children or " " in each.key:
            continue
        specs.append(_spec(each))
        if status := _status(each):
            statuses.append(status)
    return specs, statuses


def _spec(one: Branch) -> Json:
    spec: Json = {"name": one.key, "image": one.text("Image"), "resources": _resources(one)}
    if not spec["image"]:
        del spec["image"]
    if ports := _ports(one):
        spec["ports"] = ports
    for key, field in (("Command", "command"), ("Args", "args")):
        if (branch := one.child(key)) is not None and (entries := branch.entries()):
            spec[field] = entries
    for key, field in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if (value := one.text(key)) and (probe := read_probe(value)):
            spec[field] = probe
    if environment := _environment(one.child("Environment", "Environment Variables")):
        spec["env"] = environment
    if sources := _environment_from(one.child("Environment Variables from")):
        spec["envFrom"] = sources
    if mounts := _mounts(one.child("Mounts")):
        spec["volumeMounts"] = mounts
    return spec


def _resources(one: Branch) -> Json:
    found: Json = {}
    for key in ("Limits", "Requests"):
        branch = one.child(key)
        values = {child.key: child.value for child in branch.children if told(child.value)} if branch else {}
        if values:
            found[key.lower()] = values
    return found


def _ports(one: Branch) -> list[Json]:
    """``Port: 9555/TCP`` or ``Ports: 80/TCP, 443/TCP``; newer ones name them: ``80/TCP (http)``."""
    found: list[Json] = []
    hosts = re.findall(r"(\d+)/\w+", one.text("Host Port", "Host Ports"))
    for at, (port, protocol, name) in enumerate(
        re.findall(r"(\d{1,6})/(TCP|UDP|SCTP)(?:\s\(([\w\-]+)\))?", one.text("Port", "Ports"))
    ):
        entry: Json = {"containerPort": int(port), "protocol": protocol}
        if name:
            entry["name"] = name
        if at < len(hosts) and hosts[at] != "0":
            entry["hostPort"] = int(hosts[at][:6])
        found.append(entry)
    return found


def _environment(branch: Branch | None) -> list[Json]:
    found: list[Json] = []
    for child in branch.children if branch else ():
        if not child.key or " " in child.key:
            continue
        found.append({"name": child.key, **_value(child.value)})
    return found


def _value(value: str) -> Json:
    optional = {"optional": True} if value.rstrip().endswith("Optional: true") else {}
    if reference := _KEY_OF.match(value):
        which = "secretKeyRef" if "in secret" in value else "configMapKeyRef"
        return {"valueFrom": {which: {"name": reference["name"], "key": reference["key"], **optional}}}
    if field := _FIELD.search(value):
        return {"valueFrom": {"fieldRef": {"apiVersion": field["version"], "fieldPath": field["path"]}}}
    if resource := _RESOURCE.search(value):
        return {"valueFrom": {"resourceFieldRef": {"resource": resource["resource"]}}}
    return {"value": value}


def _environment_from(branch: Branch | None) -> list[Json]:
    found: list[Json] = []
    for line in branch.body() if branch else ():
        if match := _FROM.match(line.strip()):
            optional = {"optional": True} if match["optional"] == "true" else {}
            which = "configMapRef" if match["kind"] == "ConfigMap" else "secretRef"
            prefix = {"prefix": match["prefix"]} if match["prefix"] else {}
            found.append({which: {"name": match["name"], **optional}, **prefix})
    return found


def _mounts(branch: Branch | None) -> list[Json]:
    found: list[Json] = []
    for line in branch.body() if branch else ():
        if match := _MOUNT.match(line.strip()):
            mount: Json = {"name": match["name"], "mountPath": match["path"]}
            how = match["how"]
            if how.startswith("ro"):
                mount["readOnly"] = True
            if 'path="' in how:
                mount["subPath"] = how.split('path="', 1)[1].split('"', 1)[0]
            found.append(mount)
    return found


def _status(one: Branch) -> Json | None:
    state = one.child("State")
    if state is None and not one.has("Restart Count", "Ready"):
        return None
    restarts = one.text("Restart Count")
    status: Json = {
        "name": one.key,
        "ready": one.text("Ready") == "True",
        "restartCount": int(restarts) if restarts.isdigit() and len(restarts) < 9 else 0,
        "state": read_state(state) if state else {},
        "lastState": read_state(one.child("Last State")),
    }
    for key, field in (("Image", "image"), ("Image ID", "imageID"), ("Container ID", "containerID")):
        if value := one.text(key):
            status[field] = value
    if status["state"].get("running"):
        status["started"] = True
    return status


def read_state(branch: Branch | None) -> Json:
    """``State: Terminated`` with what stands below it."""
    if branch is None or not told(branch.value):
        return {}
    word = branch.value.split()[0].lower()
    facts: Json = {}
    for key, field in (("Reason", "reason"), ("Message", "message")):
        if (child := branch.child(key)) is not None and told(child.value):
            facts[field] = " ".join([child.value, *child.extra])
    for key, field in (("Started", "startedAt"), ("Finished", "finishedAt")):
        if at := rfc3339(time_in(branch.text(key))):
            facts[field] = at
    code = branch.text("Exit Code")
    if re.fullmatch(r"-?\d{1,9}", code):
        facts["exitCode"] = int(code)
    if (signal := branch.text("Signal")).isdigit():
        facts["signal"] = int(signal[:6])
    return {word: facts} if word in {"running", "waiting", "terminated"} else {}


def read_volumes(branch: Branch | None) -> list[Json]:
    return [_volume(each) for each in (branch.children if branch else ()) if each.children and " " not in each.key]


def _volume(one: Branch) -> Json:
    sort = one.text("Type").split(" ", 1)[0]
    optional = {"optional": True} if one.text("Optional", "ConfigMapOptional") == "true" else {}
    volume: Json = {"name": one.key}
    read_only = {"readOnly": True} if one.text("ReadOnly") == "true" else {}
    if sort == "PersistentVolumeClaim":
        volume["persistentVolumeClaim"] = {
            "claimName": one.text("ClaimName"),
            **read_only,
        }
    elif sort == "ConfigMap":
        volume["configMap"] = {"name": one.text("Name"), **optional}
    elif sort == "Secret":
        volume["secret"] = {"secretName": one.text("SecretName"), **optional}
    elif sort == "EmptyDir":
        medium, limit = one.text("Medium"), one.text("SizeLimit")
        volume["emptyDir"] = {**({"medium": medium} if medium else {}), **({"sizeLimit": limit} if limit else {})}
    elif sort == "HostPath":
        volume["hostPath"] = {"path": one.text("Path"), "type": one.text("HostPathType")}
    elif sort == "NFS":
        volume["nfs"] = {
            "server": one.text("Server"),
            "path": one.text("Path"),
            "readOnly": one.text("ReadOnly") == "true",
        }
    elif sort == "Projected":
        volume["projected"] = {"sources": _projected(one, optional)}
    elif sort == "CSI":
        volume["csi"] = {"driver": one.text("Driver"), **read_only}
    elif sort == "EphemeralVolume":
        volume["ephemeral"] = {"volumeClaimTemplate": {"spec": {"storageClassName": one.text("StorageClass")}}}
    elif sort == "DownwardAPI":
        volume["downwardAPI"] = {}
    return volume


def _projected(one: Branch, optional: Json) -> list[Json]:
    sources: list[Json] = [
        {"serviceAccountToken": {"expirationSeconds": number(each.value)}} for each in one.all("TokenExpirationSeconds")
    ]
    sources += [
        {"configMap": {"name": each.value, **optional}} for each in one.all("ConfigMapName") if told(each.value)
    ]
    sources += [{"secret": {"name": each.value}} for each in one.all("SecretName") if told(each.value)]
    if one.text("DownwardAPI") == "true":
        sources.append({"downwardAPI": {}})
    return sources


def read_tolerations(entries: Sequence[str]) -> list[Json]:
    """``node.kubernetes.io/not-ready:NoExecute op=Exists for 300s``, ``gpu=yes:NoSchedule``, ``op=Exists``."""
    found: list[Json] = []
    for entry in entries:
        match = re.match(
            r"(?:(?P<key>(?!op=)[^\s:=]+)(?:=(?P<value>[^\s:]*))?)?(?::(?P<effect>\w+))?"
            r"(?:\s*op=(?P<operator>\w+))?(?:\s+for (?P<seconds>\d{1,9})s)?$",
            entry.strip(),
        )
        if match is None:
            continue
        one: Json = {"operator": match["operator"] or ("Equal" if match["value"] else "Exists")}
        one.update({name: match[name] for name in ("key", "value", "effect") if match[name]})
        if match["seconds"]:
            one["tolerationSeconds"] = int(match["seconds"])
        found.append(one)
    return found


def read_taints(entries: Sequence[str]) -> list[Json]:
    found: list[Json] = []
    for entry in entries:
        head, _, effect = entry.strip().rpartition(":")
        key, _, value = head.partition("=")
        if key and effect in {"NoSchedule", "NoExecute", "PreferNoSchedule"}:
            found.append({"key": key, "effect": effect, **({"value": value} if value else {})})
    return found
