"""Cuts a paste into commands and their outputs. A paste without commands is one section without one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tools.transcript.command import HOST_PROGRAMS, KUBECTL, Command, parse_command

# Where a shell waits. A root's `#` and a bare `>` also begin comments and quotes: they count before known programs only.
_PROMPT = re.compile(
    r"""(?x)^\s{0,4}(?:\([\w.\-:/]{1,40}\)\s?){0,2}
    (?:(?P<sure>\[[^\]\n]{1,80}\]\s?[\#$%]\s
        |[\w.\-]{1,40}@[\w.\-]{1,60}[:\s~][^\#$%>❯\n]{0,100}[\#$%>❯]\s
        |[\w.\-]{1,40}@[\w.\-]{1,60}[\#$%>]\s
        |PS\s[A-Za-z]:\\[^>\n]{0,200}>\s?|[A-Za-z]:\\[^>\n]{0,200}>\s?
        |(?:bash|sh|zsh)-?[\d.]{0,6}[$]\s|(?:ba|z)?sh-\d[\d.]{0,6}\#\s|\$\s|[❯➜λ»]\s+(?:~\s+|/\S*\s+)?)
     |(?P<maybe>\#\s|%\s|>\s|~\s?[\#$]\s|/\s?[\#$]\s|(?:bash|sh)-?[\d.]{0,6}\#\s|\+\s|[-*]\s|(?:执行|命令|输入|运行|Command|command|cmd|Cmd|CMD|Running|run)\s?[:：]\s?))
    (?P<command>\S.*)$"""
)
_BARE = re.compile(
    r"(?:sudo\s+)?(?:(?:kubectl|oc|k|kc|kubecolor|microk8s\.?\s?kubectl|k3s kubectl)(?:\s+-\S+(?:\s+[\w.\-/@:]+)?){0,4}\s+"
    r"(?:get|describe|logs|top|rollout|events|exec|cluster-info|version|config|api-resources|auth|debug|explain)\b"
    r"|ssh\s+(?:-\S+\s+){0,4}\S+\s+(?:sudo\s+)?['\"]?(?:systemctl|journalctl|service|dmesg|nvidia-smi|df|free|cat|crictl|ps)\b"
    r"|systemctl\s+status\s|journalctl\s+-|nc\s+-\w*[zv]|curl\s+-|ping\s+-?\w|nslookup\s+\S+$|dig\s+\S+|nvidia-smi(?:\s+-|\s*$)|dmesg(?:\s|$)"
    r"|df\s+-h|free\s+-|crictl\s+\w|telnet\s+\S+\s+\d+$|cat\s+\S+\.(?:ya?ml|json|txt|log|conf)$)"
)
# Typed right behind the prompt, or dressed up as a heading, a list or code by whoever wrote it down.
_DRESSED = re.compile(
    r"^\s{0,4}(?:[^\w\s]{1,6}\s{0,3}|\d{1,3}[.)、]\s{0,3}|\[?\d{4}-\d\d-\d\d[T ][\d:.,]{5,20}\]?\s{1,3}|\[[^\]\n]{1,60}\]\s{0,2}"
    r"|[\w.\-]{1,40}@[\w.\-]{1,60}[:~/\w.\-]{0,80}\s{0,2}[#$%>]\s{0,3}){1,5}(?P<typed>" + _BARE.pattern + r").*$"
)
_DRESSING = re.compile(r"[\s*`=]*(?:\s-{2,})?$")
_PROMPT_HOST = re.compile(r"\s{0,4}\[?[\w.\-]{1,40}@([\w.\-]{1,60})")
_FIRST = frozenset("$#%>~/[(+-*❯➜λ»PSC执命输运RCrckonjdfpts")
_KNOWN = (
    HOST_PROGRAMS
    | KUBECTL
    | {"sudo", "ssh", "watch", "microk8s", "microk8s.kubectl", "k3s", "minikube", "time", "timeout"}
)


@dataclass(slots=True)
class Section:
    """Lines ``first`` to ``last`` of the paste, counted from 1; ``lines`` are those of the output only."""

    command: Command | None
    first: int
    last: int
    lines: list[str]
    offset: int = 0
    """The number of the output's first line."""
    host: str = ""
    """The host that the prompt names: a log of a host is its own."""


def split_sections(lines: list[str]) -> list[Section]:
    starts: list[tuple[int, int, Command]] = []
    at = 0
    while at < len(lines):
        found = command_at(lines, at)
        if found is None:
            at += 1
            continue
        command, used = found
        starts.append((at, at + used, command))
        at += used
    sections: list[Section] = []
    if not starts or any(line.strip() for line in lines[: starts[0][0]]):
        end = starts[0][0] if starts else len(lines)
        sections.append(Section(None, 1, end, lines[:end], 1))
    for number, (start, body, command) in enumerate(starts):
        end = starts[number + 1][0] if number + 1 < len(starts) else len(lines)
        there = _PROMPT_HOST.match(lines[start])
        sections.append(Section(command, start + 1, end, lines[body:end], body + 1, there.group(1) if there else ""))
    return sections


def command_at(lines: list[str], at: int) -> tuple[Command, int] | None:
    """The command typed on this line, and how many lines it takes (continuations with a backslash)."""
    line = lines[at]
    typed = _typed(line) or _undressed(line)
    if not typed:
        return None
    used = 1
    while typed.endswith("\\") and at + used < len(lines) and used < 12:
        typed = typed[:-1] + " " + lines[at + used].strip().removeprefix("> ")
        used += 1
    command = parse_command(typed.strip())
    return (command, used) if command is not None else None


def _typed(line: str) -> str:
    head = line.lstrip(" ")
    if not head or len(line) > 4_000:
        return ""
    if head[0].isalpha() and head[0] != "λ" and line[0] != " ":
        word = head.split(" ", 1)[0]
        if word in _KNOWN:
            return line if _BARE.match(line) else ""
        if (
            "@" not in word
            and word not in {"PS", "Command:", "command:", "cmd:", "Running:", "run:"}
            and ":\\" not in word
        ):
            return _after_maybe(line) if head[0] in "执命输运" or word.startswith(("bash-", "sh-")) else ""
    elif head[0] not in _FIRST:
        return ""
    return _after_maybe(line)


def _undressed(line: str) -> str:
    if len(line) > 400 or not (
        "kubectl" in line or "systemctl" in line or "journalctl" in line or "nvidia-smi" in line
    ):
        return ""
    found = _DRESSED.match(line)
    return _DRESSING.sub("", line[found.start("typed") :]) if found else ""


def _after_maybe(line: str) -> str:
    found = _PROMPT.match(line)
    if found is None:
        return ""
    typed = found.group("command")
    if found.group("sure"):
        return typed
    word = typed.split(" ", 1)[0].rsplit("/", 1)[-1]
    is_known = word in _KNOWN and (line[:1] != " " or _BARE.match(typed) is not None)
    is_program = _BARE.match(typed) is not None or (is_known and line.lstrip()[:1] in "#%>~/+" and " -" in typed)
    return typed if is_program else ""
