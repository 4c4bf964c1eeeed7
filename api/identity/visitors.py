"""Where a request comes from. Only a proxy that the settings name is believed when it says for whom it speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection

MOST_HOPS = 20
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("MicroMessenger/", "WeChat"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
"""The first mark that is found names it: every browser also claims to be those below it."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser that asks. ``address`` is empty where the transport has none; ``device`` is the mark that we left when
    somebody signed in there before."""

    address: str = ""
    agent: str = ""
    device: str = ""

    @property
    def network(self) -> str:
        """What failures are counted by: an IPv6 site has more addresses than there are attempts."""
        known = _parsed(self.address)
        if isinstance(known, IPv6Address):
            return str(ip_network((known, 64), strict=False))
        return self.address or "unknown"


def visitor_of(request: HTTPConnection, trusted: Sequence[str], device: str = "") -> Visitor:
    return Visitor(address_of(request, trusted), request.headers.get("user-agent", "")[:300], device)


def address_of(request: HTTPConnection, trusted: Sequence[str]) -> str:
    """The last address of the chain that is not a trusted proxy's: what lies before it anybody may have written."""
    peer = request.client.host if request.client else ""
    networks = [ip_network(one, strict=False) for one in trusted]

    def is_trusted(address: str) -> bool:
        known = _parsed(address)
        return known is not None and any(known in network for network in networks)

    hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")[-MOST_HOPS:]
    address = peer
    while hops and is_trusted(address):
        before = _parsed(hops.pop().strip())
        if before is None:
            break
        address = str(before)
    return address


def browser_name(agent: str) -> str:
    """What a person knows their browser by: ``Firefox, Linux``; else the first word that it calls itself."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return ", ".join(part for part in (browser, system) if part) or agent.partition(" ")[0][:60] or "?"


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """A proxy may write the port behind it; an IPv4 address that arrives as IPv6 is the IPv4 address."""
    host = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        known = ip_address(host)
    except ValueError:
        return None
    return (known.ipv4_mapped or known) if isinstance(known, IPv6Address) else known
