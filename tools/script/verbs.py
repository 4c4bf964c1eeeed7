"""The closed list of verbs, and per verb the closed list of flags. What stands in no table is not part of the grammar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tools.script.flags import Flag, matching, switch
from tools.script.json_path import is_awaitable

_NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_SELECTOR_KEY = r"!?[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?"
_SELECTOR = rf"{_SELECTOR_KEY}[-A-Za-z0-9_./=!,() ]*"
DURATION = r"([0-9]+(\.[0-9]+)?(h|m|s|ms))+|0"
QUANTITY = r"[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?"


TAKES_SCALE = "*/scale"
"""Stands in ``kinds`` for every kind of the cluster that has the scale subresource."""


class Shape(StrEnum):
    """What a verb takes besides flags."""

    OBJECTS = "objects"
    """``TYPE NAME...``, ``TYPE/NAME...`` or ``TYPE[,TYPE] -l selector``"""
    OBJECTS_THEN_ARGUMENTS = "objects_then_arguments"
    """objects, then ``KEY=VALUE`` words"""
    NODES = "nodes"
    NODES_THEN_ARGUMENTS = "nodes_then_arguments"
    ONE_OBJECT = "one_object"
    POD = "pod"
    """a pod's name or ``TYPE/NAME``, and a container's name as the older form of ``-c``"""
    NAMES = "names"
    """names of the verb's own kind"""
    MANIFESTS = "manifests"
    NEW = "new"
    """the one name of what comes into being, of the verb's own kind"""
    QUESTION = "question"
    """``VERB TYPE``, ``VERB TYPE/NAME`` or ``VERB /path``"""
    FIELD = "field"
    """``KIND`` or ``KIND.field.field``"""
    NOTHING = "nothing"
    ANYTHING = "anything"
    """a verb that is read only so that a rule can forbid it: any words, any flags"""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. ``kinds`` closes the list of kinds that it takes (empty: any); ``kind`` is what NAMES and POD are of."""

    name: str
    shape: Shape
    is_read: bool = False
    flags: Mapping[str, Flag] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    kind: str = ""
    needs: tuple[str, ...] = ()


def _table(*flags: Flag) -> dict[str, Flag]:
    return {flag.name: flag for flag in flags}


_NAMESPACE = matching("namespace", r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a namespace's name", "n")
_EVERYWHERE = switch("all-namespaces", "A")
_SELECTED = matching("selector", _SELECTOR, "a label selector such as app=web,tier!=cache", "l")
_FIELDS = matching("field-selector", r"[A-Za-z0-9_.]+(=|==|!=)[^,\s]*(,[A-Za-z0-9_.]+(=|==|!=)[^,\s]*)*", "field=value")
_ALL = switch("all")
_WAITS = Flag("timeout", check=matching("", DURATION, "").check, expected="a duration such as 60s")
_REQUEST = Flag("request-timeout", check=matching("", DURATION, "").check, expected="a duration", is_dropped=True)
_QUIET = Flag(
    "v", "v", None, lambda v: v in set("01234567"), "0 to 7: from 8 on traces hold tokens and bodies", is_dropped=True
)
# Without "=" kubectl takes no value from the next word, and refuses the flag.
_TRIED = Flag(
    "dry-run", "", "", lambda v: v in {"none", "client", "server"}, "--dry-run=server, =client or =none", default="none"
)
_OUTPUT_FORMATS = r"name|json|yaml|wide|(jsonpath|go-template|custom-columns|jsonpath-as-json)=.+|kyaml"
_OUTPUT = matching("output", _OUTPUT_FORMATS, "wide, yaml, json, name, jsonpath=..., custom-columns=...", "o")
_SHOWN = Flag("output", "o", None, lambda v: v in {"name", "yaml", "json"}, "name, yaml or json", is_dropped=True)
_HEADERS = switch("no-headers")
_SORTED = matching("sort-by", r"[A-Za-z0-9_.{}\[\]@()'\-/]+", "a field path")
_COUNT = r"0|[1-9][0-9]{0,8}"
_FROM_HEREDOC = Flag("filename", "f", None, lambda v: v == "-", "-: manifests stand in a heredoc")
_LISTED = switch("list")
_VALIDATED = Flag("validate", "", "strict", lambda v: v in {"strict", "true"}, "strict", is_dropped=True)
# kubectl names containers by their images, and adds random letters where such a name would not do.
_NAMING_IMAGE = (
    r"([A-Za-z0-9][A-Za-z0-9._:-]*/)*[a-z0-9]([-a-z0-9]*[a-z0-9])?(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?"
)
_IMAGES = matching("image", _NAMING_IMAGE, "an image such as registry.example.com/team/app:1.2", is_repeatable=True)
_ONE_IMAGE = matching("image", r"[A-Za-z0-9][A-Za-z0-9._:/@-]*", "an image such as registry.example.com/team/app:1.2")
_PORT = matching("port", "[1-9][0-9]{0,4}", "a port")
_PORTS = r"[1-9][0-9]{0,4}(:([1-9][0-9]{0,4}|[a-z0-9]([-a-z0-9]*[a-z0-9])?))?"
_EQUALITIES = r"[A-Za-z0-9._/-]+==?[A-Za-z0-9._-]+(,[A-Za-z0-9._/-]+==?[A-Za-z0-9._-]+)*"
_READS = (_NAMESPACE, _EVERYWHERE, _SELECTED, _REQUEST, _QUIET)
_CHANGES = (_NAMESPACE, _EVERYWHERE, _REQUEST, _QUIET, _TRIED, _SHOWN)
_PICKED = (*_CHANGES, _SELECTED, _FIELDS, _ALL)

_READ_VERBS = (
    Verb("get", Shape.OBJECTS, True, _table(
        *_READS, _FIELDS, _OUTPUT, _HEADERS, _SORTED, switch("show-labels"), switch("show-kind"), switch("show-managed-fields"),
        switch("ignore-not-found"), switch("watch", "w"), switch("watch-only"), switch("output-watch-events"), switch("server-print"),
        matching("label-columns", r"[A-Za-z0-9_./,-]+", "label keys", "L", is_repeatable=True),
        matching("chunk-size", _COUNT, "a number"), matching("subresource", "status|scale", "status or scale"),
        matching("raw", r"/[A-Za-z0-9_./?=&%:,-]*", "an API path"),
    )),
    Verb("describe", Shape.OBJECTS, True, _table(*_READS, switch("show-events", default="true"), matching("chunk-size", _COUNT, "a number"))),
    Verb("logs", Shape.POD, True, _table(
        *_READS, matching("container", _NAME, "a container's name", "c"), switch("previous", "p"), switch("follow", "f"),
        matching("tail", r"-1|[0-9]{1,9}", "a number of lines"), matching("since", DURATION, "a duration such as 1h"),
        matching("since-time", r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)", "an RFC 3339 time"), switch("timestamps"),
        switch("all-containers"), switch("all-pods"), switch("prefix"), switch("ignore-errors"),
        matching("limit-bytes", _COUNT, "a number of bytes"), matching("max-log-requests", _COUNT, "a number"),
        Flag("pod-running-timeout", check=_WAITS.check, expected="a duration"),
    ), kind="pods"),
    Verb("top pod", Shape.NAMES, True, _table(
        *_READS, _FIELDS, _HEADERS, switch("containers"), switch("sum"), matching("sort-by", "cpu|memory", "cpu or memory"),
        switch("use-protocol-buffers", default="true", is_dropped=True),
    ), kind="pods"),
    Verb("top node", Shape.NAMES, True, _table(
        _SELECTED, _REQUEST, _QUIET, _HEADERS, switch("show-capacity"), matching("sort-by", "cpu|memory", "cpu or memory"),
        switch("use-protocol-buffers", default="true", is_dropped=True),
    ), kind="nodes"),
    Verb("events", Shape.NOTHING, True, _table(
        _NAMESPACE, _EVERYWHERE, _REQUEST, _QUIET, _HEADERS, switch("watch", "w"), _OUTPUT, matching("chunk-size", _COUNT, "a number"),
        matching("for", r"[A-Za-z.]+/[a-z0-9.-]+", "TYPE/NAME"), matching("types", r"(Normal|Warning)(,(Normal|Warning))*", "Normal or Warning"),
    )),
    Verb("rollout status", Shape.ONE_OBJECT, True, _table(
        *_READS, switch("watch", "w", default="true"), _WAITS, matching("revision", _COUNT, "a revision"),
    ), ("deployments.apps", "statefulsets.apps", "daemonsets.apps")),
    Verb("rollout history", Shape.ONE_OBJECT, True, _table(*_READS, matching("revision", _COUNT, "a revision"), _OUTPUT),
         ("deployments.apps", "statefulsets.apps", "daemonsets.apps")),
    Verb("wait", Shape.OBJECTS, True, _table(
        *_READS, _FIELDS, _ALL, _WAITS,
        Flag("for", check=is_awaitable, expected="delete, create, condition=NAME[=STATUS] or jsonpath='{.path}'=VALUE"),
    ), needs=("for",)),
    Verb("version", Shape.NOTHING, True, _table(_REQUEST, _QUIET, switch("client"), matching("output", "json|yaml", "json or yaml", "o"))),
    Verb("cluster-info", Shape.NOTHING, True, _table(_REQUEST, _QUIET)),
    Verb("api-resources", Shape.NOTHING, True, _table(
        _REQUEST, _QUIET, _HEADERS, switch("namespaced", default=""), switch("cached"), matching("api-group", r"[a-z0-9.-]*", "a group"),
        matching("output", "wide|name", "wide or name", "o"), matching("sort-by", "name|kind", "name or kind"),
        matching("verbs", "[a-z,]+", "verbs"), matching("categories", "[a-z,-]+", "categories"),
    )),
    Verb("explain", Shape.FIELD, True, _table(
        _REQUEST, _QUIET, switch("recursive"), matching("api-version", r"[a-z0-9./]+", "GROUP/VERSION"),
        matching("output", "plaintext|plaintext-openapiv2", "plaintext", "o"),
    )),
    Verb("auth whoami", Shape.NOTHING, True, _table(
        _REQUEST, _QUIET, Flag("output", "o", None, lambda v: v in {"yaml", "json"}, "yaml or json", is_dropped=True),
    )),
    Verb("auth can-i", Shape.QUESTION, True, _table(
        _NAMESPACE, _EVERYWHERE, _REQUEST, _QUIET, _HEADERS, switch("quiet", "q"), switch("list"), matching("subresource", "[a-z]+", "a subresource"),
    )),
    Verb("diff", Shape.MANIFESTS, True, _table(
        _NAMESPACE, _REQUEST, _QUIET, _FROM_HEREDOC, switch("server-side"), switch("force-conflicts"), switch("show-managed-fields"),
        matching("concurrency", r"[1-9][0-9]?", "a number"),
    ), needs=("filename",)),
    Verb("api-versions", Shape.NOTHING, True, _table(_REQUEST, _QUIET)),
)  # fmt: skip
_TEMPLATED = ("pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps",
              "replicationcontrollers", "jobs.batch", "cronjobs.batch")  # fmt: skip
_ROLLED = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")
_SCALED = ("deployments.apps", "statefulsets.apps", "replicasets.apps", "replicationcontrollers", TAKES_SCALE)
_QUANTITIES = rf"[a-z0-9./-]+={QUANTITY}(,[a-z0-9./-]+={QUANTITY})*"
_CHANGE_VERBS = (
    Verb("scale", Shape.OBJECTS, False, _table(
        *_PICKED, matching("replicas", _COUNT, "a number of replicas"), matching("current-replicas", _COUNT, "a number"), _WAITS,
    ), _SCALED, needs=("replicas",)),
    Verb("rollout restart", Shape.OBJECTS, False, _table(*_PICKED), _ROLLED),
    Verb("rollout undo", Shape.OBJECTS, False, _table(*_PICKED, matching("to-revision", _COUNT, "a revision")), _ROLLED),
    Verb("rollout pause", Shape.OBJECTS, False, _table(*_PICKED), ("deployments.apps",)),
    Verb("rollout resume", Shape.OBJECTS, False, _table(*_PICKED), ("deployments.apps",)),
    Verb("set image", Shape.OBJECTS_THEN_ARGUMENTS, False, _table(*_PICKED), _TEMPLATED),
    Verb("set resources", Shape.OBJECTS, False, _table(
        *_PICKED, matching("containers", r"[a-z0-9*-]+", "a container's name or '*'", "c"),
        matching("limits", _QUANTITIES, "memory=4Gi,cpu=2"), matching("requests", _QUANTITIES, "memory=4Gi,cpu=2"),
    ), _TEMPLATED),
    Verb("set env", Shape.OBJECTS_THEN_ARGUMENTS, False, _table(
        *_PICKED, matching("containers", r"[a-z0-9*-]+", "a container's name or '*'", "c"), switch("overwrite", default="true"),
        matching("from", r"(configmap|configmaps|cm|secret|secrets)/[a-z0-9.-]+", "configmap/NAME"),
        matching("keys", r"[A-Za-z0-9_.,-]+", "keys"), matching("prefix", r"[A-Za-z_][A-Za-z0-9_]*", "a prefix"),
        matching("env", r"[A-Za-z_][A-Za-z0-9_.-]*=.*", "KEY=VALUE", "e", is_repeatable=True), _LISTED,
    ), _TEMPLATED),
    Verb("set selector", Shape.OBJECTS_THEN_ARGUMENTS, False, _table(
        *_CHANGES, _ALL, matching("resource-version", _COUNT, "a version"),
    ), ("services",)),
    Verb("patch", Shape.OBJECTS, False, _table(
        *_CHANGES, Flag("patch", "p", expected="the patch as quoted JSON or YAML"),
        matching("type", "json|merge|strategic", "json, merge or strategic"), matching("subresource", "status|scale", "status or scale"),
    ), needs=("patch",)),
    Verb("label", Shape.OBJECTS_THEN_ARGUMENTS, False, _table(
        *_PICKED, _LISTED, switch("overwrite"), matching("resource-version", _COUNT, "a version"),
    )),
    Verb("annotate", Shape.OBJECTS_THEN_ARGUMENTS, False, _table(
        *_PICKED, _LISTED, switch("overwrite"), matching("resource-version", _COUNT, "a version"),
    )),
    Verb("cordon", Shape.NODES, False, _table(_SELECTED, _REQUEST, _QUIET, _TRIED, _ALL)),
    Verb("uncordon", Shape.NODES, False, _table(_SELECTED, _REQUEST, _QUIET, _TRIED, _ALL)),
    Verb("drain", Shape.NODES, False, _table(
        _SELECTED, _REQUEST, _QUIET, _TRIED, switch("ignore-daemonsets"), switch("delete-emptydir-data"), switch("force"),
        switch("disable-eviction"), matching("grace-period", r"-1|[0-9]{1,6}", "seconds"), _WAITS,
        Flag("pod-selector", check=_SELECTED.check, expected="a label selector"), matching("chunk-size", _COUNT, "a number"),
        matching("skip-wait-for-delete-timeout", _COUNT, "seconds"),
    )),
    Verb("taint", Shape.NODES_THEN_ARGUMENTS, False, _table(_SELECTED, _REQUEST, _QUIET, _TRIED, _ALL, switch("overwrite"))),
    Verb("delete", Shape.OBJECTS, False, _table(
        *_PICKED, _FROM_HEREDOC, switch("force"), switch("now"), switch("ignore-not-found"), switch("wait", default="true"), _WAITS,
        matching("grace-period", r"-1|[0-9]{1,6}", "seconds"),
        Flag("cascade", "", "background", lambda v: v in {"background", "foreground", "orphan", "true", "false"}, "background, foreground or orphan"),
    )),
    Verb("apply", Shape.MANIFESTS, False, _table(
        *_CHANGES, _FROM_HEREDOC, switch("server-side"),
        switch("force-conflicts"), switch("force"), switch("overwrite", default="true"), switch("wait", is_dropped=True),
        _VALIDATED,
    ), needs=("filename",)),
    Verb("create", Shape.MANIFESTS, False, _table(*_CHANGES, _FROM_HEREDOC, _VALIDATED), needs=("filename",)),
    Verb("create deployment", Shape.NEW, False, _table(
        *_CHANGES, _IMAGES, Flag("replicas", "r", check=matching("", _COUNT, "").check, expected="a number of replicas"), _PORT,
    ), kind="deployments.apps", needs=("image",)),
    Verb("create job", Shape.NEW, False, _table(
        *_CHANGES, _ONE_IMAGE, matching("from", rf"(cj|cronjobs?)(\.v1)?(\.batch)?/{_NAME}", "cronjob/NAME"),
    ), kind="jobs.batch"),
    Verb("create service clusterip", Shape.NEW, False, _table(
        *_CHANGES, matching("tcp", _PORTS, "PORT or PORT:TARGET", is_repeatable=True),
        Flag("clusterip", check=lambda v: v == "None", expected="None: a headless Service"),
    ), kind="services"),
    Verb("create cronjob", Shape.NEW, False, _table(
        *_CHANGES, _ONE_IMAGE, matching("schedule", r"[0-9A-Za-z*/, @?#-]+", "a schedule such as '0 3 * * *'"),
        matching("restart", "OnFailure|Never", "OnFailure or Never"),
    ), kind="cronjobs.batch", needs=("image", "schedule")),
    Verb("create quota", Shape.NEW, False, _table(
        *_CHANGES, matching("hard", _QUANTITIES, "cpu=4,pods=10"), matching("scopes", "[A-Za-z,]+", "scopes"),
    ), kind="resourcequotas"),
    Verb("create poddisruptionbudget", Shape.NEW, False, _table(
        *_CHANGES, matching("selector", _EQUALITIES, "app=web"), matching("min-available", "[0-9]{1,4}|[0-9]{1,3}%", "a number or a percentage"),
        matching("max-unavailable", "[0-9]{1,4}|[0-9]{1,3}%", "a number or a percentage"),
    ), kind="poddisruptionbudgets.policy", needs=("selector",)),
    Verb("expose", Shape.ONE_OBJECT, False, _table(
        *_CHANGES, _PORT, matching("target-port", "[0-9]{1,5}|[a-z0-9]([-a-z0-9]*[a-z0-9])?", "a port or its name"), matching("name", _NAME, "a name"),
        matching("protocol", "TCP|UDP|SCTP", "TCP, UDP or SCTP"),
        matching("type", "ClusterIP|NodePort|LoadBalancer", "ClusterIP, NodePort or LoadBalancer"),
    ), ("deployments.apps", "replicasets.apps", "pods", "services")),
    Verb("create configmap", Shape.NEW, False, _table(
        *_CHANGES, Flag("from-literal", expected="KEY=VALUE", check=lambda v: v.find("=") > 0, is_repeatable=True),
    ), kind="configmaps"),
    Verb("autoscale", Shape.OBJECTS, False, _table(
        *_CHANGES, matching("min", _COUNT, "a number"), matching("max", _COUNT, "a number"), matching("name", _NAME, "a name"),
        matching("cpu-percent", _COUNT, "a percentage"), matching("cpu", r"[0-9]{1,3}%", "a percentage such as 80%"),
    ), _SCALED, needs=("max",)),
)  # fmt: skip
_FORBIDDEN = (
    "debug", "certificate approve", "certificate deny", "auth reconcile", "create token", "create rolebinding",
    "create clusterrolebinding", "create role", "create clusterrole", "create secret", "create serviceaccount",
    "set subject", "set serviceaccount",
)  # fmt: skip
_FORBIDDEN_VERBS = tuple(Verb(name, Shape.ANYTHING) for name in _FORBIDDEN)

VERBS: dict[str, Verb] = {verb.name: verb for verb in (*_READ_VERBS, *_CHANGE_VERBS, *_FORBIDDEN_VERBS)}
GLOBAL_FLAGS = _table(_NAMESPACE, _REQUEST, _QUIET)
"""What may stand before the verb."""
_ALIASES = {
    ("top", "pods"): "top pod", ("top", "po"): "top pod", ("top", "nodes"): "top node", ("top", "no"): "top node",
    ("create", "cm"): "create configmap", ("create", "deploy"): "create deployment", ("create", "dep"): "create deployment",
    ("create", "pdb"): "create poddisruptionbudget", ("create", "cj"): "create cronjob", ("create", "resourcequota"): "create quota", ("create", "sa"): "create serviceaccount", ("set", "sa"): "set serviceaccount",
    ("set", "serviceaccounts"): "set serviceaccount",
}  # fmt: skip
FAMILIES = frozenset(name.split()[0] for name in VERBS if " " in name)
_APPLY = "kubectl apply -f - <<'EOF' with the object written out"
REFUSED_VERBS: dict[str, tuple[str, str]] = {
    "exec": ("commands inside containers are not part of the grammar", "kubectl logs POD, or kubectl describe pod POD"),
    "attach": ("there is no terminal", "kubectl logs -f POD"),
    "cp": ("copying files is not part of the grammar", "kubectl logs POD, or kubectl get configmap NAME -o yaml"),
    "port-forward": ("tunnels are not part of the grammar", "kubectl get endpointslices, or kubectl describe svc NAME"),
    "proxy": ("tunnels are not part of the grammar", "kubectl get --raw /path"),
    "edit": ("there is no editor", "kubectl patch TYPE/NAME -p '{...}'"),
    "replace": ("an object is not replaced as a whole: what others wrote into it would be lost", f"{_APPLY}, or kubectl patch TYPE/NAME -p '{{...}}'"),
    "run": ("an object is written out, not made of words", _APPLY),
    "kustomize": ("kustomize is not part of the grammar", _APPLY),
    "plugin": ("plug-ins are not part of the grammar", "kubectl and one of its own verbs"),
    "config": ("the cluster is the incident's own, and so is the identity", "kubectl cluster-info, kubectl version or kubectl auth can-i VERB KIND"),
    "alpha": ("not part of the grammar", "kubectl and one of its own verbs"),
    "completion": ("there is no terminal", "kubectl api-resources, or kubectl explain KIND"),
    "options": ("flags that every verb takes are -n, --request-timeout and -v up to 7", "kubectl explain KIND, or kubectl api-resources"),
    "ctx": ("plug-ins are not part of the grammar", "kubectl cluster-info; the cluster is the incident's own"),
    "ns": ("plug-ins are not part of the grammar", "-n NAMESPACE on the line"),
    "cluster-info dump": ("a dump holds what no scope bounds", "kubectl get all -n NAMESPACE -o yaml, or kubectl logs POD"),
    "create ingress": ("not made of words", _APPLY), "create namespace": ("not made of words", _APPLY), "create ns": ("not made of words", _APPLY),
    "create priorityclass": ("not made of words", _APPLY), "create pc": ("not made of words", _APPLY),
    "create ing": ("not made of words", _APPLY), "create pod": ("not made of words", _APPLY),
    "create service": ("only clusterip is made of words", f"kubectl create service clusterip NAME --tcp=80, kubectl expose, or {_APPLY}"),
    "create svc": ("only clusterip is made of words", f"kubectl create service clusterip NAME --tcp=80, kubectl expose, or {_APPLY}"),
}  # fmt: skip
"""Verbs that people type and that are refused: why, and which line of the grammar comes nearest."""
_OF_THREE_WORDS = {("create", "service"): "service", ("create", "svc"): "service"}


def family_members(family: str) -> Iterable[str]:
    return sorted(name.split(" ", 1)[1] for name in VERBS if name.startswith(f"{family} "))


def has_third_word(first: str, second: str) -> bool:
    """Whether the verb goes on behind its second word (``create service clusterip``)."""
    return (first, second) in _OF_THREE_WORDS


def find_verb(first: str, second: str | None, third: str | None = None) -> Verb | None:
    """``rollout``, ``restart`` -> the verb; None when it is not part of the grammar."""
    if second is not None and has_third_word(first, second):
        return VERBS.get(f"{first} {_OF_THREE_WORDS[first, second]} {third}")
    if first in FAMILIES:
        return None if second is None else VERBS.get(_ALIASES.get((first, second), f"{first} {second}"))
    return VERBS.get(first)
