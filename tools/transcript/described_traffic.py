"""Services and what stands around them, configuration, identities and autoscalers, from ``describe``."""

from __future__ import annotations

import re

from knowledge.vocabulary import Json
from tools.transcript.columns import read_table
from tools.transcript.containers import number
from tools.transcript.described import read_conditions, read_selector, whole
from tools.transcript.harvest import Depth, Harvest
from tools.transcript.tree import Branch, comma_pairs, told

_PORT = re.compile(r"(?:(?P<name>[\w\-]+|<unset>)\s+)?(?P<port>[\w\-]+)/(?P<protocol>[A-Z]+)")


def read_service(tree: Branch, item: Json, harvest: Harvest) -> None:
    spec = item["spec"]
    spec["type"] = tree.text("Type") or "ClusterIP"
    if selector := read_selector(tree):
        spec["selector"] = selector
    address = tree.text("IP")
    if address:
        spec["clusterIP"] = address
    if name := tree.text("External Name"):
        spec["externalName"] = name
    spec["ports"] = _service_ports(tree)
    for key, field in (("Session Affinity", "sessionAffinity"), ("External Traffic Policy", "externalTrafficPolicy"),
                       ("Internal Traffic Policy", "internalTrafficPolicy")):  # fmt: skip
        if value := tree.text(key):
            spec[field] = value
    ingress = tree.text("LoadBalancer Ingress")
    if ingress:
        item["status"] = {"loadBalancer": {"ingress": [{"ip": part.split(" ")[0]} for part in ingress.split(", ")]}}
    elif spec["type"] == "LoadBalancer":
        item["status"] = {"loadBalancer": {}}
    _endpoints_shown(tree, item, harvest)


def _endpoints_shown(tree: Branch, item: Json, harvest: Harvest) -> None:
    """A Service shows where it sends to; its Endpoints are that, unless they were pasted themselves."""
    shown = tree.child("Endpoints")
    if shown is None or item["spec"]["type"] == "ExternalName" or not item["spec"].get("selector"):
        return
    ports: dict[str, list[str]] = {}
    for address, port in re.findall(r"([0-9a-fA-F.:\[\]]+?):(\d{1,5})(?=,|\s|$)", shown.value):
        ports.setdefault(port, []).append(address.strip("[]"))
    subsets = [
        {"addresses": [{"ip": one} for one in dict.fromkeys(addresses)], "ports": [{"port": int(port)}]}
        for port, addresses in ports.items()
    ]
    metadata = {"name": item["metadata"]["name"], "namespace": item["metadata"].get("namespace", "")}
    harvest.put({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}, Depth.MENTION)


def _service_ports(tree: Branch) -> list[Json]:
    """``Port``, ``TargetPort`` and ``NodePort`` lines, in groups of one port each."""
    ports: list[Json] = []
    for child in tree.children:
        found = _PORT.match(child.value) if child.key in {"Port", "TargetPort", "NodePort"} else None
        if found is None:
            continue
        if child.key == "Port":
            entry: Json = {"port": number(found["port"]), "protocol": found["protocol"]}
            if found["name"] and found["name"] != "<unset>":
                entry["name"] = found["name"]
            ports.append(entry)
        elif ports:
            ports[-1]["targetPort" if child.key == "TargetPort" else "nodePort"] = number(found["port"])
    return ports


def read_endpoints(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item.pop("spec")
    item.pop("status")
    subsets: list[Json] = []
    branch = tree.child("Subsets")
    for child in branch.children if branch else ():
        if child.key in {"Addresses", "NotReadyAddresses"}:
            if child.key == "Addresses" or not subsets:
                subsets.append({})
            addresses = [{"ip": part.strip()} for part in told(child.value).split(",") if part.strip()]
            if addresses:
                subsets[-1]["addresses" if child.key == "Addresses" else "notReadyAddresses"] = addresses
        elif child.key == "Ports" and subsets:
            subsets[-1]["ports"] = [
                _endpoint_port(row) for row in read_table(child.body()) if row.get("Port", "").isdigit()
            ]
    item["subsets"] = [one for one in subsets if one.get("addresses") or one.get("notReadyAddresses")]


def _endpoint_port(row: dict[str, str]) -> Json:
    name = told(row.get("Name", ""))
    return {"port": int(row["Port"][:6]), "protocol": row.get("Protocol", "TCP"), **({"name": name} if name else {})}


def read_ingress(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec = item["spec"]
    if name := tree.text("Ingress Class"):
        spec["ingressClassName"] = name
    default = re.match(r"([\w.\-]+):(\w[\w\-]*)", tree.text("Default backend"))
    if default and default.group(1) != "default-http-backend":
        spec["defaultBackend"] = _backend(default.group(1), default.group(2))
    rules: list[Json] = []
    branch = tree.child("Rules")
    for line in branch.body() if branch else ():
        cells = line.split()
        path = re.match(r"(\S+)?\s*?(\S+):(\w[\w\-]*)(?: \(.*\))?$", line.strip())
        if len(cells) == 1 and not cells[0].startswith("/"):
            rules.append({"host": cells[0] if cells[0] != "*" else "", "http": {"paths": []}})
        elif path and "----" not in line and rules:
            where = path.group(1) or "/"
            rules[-1]["http"]["paths"].append({"path": where, "backend": _backend(path.group(2), path.group(3))})
    spec["rules"] = rules
    if secrets := re.findall(r"(\S+) terminates (\S+)", "\n".join(_lines(tree.child("TLS")))):
        spec["tls"] = [{"secretName": name, "hosts": hosts.split(",")} for name, hosts in secrets]
    address = tree.text("Address")
    item["status"] = {"loadBalancer": {"ingress": [{"ip": address}]} if address else {}}


def _lines(branch: Branch | None) -> list[str]:
    return [line.strip() for line in branch.body()] if branch else []


def _backend(name: str, port: str) -> Json:
    return {"service": {"name": name, "port": {"number": int(port[:6])} if port.isdigit() else {"name": port}}}


def read_data(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    """``Data`` of a ConfigMap: ``key:``, ``----``, lines. Of a Secret only how long each value is."""
    item.pop("spec")
    item.pop("status")
    lines = list(tree.source)
    start = next((at for at, line in enumerate(lines) if line.rstrip() == "Data"), None)
    if start is None:
        return
    if item["kind"] == "Secret":
        item["type"] = tree.text("Type")
        keys = [match.group(1) for line in lines[start:] if (match := re.match(r"([\w.\-]+):\s+\d+ bytes", line))]
        item["data"] = dict.fromkeys(keys, "")
        return
    item["data"] = _sections(lines[start + 2 :])


def _sections(lines: list[str]) -> dict[str, str]:
    data: dict[str, list[str]] = {}
    current: list[str] | None = None
    for at, line in enumerate(lines):
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if re.match(r"[\w.\-]+:$", line) and following.startswith("----"):
            current = data.setdefault(line[:-1], [])
        elif line.startswith(("BinaryData", "Events:")) and (
            following.startswith("====") or line.startswith("Events:")
        ):
            break
        elif current is not None and (current or line.rstrip() != "----"):
            current.append(line)
    return {key: "\n".join(value).rstrip("\n") for key, value in data.items()}


def read_service_account(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item.pop("spec")
    item.pop("status")
    branch = tree.child("Image pull secrets")
    if names := [entry.split()[0] for entry in (branch.entries() if branch else ())]:
        item["imagePullSecrets"] = [{"name": name} for name in names]


def read_autoscaler(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    kind, _, name = tree.text("Reference").partition("/")
    spec["scaleTargetRef"] = {"kind": kind, "name": name}
    for key, field in (("Min replicas", "minReplicas"), ("Max replicas", "maxReplicas")):
        if (value := whole(tree.text(key))) is not None:
            spec[field] = value
    pods = re.match(
        r"(\d{1,6}) current / (\d{1,6}) desired", tree.text("Deployment pods", "StatefulSet pods", f"{kind} pods")
    )
    if pods:
        status["currentReplicas"], status["desiredReplicas"] = int(pods.group(1)), int(pods.group(2))
    status["conditions"] = read_conditions(tree.child("Conditions"))
    metrics = tree.child("Metrics")
    current: list[Json] = []
    wanted: list[Json] = []
    for line in metrics.body() if metrics else ():
        found = re.match(
            r'\s*(?:"?(?P<metric>[\w.\-/]+)"?|resource (?P<resource>\w+)\b.*?):\s+(?P<now>\S+)(?: \(\S+\))? / (?P<target>\S+)',
            line,
        )
        if found:
            name = found["resource"] or found["metric"]
            wanted.append({"type": "Resource", "resource": {"name": name, "target": _target(found["target"])}})
            if found["now"] != "<unknown>":
                current.append({"type": "Resource", "resource": {"name": name, "current": _target(found["now"])}})
    if wanted:
        spec["metrics"] = wanted
        status["currentMetrics"] = current


def _target(text: str) -> Json:
    percent = re.match(r"(\d{1,9})%", text)
    return {"averageUtilization": int(percent.group(1))} if percent else {"averageValue": text}


def read_disruption_budget(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    for key, field in (("Min available", "minAvailable"), ("Max unavailable", "maxUnavailable")):
        if value := tree.text(key):
            spec[field] = number(value)
    if selector := read_selector(tree):
        spec["selector"] = {"matchLabels": selector}
    below = tree.child("Status") or tree
    for key, field in (("Allowed disruptions", "disruptionsAllowed"), ("Current", "currentHealthy"),
                       ("Desired", "desiredHealthy"), ("Total", "expectedPods")):  # fmt: skip
        if (number_told := whole(below.text(key))) is not None:
            status[field] = number_told


def read_network_policy(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    """Whom it selects and which directions it isolates; single rules are told as prose and kept when they allow nothing."""
    branch = tree.child("Spec") or tree
    spec = item["spec"]
    selector = branch.text("PodSelector")
    spec["podSelector"] = {"matchLabels": comma_pairs(selector)} if "=" in selector else {}
    spec["policyTypes"] = branch.text("Policy Types").replace(",", " ").split()
    for direction, peer in (("ingress", "From"), ("egress", "To")):
        word = direction.capitalize()
        if word not in spec["policyTypes"]:
            continue
        rules = next((one for one in branch.children if one.key.startswith(f"Allowing {direction}")), None)
        text = "\n".join([rules.value, *rules.body()]) if rules else ""
        is_isolated = not text.strip() or "Selected pods are isolated" in text
        spec[direction] = [] if is_isolated else [_rule(text, peer)]


def _rule(text: str, peer: str) -> Json:
    rule: Json = {}
    if ports := re.findall(r"To Port:\s+(\w+)/(\w+)", text):
        rule["ports"] = [{"port": number(port), "protocol": protocol} for port, protocol in ports]
    way = "from" if peer == "From" else "to"
    peers: list[Json] = [
        {"podSelector": {"matchLabels": comma_pairs(one)}} for one in re.findall(r"PodSelector:\s+(\S+=\S+)", text)
    ]
    peers += [
        {"namespaceSelector": {"matchLabels": comma_pairs(one)}}
        for one in re.findall(r"NamespaceSelector:\s+(\S+=\S+)", text)
    ]
    peers += [{"ipBlock": {"cidr": one}} for one in re.findall(r"CIDR:\s+(\S+)", text)]
    return {**rule, way: peers} if peers else rule


def read_binding(tree: Branch, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item.pop("spec")
    item.pop("status")
    role = tree.child("Role")
    if role is not None:
        item["roleRef"] = {
            "kind": role.text("Kind"),
            "name": role.text("Name"),
            "apiGroup": "rbac.authorization.k8s.io",
        }
    subjects = tree.child("Subjects")
    item["subjects"] = [
        {
            "kind": row.get("Kind", ""),
            "name": row.get("Name", ""),
            **({"namespace": row["Namespace"]} if row.get("Namespace") else {}),
        }
        for row in read_table(subjects.body() if subjects else ())
        if row.get("Name") and not set(row["Name"]) <= {"-"}
    ]
