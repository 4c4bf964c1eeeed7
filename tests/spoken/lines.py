"""What people say to the shop of ``tests.spoken.shop``: every verb that changes something, and the everyday reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.spoken.spelling import Said, spelled

Make = Callable[[Random], Said]
SHOP = (("namespace", "shop"),)
WORKLOADS = {"deployments": ("web", "api"), "statefulsets": ("db",), "daemonsets": ("agent",)}
CONTAINERS = {"web": ("app", "side"), "api": ("app",), "db": ("db",), "agent": ("agent",)}


def any_line(chance: Random) -> str:
    """A change or a read, spelled at random."""
    return spelled(chance.choice([*CHANGES, *READS])(chance), chance)


def change_line(chance: Random) -> str:
    return spelled(chance.choice(CHANGES)(chance), chance)


def _workload(chance: Random) -> tuple[str, str]:
    kind = chance.choice(list(WORKLOADS))
    return kind, chance.choice(WORKLOADS[kind])


def _scale(chance: Random) -> Said:
    kind, name = chance.choice([("deployments", "web"), ("deployments", "api"), ("statefulsets", "db")])
    return Said("scale", kind, (name,), flags=(*SHOP, ("replicas", str(chance.randrange(6)))))


def _rollout(chance: Random) -> Said:
    verb = chance.choice(["restart", "pause", "resume", "undo"])
    if verb == "restart":
        kind, name = _workload(chance)
        return Said("rollout restart", kind, (name,), flags=SHOP)
    more = (("to-revision", chance.choice(["1", "2"])),) if verb == "undo" and chance.random() < 0.5 else ()
    return Said(f"rollout {verb}", "deployments", ("web",), flags=(*SHOP, *more))


def _image(chance: Random) -> Said:
    kind, name = _workload(chance)
    tag = chance.randrange(9)
    inside = chance.sample(CONTAINERS[name], chance.randint(1, len(CONTAINERS[name])))
    words = tuple(f"{one}=registry.example.com/shop/{one}:{tag}" for one in inside)
    return Said("set image", kind, (name,), words, SHOP)


def _resources(chance: Random) -> Said:
    kind, name = _workload(chance)
    flags = [
        chance.choice([("limits", "memory=1.5Gi"), ("limits", "cpu=2,memory=2048Mi"), ("limits", "nvidia.com/gpu=1")])
    ]
    flags += [("requests", chance.choice(["cpu=250m", "memory=512Mi,cpu=0.5"]))] * chance.randrange(2)
    flags += [("containers", chance.choice(CONTAINERS[name]))] * chance.randrange(2)
    return Said("set resources", kind, (name,), flags=(*SHOP, *flags))


def _env(chance: Random) -> Said:
    kind, name = _workload(chance)
    given = [f"A={chance.randrange(9)}", "B-", "LEVEL=debug", "NOTE=a b, c", "EMPTY=", "URL=http://api.shop:80/x?y=1"]
    words = tuple(chance.sample(given, chance.randint(1, 3)))
    flags: list[tuple[str, str]] = [("containers", chance.choice(CONTAINERS[name]))] * chance.randrange(2)
    if chance.random() < 0.2:
        words, flags = (
            (),
            [*flags, ("from", "configmap/settings"), ("keys", "level"), *([("prefix", "P_")] * chance.randrange(2))],
        )
    return Said("set env", kind, (name,), words, (*SHOP, *flags))


def _selector(chance: Random) -> Said:
    return Said(
        "set selector", "services", ("web",), (chance.choice(["app=web", "app=web,tier=front", "app=api"]),), SHOP
    )


def _words(chance: Random) -> Said:
    verb = chance.choice(["label", "annotate"])
    kind, name = chance.choice([*_TARGETS, ("nodes", "gpu-1")])
    given = [f"team={chance.choice('abc')}", "tier-", "example.com/level=3", "plain="]
    given += ["note=checked, twice", "example.com/why=it's late"] if verb == "annotate" else []
    more = (("overwrite", "true"),) if chance.random() < 0.7 else ()
    words = tuple(chance.sample(given, chance.randint(1, 2)))
    return Said(verb, kind, (name,), words, (*(() if kind == "nodes" else SHOP), *more))


_TARGETS = [
    ("deployments", "web"), ("deployments", "api"), ("statefulsets", "db"), ("daemonsets", "agent"), ("services", "web"),
    ("configmaps", "settings"), ("jobs", "train"), ("cronjobs", "sync"), ("pods", "web-1"),
]  # fmt: skip


def _template(pod: Any) -> Any:
    return {"spec": {"template": {"spec": pod}}}


def _strategic(chance: Random) -> Said:
    env = [{"name": chance.choice("ABN"), "value": str(chance.randrange(9))}]
    patch = chance.choice([
        {"spec": {"replicas": chance.randrange(5)}}, {"metadata": {"labels": {"tier": None, "made": "x"}}},
        _template({"containers": [{"name": "app", "image": "registry.example.com/shop/app:7"}]}),
        _template({"containers": [{"name": "app", "env": env}]}),
        _template({"containers": [{"name": "app", "args": ["--z"], "ports": [{"containerPort": 81}]}]}),
        _template({"nodeSelector": {"c": "d"}, "tolerations": [{"key": "z", "operator": "Exists"}]}),
        _template({"containers": [{"name": "app", "resources": {"limits": {"memory": "3Gi"}}}]}),
        _template({"volumes": [{"name": "w", "emptyDir": {}}], "terminationGracePeriodSeconds": 5}),
        _template({"nodeSelector": None}), {"spec": {"minReadySeconds": 3, "strategy": {"type": "Recreate", "rollingUpdate": None}}},
        _template({"containers": [{"name": "app", "readinessProbe": {"httpGet": {"path": "/x", "port": 80}, "periodSeconds": 4}}]}),
    ])  # fmt: skip
    more = (("type", "strategic"),) if chance.random() < 0.3 else ()
    return Said(
        "patch", "deployments", (chance.choice(["web", "api"]),), flags=(*SHOP, *more, ("patch", json.dumps(patch)))
    )


def _merge(chance: Random) -> Said:
    kind, name, patch = chance.choice([
        ("configmaps", "settings", {"data": {"level": "debug", "old": None}}), ("services", "web", {"spec": {"selector": {"tier": "x"}}}),
        ("cronjobs", "sync", {"spec": {"suspend": chance.random() < 0.5}}), ("jobs", "train", {"spec": {"suspend": True}}),
        ("poddisruptionbudgets", "web", {"spec": {"minAvailable": chance.randrange(1, 4)}}),
        ("deployments", "web", {"spec": {"revisionHistoryLimit": chance.randrange(4), "paused": None}}),
        ("services", "web", {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": chance.choice([8080, "http"])}]}}),
        ("statefulsets", "db", {"metadata": {"annotations": {"a": "b"}}, "spec": {"replicas": 2}}),
    ])  # fmt: skip
    return Said("patch", kind, (name,), flags=(*SHOP, ("type", "merge"), ("patch", json.dumps(patch))))


def _json(chance: Random) -> Said:
    inside = "/spec/template/spec/containers/0"
    operations = [
        {"op": "replace", "path": "/spec/replicas", "value": chance.randrange(5)}, {"op": "add", "path": f"{inside}/args/-", "value": "--m=1"},
        {"op": "remove", "path": f"{inside}/env/0"}, {"op": "add", "path": "/metadata/annotations/a~1b", "value": "c"},
        {"op": "add", "path": f"{inside}/env/-", "value": {"name": "J", "value": "1"}}, {"op": "remove", "path": "/metadata/labels/tier"},
        {"op": "test", "path": "/spec/template/spec/containers/0/name", "value": "app"},
        {"op": "replace", "path": f"{inside}/image", "value": "registry.example.com/shop/app:5"},
    ]  # fmt: skip
    patch = chance.sample(operations, chance.randint(1, 2))
    return Said("patch", "deployments", ("web",), flags=(*SHOP, ("type", "json"), ("patch", json.dumps(patch))))


def _node(chance: Random) -> Said:
    verb = chance.choice(["cordon", "uncordon", "taint", "taint", "drain"])
    name = chance.choice(["gpu-1", "gpu-2"])
    if verb == "taint":
        word = chance.choice(
            ["xid=79:NoSchedule", "xid:NoSchedule-", "xid-", "slow:PreferNoSchedule", "xid=80:NoSchedule"]
        )
        more = (("overwrite", "true"),) if chance.random() < 0.5 else ()
        return Said("taint", "nodes", (name,), (word,), more)
    if verb == "drain":
        asked = (("ignore-daemonsets", "true"), ("delete-emptydir-data", "true"), ("grace-period", "0"))
        return Said("drain", names=(name,), flags=asked, is_bare_name=True)
    return Said(verb, names=(name,), is_bare_name=True)


def _delete(chance: Random) -> Said:
    kind, name = chance.choice([
        ("configmaps", "spare"), ("jobs", "train"), ("poddisruptionbudgets", "web"), ("services", "web"), ("cronjobs", "sync"),
        ("deployments", "api"), ("configmaps", "absent"),
    ])  # fmt: skip
    more = chance.choice([(), (("cascade", "orphan"),), (("cascade", "foreground"),), (("grace-period", "5"),)])
    return Said("delete", kind, (name,), flags=(*SHOP, ("wait", "false"), *more))


_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: shop\ndata:\n  level: '{level}'\n  text: |\n    a\n    b\n"
_DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}
spec:
  replicas: {count}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: app
        image: registry.example.com/shop/{name}:{count}
        env: [{{name: NEW, value: 'yes'}}]
        resources: {{limits: {{memory: 1Gi}}}}
"""
_SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  selector: {{app: web}}\n  ports: [{{name: http, port: {count}}}]\n"


def _apply(chance: Random) -> Said:
    count = chance.randrange(1, 5)
    documents = [
        _MAP.format(name=chance.choice(["settings", "fresh"]), level=count), _DEPLOYMENT.format(name=chance.choice(["web", "new"]), count=count),
        _SERVICE.format(name=chance.choice(["web", "extra"]), count=80 + count),
    ]  # fmt: skip
    heredoc = "---\n".join(chance.sample(documents, chance.randint(1, 2)))
    return Said("apply", flags=SHOP if chance.random() < 0.5 else (), heredoc=heredoc)


def _create(chance: Random) -> Said:
    literals = chance.sample(["LEVEL=info", "text=a b=c", "empty=", "file.txt=x"], chance.randint(1, 3))
    verb = chance.choice(["create configmap", "create cm"])
    return Said(verb, names=(chance.choice(["made", "made-2", "settings"]),), is_bare_name=True,
                flags=(*SHOP, *(("from-literal", one) for one in literals)))  # fmt: skip


def _create_kind(chance: Random) -> Said:
    image = ("image", f"registry.example.com/shop/made:{chance.randrange(5)}")
    verb, flags = chance.choice([
        ("deployment", [image, ("replicas", "2"), ("port", "80")]), ("deploy", [image]), ("job", [image]),
        ("cronjob", [image, ("schedule", "*/5 * * * *"), ("restart", "Never")]), ("cj", [image, ("schedule", "0 3 * * 1")]),
        ("quota", [("hard", "cpu=4,pods=10")]), ("pdb", [("selector", "app=web"), ("min-available", "50%")]),
        ("pdb", [("selector", "app=web,tier=a"), ("max-unavailable", "1")]), ("job", [("from", "cronjob/sync")]),
        ("service clusterip", [("tcp", "80:8080"), ("tcp", "443")]), ("svc clusterip", [("tcp", "80:http")]),
    ])  # fmt: skip
    return Said(f"create {verb}", names=(chance.choice(["made", "made-2"]),), is_bare_name=True, flags=(*SHOP, *flags))


def _create_heredoc(chance: Random) -> Said:
    """One object: of several kubectl makes the first ones before it finds that the next is there, which we never begin."""
    made = _MAP.format(name=chance.choice(["settings", "fresh"]), level=1)
    heredoc = chance.choice(
        [made, _DEPLOYMENT.format(name=chance.choice(["web", "new"]), count=2), _SERVICE.format(name="extra", count=80)]
    )
    if chance.random() < 0.3:
        return Said("delete", flags=(*SHOP, ("wait", "false")), heredoc=made)
    return Said("create", flags=SHOP if chance.random() < 0.5 else (), heredoc=heredoc)


def _expose(chance: Random) -> Said:
    kind, name = chance.choice([("deployments", "web"), ("deployments", "api"), ("pods", "web-1"), ("services", "web")])
    flags = chance.sample(
        [("port", "81"), ("target-port", "8080"), ("type", "ClusterIP"), ("protocol", "UDP")], chance.randrange(4)
    )
    return Said("expose", kind, (name,), flags=(*SHOP, ("name", chance.choice(["front", "back"])), *flags))


def _autoscale(chance: Random) -> Said:
    kind, name = chance.choice([("deployments", "web"), ("statefulsets", "db")])
    flags = (("min", str(chance.randrange(1, 3))), ("max", str(chance.randrange(3, 6))), ("cpu-percent", "70"))
    return Said("autoscale", kind, (name,), flags=(*SHOP, *flags[: chance.randint(2, 3)]))


def _read(chance: Random) -> Said:
    kind = chance.choice(["pods", "deployments", "services", "nodes"])
    flags = chance.choice(
        [
            (),
            (("output", "wide"),),
            (("selector", "app=web,tier!=x"),),
            (("output", "jsonpath={.items[*].metadata.name}"),),
        ]
    )
    return Said(
        chance.choice(["get", "describe"]) if not any("output" in f for f in flags) else "get",
        kind,
        (),
        (),
        (*SHOP, *flags),
    )


def _logs(chance: Random) -> Said:
    flags = chance.sample(
        [("container", "app"), ("tail", "20"), ("since", "1h30m"), ("previous", "true"), ("timestamps", "true")], 2
    )
    return Said("logs", names=("web-1",), is_bare_name=True, flags=(*SHOP, *flags))


def _wait(chance: Random) -> Said:
    wanted = chance.choice([
        "condition=Ready", "delete", "create", "jsonpath={.status.phase}=Running", "condition=Ready=false",
        'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True',
    ])  # fmt: skip
    return Said("wait", "pods", ("web-1",), flags=(*SHOP, ("for", wanted), ("timeout", "5s")))


def _tried(chance: Random) -> Said:
    made = chance.choice([_scale, _image, _strategic, _selector, _rollout, _delete])(chance)
    return Said(
        made.verb, made.kind, made.names, made.words, (*made.flags, ("dry-run", chance.choice(["server", "client"])))
    )


CHANGES: tuple[Make, ...] = (
    _scale, _rollout, _image, _resources, _env, _selector, _words, _strategic, _strategic, _merge, _json, _node, _delete, _apply,
    _create, _autoscale, _create_kind, _create_heredoc, _expose,
)  # fmt: skip
READS: tuple[Make, ...] = (_read, _logs, _wait, _tried)
