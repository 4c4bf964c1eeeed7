"""What the name of a file in a bundle says of its content: the layouts of ``kubectl cluster-info dump`` and of common collectors."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tools.transcript.cleaning import clean_lines, decode
from tools.transcript.command import Command
from tools.transcript.kinds import KINDS, kind_of
from tools.transcript.sections import Section, split_sections

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.\-]*[a-z0-9])?")
_LOG_NAMES = re.compile(
    r"(?P<container>[\w.\-]+?)[._\-]?(?P<previous>previous|prev|current)?\.(?:log|logs)(?:\.txt)?(?:\.\d+)?$"
)
_HOST_LOGS = frozenset(
    {
        "dmesg",
        "messages",
        "syslog",
        "kern",
        "kubelet",
        "containerd",
        "docker",
        "journal",
        "journalctl",
        "nvidia-smi",
        "crio",
        "kube-proxy",
    }
)
_NO_CONTAINER = frozenset({"logs", "log", "previous", "current", "prev", "0", "1"})
_LAST = 9


@dataclass(frozen=True, slots=True)
class BundleFile:
    """``name`` is the path inside of the bundle, with forward slashes."""

    name: str
    raw: bytes

    @property
    def rank(self) -> tuple[int, str]:
        """Objects before logs: whose a log is, is told by the objects."""
        return (1 if self.name.endswith((".log", ".logs")) or "/logs" in self.name else 0, self.name)

    def sections(self) -> list[Section]:
        """Commands in the file speak for themselves; a file without any is what its name says."""
        sections = split_sections(clean_lines(decode(self.raw)))
        if len(sections) == 1 and sections[0].command is None:
            command = meant_by(self.name)
            if command is not None:
                return [replace_command(sections[0], command)]
        return sections


def replace_command(section: Section, command: Command) -> Section:
    return Section(command, section.first, section.last, section.lines, section.offset, section.host)


def meant_by(name: str) -> Command | None:
    """``shop/web-1/logs.txt`` is the log of pod web-1; ``shop/pods.json`` the pods of shop; None when the name says nothing."""
    path = PurePosixPath(name)
    parts = [part for part in path.parts if part not in {".", ""}]
    stem = path.name.lower()
    for ending in (".gz", ".txt", ".log", ".logs", ".json", ".yaml", ".yml", ".out"):
        stem = stem.removesuffix(ending)
    if log := _log(parts, path.name, stem, name):
        return log
    for prefix in ("kubectl-", "kubectl_", "kubectl "):
        stem = stem.removeprefix(prefix)
    words = re.split(r"[\s_\-]+", stem)
    verb = "describe" if "describe" in words else "get"
    kind = next(
        (found for word in (stem, *words) if word not in {"get", "describe", "all"} and (found := kind_of(word))), None
    )
    if kind is None:
        return None
    namespace = _namespace(parts[:-1], kind.is_namespaced)
    is_all = bool({"all", "allnamespaces", "A"} & set(words)) or not namespace
    output = "json" if path.suffix == ".json" else "yaml" if path.suffix in {".yaml", ".yml"} else ""
    return Command(name, "kubectl", verb, kinds=(kind,), namespace=namespace, all_namespaces=is_all, output=output)


def _log(parts: list[str], file: str, stem: str, name: str) -> Command | None:
    """``namespace/pod/logs.txt`` (cluster-info dump), ``pods/namespace/pod/container.log``, ``namespace_pod_container.log``."""
    if stem in _HOST_LOGS or (stem.split("-", maxsplit=1)[0] in {"dmesg", "journal", "journalctl"}):
        host = next((part for part in reversed(parts[:-1]) if kind_of(part) is None), "")
        return Command(name, "journalctl", host=host)
    is_log = stem in {"logs", "log"} or re.search(r"\.logs?(?:\.|$)", file) is not None or "logs" in parts[:-1]
    if not is_log:
        return None
    found = _LOG_NAMES.match(file)
    folders = [
        part
        for part in parts[:-1]
        if part not in {"logs", "log", "pods", "containers", "var"} and _NAME.fullmatch(part)
    ]
    base = Command(
        name,
        "kubectl",
        "logs",
        is_previous=bool(found and found["previous"] in {"previous", "prev"}) or "previous" in stem,
    )
    flat = re.split(r"_{1,2}", stem)
    if len(flat) >= 3 and all(_NAME.fullmatch(part) for part in flat[:2]):
        return replace(
            base,
            namespace=flat[0],
            words=(flat[1],),
            names=(flat[1],),
            container=re.sub(r"-[0-9a-f]{64}$", "", flat[2]),
        )
    if len(folders) >= 2:
        container = "" if stem in _NO_CONTAINER or found is None else found["container"]
        if len(folders) >= 3 and not container:
            return replace(
                base, namespace=folders[-3], words=(folders[-2],), names=(folders[-2],), container=folders[-1]
            )
        return replace(base, namespace=folders[-2], words=(folders[-1],), names=(folders[-1],), container=container)
    pod = folders[-1] if folders else (found["container"] if found else stem)
    return replace(base, words=(pod,), names=(pod,)) if _NAME.fullmatch(pod) and pod not in {"logs", "log"} else base


def _namespace(folders: list[str], is_namespaced: bool) -> str:
    """The folder that is no kind's and no heading: ``namespaces/shop/pods.yaml``, ``shop/pods.json``."""
    if not is_namespaced:
        return ""
    headings = {
        "namespaces",
        "namespace",
        "resources",
        "cluster-resources",
        "cluster-info",
        "dump",
        "output",
        "kubernetes",
        "k8s",
        "cluster",
        "objects",
        "core",
        "apps",
    }
    given = [part for part in folders if part.lower() not in headings and kind_of(part) is None and part not in KINDS]
    after = next((right for left, right in itertools.pairwise(folders) if left in {"namespaces", "namespace"}), "")
    chosen = after or (given[-1] if given else "")
    return chosen if _NAME.fullmatch(chosen) and len(folders) < _LAST else ""
