"""One command, spelled at random: order, quotes, short and long flags, ``=`` or a space, type/name or type name."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from random import Random

KINDS = {
    "deployments": ("deploy", "deployment", "deployments", "deployments.apps", "deployment.apps", "deployments.v1.apps", "Deployment"),
    "statefulsets": ("sts", "statefulset", "statefulsets", "statefulset.apps"),
    "daemonsets": ("ds", "daemonset", "daemonsets.apps"),
    "jobs": ("job", "jobs", "jobs.batch", "job.v1.batch"),
    "cronjobs": ("cj", "cronjob", "cronjobs", "cronjobs.batch"),
    "services": ("svc", "service", "services", "Service"),
    "configmaps": ("cm", "configmap", "configmaps", "ConfigMap"),
    "pods": ("po", "pod", "pods", "Pod"),
    "nodes": ("no", "node", "nodes", "Node"),
    "poddisruptionbudgets": ("pdb", "poddisruptionbudgets", "pdb.policy", "poddisruptionbudgets.policy"),
}  # fmt: skip
SHORT = {
    "namespace": "n",
    "selector": "l",
    "containers": "c",
    "container": "c",
    "patch": "p",
    "output": "o",
    "env": "e",
}
SWITCHES = frozenset({
    "overwrite", "ignore-daemonsets", "delete-emptydir-data", "server-side", "force-conflicts", "ignore-not-found", "previous",
    "timestamps", "no-headers", "show-labels",
})  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z0-9._:/@=,+%-]+")
_BARE_FLAG = re.compile(r"[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Said:
    """What a line says: a verb, objects of one kind, words after them, flags by their long names, a heredoc."""

    verb: str
    kind: str = ""
    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()
    heredoc: str = ""
    is_bare_name: bool = False
    """names stand alone: nodes of cordon, a pod of logs, what create makes"""


def spelled(said: Said, chance: Random) -> str:
    """The line, and its heredoc."""
    groups = [_flag(name, value, chance, said.verb) for name, value in said.flags]
    if said.heredoc:
        groups.append(chance.choice([["-f", "-"], ["-f-"], ["--filename=-"], ["--filename", "-"]]))
    chance.shuffle(groups)
    places: list[list[str]] = [[], [], []]
    for group in groups:
        chance.choice(places).extend(group)
    first = [word for group in groups[:0] for word in group]
    line = ["kubectl", *first, *said.verb.split(), *places[0], *_objects(said, chance), *places[1]]
    line += [_quoted(word, chance) for word in said.words]
    gap = chance.choice([" ", " ", "  ", "\t"])
    text = _broken(gap.join([*line, *places[2]]), gap, chance)
    if not said.heredoc:
        return text + chance.choice(["", " ", "  # as agreed"])
    mark = chance.choice(["EOF", "YAML"])
    quote = chance.choice(["'", '"'])
    return f"{text} <<{quote}{mark}{quote}\n{said.heredoc}{mark}\n"


def _broken(text: str, gap: str, chance: Random) -> str:
    """Sometimes on several lines, as people write what is long. A line never breaks inside quotes."""
    words = text.split(gap)
    if chance.random() > 0.2 or any(mark in text for mark in "'\""):
        return text
    at = chance.randrange(1, len(words)) if len(words) > 1 else 1
    return f"{gap.join(words[:at])} \\\n  {gap.join(words[at:])}"


def _objects(said: Said, chance: Random) -> list[str]:
    if said.is_bare_name:
        return [_quoted(name, chance) for name in said.names]
    if not said.kind:
        return []
    kind = chance.choice(KINDS[said.kind])
    if not said.names:
        return [kind]
    if chance.random() < 0.5 and said.verb != "taint":  # kubectl refuses taint TYPE/NAME
        return [_quoted(f"{kind}/{name}", chance) for name in said.names]
    return [_quoted(kind, chance), *(_quoted(name, chance) for name in said.names)]


def _flag(name: str, value: str, chance: Random, verb: str) -> list[str]:
    if name in SWITCHES:
        return [chance.choice([f"--{name}", f"--{name}={value}"])] if value == "true" else [f"--{name}={value}"]
    long = name.replace("-", "_") if chance.random() < 0.1 else name
    ways = [[f"--{long}={_value(value, chance)}"], [f"--{long}", _quoted(value, chance)]]
    if name in SHORT and not (name == "selector" and verb.startswith("create")):
        short = f"-{SHORT[name]}"
        ways += [[short, _quoted(value, chance)], [f"{short}={_value(value, chance)}"]]
        if _BARE_FLAG.match(value):
            ways.append([short + (value if _PLAIN.fullmatch(value) else _quoted(value, chance))])
    if name in {"dry-run", "cascade", "wait"}:  # without "=" they take no value from the next word
        return ways[0]
    return chance.choice(ways)


def _value(value: str, chance: Random) -> str:
    return value if _PLAIN.fullmatch(value) and chance.random() < 0.7 else _quoted(value, chance)


def _quoted(word: str, chance: Random) -> str:
    """A word that a shell and the grammar read as ``word``."""
    ways = [word] if _PLAIN.fullmatch(word) and not word.startswith("-") else []
    if "'" not in word:
        ways.append(f"'{word}'")
    if not re.search(r'["$`\\!\n]', word):
        ways.append(f'"{word}"')
    if word.startswith("-"):
        ways = [f"'{word}'"]
    found = chance.choice(ways)
    assert shlex.split(found) == [word]
    return found
