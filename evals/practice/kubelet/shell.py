"""A busybox, as far as probes, jobs and the recordings use it: what `sh -c` with a few commands prints and returns.

Not a shell: it reads echo, exit, sleep, true, false, test -f, a counted for loop and an endless while loop, and takes any
other command for one that works and says nothing. Unknown binaries (a path that is no file of the image) fail to start.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from evals.practice.kubelet.behaviour import MIB, Behaviour, Exit

_KNOWN = {
    "sh", "true", "false", "sleep", "echo", "cat", "test", "httpd", "memhog", "ls", "env", "date", "wget", "nc", "tail",
    "/bin/sh", "python", "python3", "bash",
}  # fmt: skip
_FOR = re.compile(r"^for \w+ in ([^;]+);\s*do (.+?);?\s*done$")
_FOREVER = re.compile(r"while (?:true|:)\s*;")


@dataclass(slots=True)
class _Run:
    at: float = 0.0
    lines: list[tuple[float, str]] = field(default_factory=list)
    code: int | None = None
    message: str = ""
    forever: bool = False
    traps: bool = False
    ignores: bool = False
    ports: dict[int, float] = field(default_factory=dict)


def behave(command: tuple[str, ...]) -> Behaviour:
    """What a container of a busybox image does with this command; without one it ends at once."""
    if not command:
        return Behaviour(exit=Exit(0.1, 0))
    first = command[0]
    if first.startswith("/") and first not in _KNOWN:
        return Behaviour(start_error=_cannot_start(first, f"stat {first}: no such file or directory"))
    if first not in _KNOWN:
        return Behaviour(start_error=_cannot_start(first, "executable file not found in $PATH"))
    if first == "memhog":
        return Behaviour(memory_bytes=int(command[1]) * MIB if len(command) > 1 else 256 * MIB, memory_after=0.4)
    run = _Run()
    script = command[2] if first in ("sh", "/bin/sh", "bash") and len(command) > 2 else " ".join(command)
    _interpret(script, run)
    if run.forever:
        return Behaviour(output=tuple(run.lines), ports=run.ports, stop_code=0 if run.traps else 137,
                         ignores_stop=run.ignores)  # fmt: skip
    return Behaviour(output=tuple(run.lines), exit=Exit(run.at + 0.1, run.code or 0, run.message))


def check(command: tuple[str, ...]) -> tuple[int, str]:
    """(exit code, output) of an exec probe."""
    run = _Run()
    if command and command[0] in ("sh", "/bin/sh") and len(command) > 2:
        _interpret(command[2], run)
    else:
        _interpret(" ".join(command), run)
    return run.code or 0, "".join(f"{text}\n" for _, text in run.lines)


def _cannot_start(binary: str, why: str) -> str:
    return ("failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
            f'unable to start container process: exec: "{binary}": {why}: unknown')  # fmt: skip


def _interpret(script: str, run: _Run) -> None:
    for statement in _statements(script):
        if not _step(statement.strip(), run):
            return


def _statements(script: str) -> list[str]:
    """Split at `;` outside quotes and outside loops."""
    parts, depth, quote, current = [], 0, "", ""
    for word in re.split(r"(\s+|;|\"|')", script):
        if word in ('"', "'"):
            quote = "" if quote == word else quote or word
        elif not quote and word in ("for", "while"):
            depth += 1
        elif not quote and word == "done":
            depth -= 1
        if word == ";" and not quote and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += word
    return [one for one in [*parts, current] if one.strip()]


def _step(statement: str, run: _Run) -> bool:
    """One statement; False ends the script."""
    words = statement.split()
    loop = _FOR.match(statement)
    if loop:
        for value in loop[1].split():
            _step(re.sub(r"\$\{?\w+\}?", value, loop[2]), run)
        return True
    if _FOREVER.search(statement):
        run.forever = True
        return False
    match words:
        case ["trap", '""' | "''", *_]:
            run.ignores = True
        case ["trap", *_]:
            run.traps = True
        case ["exit", *code]:
            run.code = int(code[0]) if code else 0
            return False
        case ["sleep", seconds, *_]:
            return _sleep(float(seconds), run)
        case ["false"]:
            run.code = 1
        case ["test", "-f", _]:
            run.code = 1
        case ["echo", *_]:
            _echo(statement[4:].strip(), run)
        case ["exec", "httpd", *rest] | ["httpd", *rest]:
            run.ports[int(rest[rest.index("-p") + 1]) if "-p" in rest else 80] = 0.1
            run.forever = True
            return False
        case _:
            run.code = 0 if words else run.code
    return True


def _sleep(seconds: float, run: _Run) -> bool:
    run.at += seconds
    if seconds >= 3600:
        run.forever = True
        return False
    return True


def _echo(text: str, run: _Run) -> None:
    text, _, target = text.partition(">")
    shown = text.strip().removesuffix("2").strip() if target.startswith("&") else text.strip()
    shown = shown.strip("\"'") if shown[:1] in "\"'" else shown
    if target.strip() == "/dev/termination-log":
        run.message = shown + "\n"
    else:
        run.lines.append((run.at, shown))
    run.code = 0
