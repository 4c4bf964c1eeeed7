"""Attempts to connect: ``nc``, ``curl``, ``telnet``, ``ping``, ``wget``, ``dig``: each one observed, with its outcome."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from knowledge.vocabulary import Json
from tools.transcript.command import Command
from tools.transcript.harvest import Harvest
from tools.transcript.times import rfc3339

PROBES = frozenset(["nc", "ncat", "netcat", "telnet", "curl", "wget", "ping", "ping6", "dig", "nslookup", "host"])
_NAME_WORDS = r"(?:could not resolve|bad address|name or service not known|can't resolve|nxdomain|unknown host|no such host|temporary failure in name resolution|can't find|nodename nor servname|servfail|forward host lookup failed|no servers could be reached|connection timed out; no servers)"
_OUTCOMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("name-unknown", re.compile(_NAME_WORDS, re.IGNORECASE)),
    (
        "tls-failed",
        re.compile(
            r"(?:SSL certificate problem|certificate (?:has expired|verify failed)|x509:|TLS handshake (?:failed|timeout)|SSL_ERROR|ssl handshake|wrong version number|schannel:)",
            re.IGNORECASE,
        ),
    ),
    ("refused", re.compile(r"(?:connection refused|actively refused|was refused|拒绝连接)", re.IGNORECASE)),
    (
        "timeout",
        re.compile(r"(?:timed? ?out|timeout|\bpunt!|i/o timeout|deadline exceeded|连接超时|超时)", re.IGNORECASE),
    ),
    (
        "no-route",
        re.compile(
            r"(?:no route to host|network is unreachable|host is unreachable|host unreachable|destination .*unreachable)",
            re.IGNORECASE,
        ),
    ),
    (
        "reset",
        re.compile(
            r"(?:connection reset|reset by peer|empty reply from server|closed by (?:foreign|remote) host|broken pipe)",
            re.IGNORECASE,
        ),
    ),
    (
        "open",
        re.compile(r"(?:\bopen\b|succeeded|connected to|connection established|连接成功|\bopened\b)", re.IGNORECASE),
    ),
    (
        "failed",
        re.compile(
            r"(?:connection failed|failed to connect|couldn't connect|unable to connect|not reachable|unreachable|连接失败|\bfailed\b|\bclosed\b)",
            re.IGNORECASE,
        ),
    ),
)
_FROM = re.compile(
    r"(?:\b(?:on|from)|在|从)\s+(?:node\s+|pod\s+)?(?P<where>[a-z0-9][\w.\-]*)\s*[:：](?P<rest>.*)$", re.IGNORECASE
)
_STATUS = re.compile(
    r"(?:^<?\s*HTTP/[\d.]+\s+(?P<line>\d{3})|\bHTTP(?: status)?(?: code)?[:=\s]+(?P<said>\d{3})\b|(?:server )?returned error:? (?:HTTP/[\d.]+ )?(?P<error>\d{3})|^(?P<bare>[1-5]\d\d)$)",
    re.IGNORECASE,
)
_LOSS = re.compile(r"(?P<loss>[\d.]{1,6})% packet loss")
_ROUND = re.compile(r"(?:rtt|round-trip) min/avg/max\S* = [\d.]+/(?P<average>[\d.]+)")
_PORT_IN = re.compile(r"(?P<host>[\w.\-]+)[\s(:\[]+(?:(?:\d{1,3}\.){3}\d{1,3}[)\]:]*\s*)?(?P<port>\d{1,5})\b")
_URL = re.compile(r"(?:https?|grpc|tcp|wss?)://\S+")


def target_of(command: Command) -> tuple[str, str, str]:
    """Host, port and protocol that a command meant."""
    words = [word for word in command.words if word]
    url = next((word for word in words if _URL.match(word)), "")
    if url or command.program in {"curl", "wget"}:
        return _of_url(url or next((word for word in words if "." in word or ":" in word), words[-1] if words else ""))
    if command.program in {"ping", "ping6"}:
        return (words[-1] if words else ""), "", "ICMP"
    if command.program in {"dig", "nslookup", "host"}:
        name = next((word for word in words if not word.startswith("@") and "." in word), words[0] if words else "")
        return name, "53", "UDP"
    plain = [word for word in words if not re.fullmatch(r"\d{1,2}", word) or word == words[-1]]
    if len(plain) >= 2 and plain[-1].isdigit():
        return plain[-2], plain[-1], "UDP" if any("u" in flag for flag in command.flags if len(flag) < 5) else "TCP"
    host, _, port = (plain[-1] if plain else "").partition(":")
    return host, port if port.isdigit() else "", "TCP"


def _of_url(url: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return parts.hostname or "", str(port), "HTTP"
    except ValueError:
        return "", "", "HTTP"


def read_attempts(harvest: Harvest, lines: Sequence[str], command: Command, namespace: str) -> int:
    """One attempt, or one for each place that it was made from when the output says so."""
    host, port, protocol = target_of(command)
    if not host:
        return 0
    groups: list[tuple[str, list[str]]] = [(command.pod or command.host, [])]
    for line in lines:
        found = _FROM.search(line)
        if found and not _URL.search(line) and not line.lstrip().startswith(("*", "<", ">")):
            groups.append((found["where"], [found["rest"]]))
        else:
            groups[-1][1].append(line)
    kept = 0
    for where, told in groups:
        if outcome := judge(told, command):
            _keep(harvest, (host, port, protocol), where, outcome, namespace)
            kept += 1
    return kept


def judge(lines: Sequence[str], command: Command) -> Json | None:
    """The outcome of one attempt; None when the lines tell none."""
    text = "\n".join(line for line in lines if line.strip())
    if not text.strip():
        return None
    outcome: Json = {}
    if command.program in {"dig", "nslookup", "host"}:
        return _lookup(lines)
    if loss := _LOSS.search(text):
        percent = float(loss["loss"]) if loss["loss"].count(".") < 2 else 0.0
        outcome = {"result": "open" if percent < 100 else "timeout", "lossPercent": percent}
        if spent := _ROUND.search(text):
            outcome["latencyMilliseconds"] = float(spent["average"])
        return {**outcome, "text": _line_with(lines, "packet loss")}
    for line in lines:
        if (found := _STATUS.search(line.strip())) and command.program in {"curl", "wget"}:
            code = int(found["line"] or found["said"] or found["error"] or found["bare"])
            outcome = {"result": "http-error" if code >= 400 else "open", "httpStatus": code, "text": line.strip()}
    if outcome:
        return outcome
    for result, pattern in _OUTCOMES:
        if found := pattern.search(text):
            if result == "open" and _OUTCOMES[-1][1].search(text) and "succeeded" not in text.lower():
                continue
            line = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0]
            return {"result": result, "text": line.strip()[:400]}
    if command.program == "curl" and not text.startswith(("curl:", "*")):
        return {"result": "open", "text": text.split("\n", 1)[0][:200]}
    return None


_SERVER = re.compile(r"(?:connection to the server |https?://)(?P<host>\[?[\w.:\-]+?\]?):(?P<port>\d{1,5})\b")


def read_api_error(harvest: Harvest, line: str) -> None:
    """What kubectl itself says when the API server does not answer is an attempt to connect to it."""
    where = _SERVER.search(line)
    outcome = next((result for result, pattern in _OUTCOMES if pattern.search(line)), "")
    if where and outcome not in {"", "open"} and "from server" not in line:
        _keep(harvest, (where["host"], where["port"], "HTTP"), "", {"result": outcome, "text": line.strip()[:400]}, "")


def _line_with(lines: Sequence[str], words: str) -> str:
    return next((line.strip()[:400] for line in lines if words in line), "")


def _lookup(lines: Sequence[str]) -> Json | None:
    text = "\n".join(lines)
    for result, pattern in _OUTCOMES[:1] + _OUTCOMES[2:4]:
        if found := pattern.search(text):
            return {"result": result if result != "timeout" else "timeout", "text": _line_with(lines, found.group())}
    if re.search(r"NOERROR|Address(?: \d+)?:|has address|\sIN\s+A\s", text):
        return {"result": "open", "text": _line_with(lines, "Address") or _line_with(lines, " IN ")}
    return None


def _keep(harvest: Harvest, target: tuple[str, str, str], where: str, outcome: Json, namespace: str) -> None:
    host, port, protocol = target
    service, service_namespace = service_of(host, namespace or harvest.namespace)
    name = f"{host}:{port}" if port else host
    if at := rfc3339(harvest.now):
        outcome.setdefault("at", at)
    harvest.put_pseudo(
        "Reachability",
        f"{name}@{where}" if where else name,
        {
            "host": host, "port": int(port[:5]) if port.isdigit() else 0, "protocol": protocol, "service": service,
            "serviceNamespace": service_namespace, "from": where,
        },
        outcome,
        namespace=service_namespace or namespace or harvest.namespace,
    )  # fmt: skip


def service_of(host: str, namespace: str) -> tuple[str, str]:
    """``web.shop.svc.cluster.local``, ``web.shop`` and ``web`` are Services; an address or an outside name is none."""
    if re.fullmatch(r"[\d.]+|\[?[0-9a-fA-F:]+\]?", host) or host in {"localhost", "kubernetes.default"}:
        return "", ""
    parts = host.rstrip(".").split(".")
    if len(parts) == 1:
        return host, namespace
    if len(parts) == 2 or parts[2] == "svc":
        return parts[0], parts[1]
    return "", ""
