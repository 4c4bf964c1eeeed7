"""What a typed command asked for: the program behind sudo, ssh, watch and pipes, and for kubectl the kinds, names and flags."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass, field, replace
from functools import lru_cache

from tools.transcript.kinds import Kind, kind_of

KUBECTL = frozenset({"kubectl", "oc", "k", "kc", "kubectl.exe", "kubecolor", "kctl", "kb"})
HOST_PROGRAMS = frozenset(
    [
        "systemctl",
        "journalctl",
        "service",
        "nc",
        "ncat",
        "netcat",
        "telnet",
        "curl",
        "wget",
        "ping",
        "ping6",
        "dig",
        "nslookup",
        "host",
        "dmesg",
        "nvidia-smi",
        "crictl",
        "df",
        "free",
        "ps",
        "top",
        "docker",
        "cat",
        "less",
        "more",
        "tail",
        "head",
        "grep",
        "zcat",
        "ip",
        "ss",
        "netstat",
        "iptables",
        "uptime",
        "uname",
        "lsblk",
        "mount",
        "etcdctl",
        "ctr",
        "dcgmi",
        "ibstat",
        "ethtool",
        "traceroute",
        "tracepath",
        "helm",
        "calicoctl",
        "cilium",
        "istioctl",
        "promtool",
        "amtool",
        "tc",
        "sysctl",
        "ls",
        "echo",
        "date",
        "hostname",
        "find",
        "du",
        "lsof",
        "awk",
        "sed",
        "jq",
        "yq",
        "vmstat",
        "iostat",
        "sar",
        "mpstat",
        "rocm-smi",
        "redis-cli",
        "psql",
        "mysql",
        "openssl",
        "kubeadm",
        "nerdctl",
        "podman",
    ]
)
_WRAPPERS = frozenset(
    {"sudo", "time", "nohup", "watch", "stdbuf", "timeout", "nice", "command", "exec", "env", "proxychains4"}
)
_WRAPPER_VALUES = {
    "sudo": {"-u", "-g", "-C", "-p"},
    "watch": {"-n", "--interval"},
    "nice": {"-n"},
    "stdbuf": {"-o", "-e", "-i"},
}
_SSH_VALUES = frozenset(
    ["-i", "-p", "-l", "-o", "-F", "-J", "-L", "-R", "-D", "-b", "-c", "-E", "-e", "-m", "-Q", "-S", "-W", "-w"]
)
_KUBECTL_VALUES = frozenset(
    [
        "-n",
        "--namespace",
        "-l",
        "--selector",
        "-c",
        "--container",
        "-o",
        "--output",
        "--context",
        "--kubeconfig",
        "--cluster",
        "--user",
        "--since",
        "--since-time",
        "--tail",
        "--field-selector",
        "--sort-by",
        "-s",
        "--server",
        "--as",
        "--as-group",
        "--token",
        "--revision",
        "-L",
        "--label-columns",
        "--limit-bytes",
        "--request-timeout",
        "--chunk-size",
        "--max-log-requests",
        "-f",
        "--filename",
        "-v",
        "--v",
        "--template",
        "--for",
        "--timeout",
        "--to-revision",
    ]
)
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``verb`` is kubectl's (``get``); for other programs the first word (``status`` of systemctl)."""

    text: str
    program: str
    verb: str = ""
    words: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    names: tuple[str, ...] = ()
    namespace: str = ""
    all_namespaces: bool = False
    selector: str = ""
    container: str = ""
    output: str = ""
    host: str = ""
    pod: str = ""
    is_previous: bool = False
    filters: tuple[str, ...] = ()
    flags: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_kubectl(self) -> bool:
        return self.program == "kubectl"

    @property
    def is_whole(self) -> bool:
        """Whether the output lists everything of its kind there: no name, no selector, no filter."""
        narrowing = {"--field-selector", "--since", "--tail", "--limit"} & self.flags
        return not (self.names or self.selector or self.filters or narrowing)


@lru_cache(maxsize=8192)
def parse_command(text: str) -> Command | None:
    """None when the text is no command that anyone would paste here."""
    tokens = _tokens(text)
    if not tokens or len(text) > 4_000:
        return None
    first, filters = _split_pipe(tokens)
    return _unwrapped(text, first, filters, host="", pod="", depth=0)


def _tokens(text: str) -> list[str]:
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars="|;&")
        lexer.whitespace_split = True
        lexer.commenters = ""
        return list(lexer)
    except ValueError:
        return _SPACES.split(text.strip())


def _split_pipe(tokens: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """The first command that has an output of its own, and the programs that its output went through."""
    segments: list[tuple[str, list[str]]] = [("", [])]
    for token in tokens:
        if token and set(token) <= set("|;&"):
            segments.append((token, []))
        elif not token.startswith(("2>", ">&", "1>")):
            segments[-1][1].append(token)
    while (
        len(segments) > 1
        and segments[0][1][:1]
        and segments[0][1][0] in {"cd", "export", "set", "source", "alias", "clear"}
    ):
        segments.pop(0)
    filters = tuple(words[0] for joint, words in segments[1:] if joint in {"|", "|&"} and words)
    return segments[0][1], filters


def _unwrapped(
    text: str, tokens: list[str], filters: tuple[str, ...], *, host: str, pod: str, depth: int
) -> Command | None:
    tokens = _without_wrappers(tokens)
    if not tokens or depth > 4:
        return None
    program = tokens[0].rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    if program in {"microk8s", "k3s", "minikube", "k0s", "rke2"} and len(tokens) > 1:
        rest = tokens[1:]
        if rest[0] == "kubectl":
            return _kubectl(text, [word for word in rest[1:] if word != "--"], filters, host, pod, depth)
    if program in {"microk8s.kubectl", "k3s.kubectl"} or program in KUBECTL:
        return _kubectl(text, tokens[1:], filters, host, pod, depth)
    if program == "ssh":
        inner, there = _ssh(tokens[1:])
        if not inner:
            return Command(text, "ssh", host=there)
        return _unwrapped(text, inner, filters, host=there, pod=pod, depth=depth + 1)
    if program in {"bash", "sh"} and "-c" in tokens[1:3] and len(tokens) > 2:
        first, more = _split_pipe(_tokens(tokens[-1]))
        return _unwrapped(text, first, filters + more, host=host, pod=pod, depth=depth + 1)
    words = tuple(word for word in tokens[1:] if not word.startswith("-"))
    flags = frozenset(word.split("=", 1)[0] for word in tokens[1:] if word.startswith("-"))
    return Command(
        text, program, words[0] if words else "", words, host=host, pod=pod, filters=filters, flags=flags,
        names=_values_of(tokens, "-u", "--unit"),
    )  # fmt: skip


def _values_of(tokens: list[str], *flags: str) -> tuple[str, ...]:
    found = [after for flag, after in itertools.pairwise(tokens) if flag in flags]
    found += [token.split("=", 1)[1] for token in tokens if token.startswith("--unit=")]
    return tuple(found)


def _without_wrappers(tokens: list[str]) -> list[str]:
    while tokens:
        head = tokens[0]
        if re.fullmatch(r"[A-Za-z_]\w*=.*", head):
            tokens = tokens[1:]
            continue
        if head not in _WRAPPERS:
            return tokens
        values = _WRAPPER_VALUES.get(head, set())
        tokens = tokens[1:]
        while tokens and tokens[0].startswith("-"):
            tokens = tokens[2 if tokens[0] in values else 1 :]
        if head == "timeout" and tokens and tokens[0][:1].isdigit():
            tokens = tokens[1:]
        if len(tokens) == 1 and " " in tokens[0]:
            tokens = _tokens(tokens[0])
    return tokens


def _ssh(tokens: list[str]) -> tuple[list[str], str]:
    while tokens and tokens[0].startswith("-"):
        tokens = tokens[2 if tokens[0] in _SSH_VALUES else 1 :]
    if not tokens:
        return [], ""
    host = tokens[0].rpartition("@")[2]
    inner = tokens[1:]
    if len(inner) == 1 and " " in inner[0]:
        inner, _ = _split_pipe(_tokens(inner[0]))
    return inner, host


@dataclass(slots=True)
class _Given:
    """Flags and words of a kubectl command, as they are read."""

    words: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    inner: list[str] = field(default_factory=list)

    def value(self, *names: str) -> str:
        return next((self.values[name] for name in names if name in self.values), "")


def _read_kubectl(tokens: list[str]) -> _Given:
    given = _Given()
    at = 0
    while at < len(tokens):
        word = tokens[at]
        at += 1
        if word == "--":
            given.inner = tokens[at:]
            break
        if not word.startswith("-") or word == "-":
            given.words.append(word)
            continue
        name, has_value, value = word.partition("=")
        if not has_value and re.fullmatch(r"-[nlco][^-].*", word):
            name, value, has_value = word[:2], word[2:], "="
        given.flags.add(name)
        if has_value:
            given.values[name] = value
        elif name == "-f" and (given.words[:1] == ["logs"] or at >= len(tokens)):
            continue
        elif name in _KUBECTL_VALUES and at < len(tokens):
            given.values[name] = tokens[at]
            at += 1
    return given


def _kubectl(text: str, tokens: list[str], filters: tuple[str, ...], host: str, pod: str, depth: int) -> Command | None:
    given = _read_kubectl(tokens)
    verb, *words = given.words or [""]
    base = Command(
        text, "kubectl", verb, tuple(words), namespace=given.value("-n", "--namespace"),
        all_namespaces=bool({"-A", "--all-namespaces"} & given.flags), selector=given.value("-l", "--selector"),
        container=given.value("-c", "--container"), output=given.value("-o", "--output"), host=host, pod=pod, filters=filters,
        is_previous=bool({"-p", "--previous"} & given.flags), flags=frozenset(given.flags),
    )  # fmt: skip
    if verb == "exec" and (given.inner or len(words) > 1):
        inner = given.inner or words[1:]
        where = words[0].rpartition("/")[2] if words else ""
        found = _unwrapped(text, list(inner), filters, host=host, pod=where, depth=depth + 1)
        return replace(found, namespace=found.namespace or base.namespace, container=base.container) if found else base
    if verb == "run":
        inner_words = given.inner or words[1:]
        found = _unwrapped(
            text, list(inner_words), filters, host=host, pod=words[0] if words else "run", depth=depth + 1
        )
        return replace(found, namespace=base.namespace) if found and found.program in HOST_PROGRAMS else base
    kinds, names = _targets(verb, words)
    return replace(base, kinds=kinds, names=names)


def _targets(verb: str, words: list[str]) -> tuple[tuple[Kind, ...], tuple[str, ...]]:
    """Kinds and names that a command asks for."""
    if verb in {"logs", "log"}:
        return (), tuple(words[:1])
    if verb == "top":
        return tuple(kind for kind in map(kind_of, words[:1]) if kind), tuple(words[1:])
    if verb == "rollout":
        words = words[1:]
    if verb == "events":
        return tuple(kind for kind in [kind_of("events")] if kind), ()
    kinds: list[Kind] = []
    names: list[str] = []
    for at, word in enumerate(words):
        left, has_name, name = word.partition("/")
        if has_name:
            found = kind_of(left)
            kinds += [found] if found and found not in kinds else []
            names.append(name)
        elif at == 0:
            kinds += [found for part in word.split(",") if (found := kind_of(part))]
        else:
            names.append(word)
    return tuple(kinds), tuple(names)
