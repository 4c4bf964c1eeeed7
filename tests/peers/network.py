"""No test leaves this machine: sockets connect to loopback and unix paths only."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


class NetworkClosed(AssertionError):
    """A test tried to reach another machine."""


def is_local(family: int, address: Any) -> bool:
    """True for unix sockets and for loopback addresses, by number or as ``localhost``."""
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return True
    host = address[0]
    if host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


@contextmanager
def closed_network() -> Iterator[None]:
    """Within it ``connect``, ``connect_ex`` and ``sendto`` refuse other machines, and no name is looked up elsewhere."""
    real_connect, real_connect_ex, real_sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    real_look_up = socket.getaddrinfo

    def check(sock: socket.socket, address: Any) -> None:
        if not is_local(sock.family, address):
            raise NetworkClosed(f"tests stay on this machine; one tried to reach {address!r}")

    def connect(sock: socket.socket, address: Any) -> None:
        check(sock, address)
        real_connect(sock, address)

    def connect_ex(sock: socket.socket, address: Any) -> int:
        check(sock, address)
        return real_connect_ex(sock, address)

    def sendto(sock: socket.socket, data: bytes, *rest: Any) -> int:
        check(sock, rest[-1])
        return real_sendto(sock, data, *rest)

    def look_up(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not is_local(socket.AF_INET, (name,)) and not _is_number(name):
            raise socket.gaierror(socket.EAI_NONAME, f"tests stay on this machine; one looked up {name!r}")
        return real_look_up(host, *rest, **named)

    with (
        patch.object(socket.socket, "connect", connect),
        patch.object(socket.socket, "connect_ex", connect_ex),
        patch.object(socket.socket, "sendto", sendto),
        patch.object(socket, "getaddrinfo", look_up),
    ):
        yield


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    return True
