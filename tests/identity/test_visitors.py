"""Where a request comes from: a header is believed of a trusted proxy alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request

from api.health import check_sign_in
from api.identity.visitors import Visitor, address_of, browser_name
from api.settings import Settings, WebSettings
from knowledge.errors import MalformedSettings
from tests.identity.conftest import CHEAP

PROXIES = ("10.0.0.0/8", "fd00::/8")


def request(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "client": (peer, 1)})


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("203.0.113.9", [], (), "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], (), "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], PROXIES, "203.0.113.9"),
        ("127.0.0.1", ["198.51.100.1"], PROXIES, "127.0.0.1"),
        ("10.1.1.1", ["198.51.100.1"], PROXIES, "198.51.100.1"),
        ("10.1.1.1", ["6.6.6.6, 198.51.100.1"], PROXIES, "198.51.100.1"),
        ("10.1.1.1", ["6.6.6.6, 198.51.100.1, 10.2.2.2"], PROXIES, "198.51.100.1"),
        ("10.1.1.1", ["6.6.6.6", "198.51.100.1"], PROXIES, "198.51.100.1"),
        ("10.1.1.1", ["10.3.3.3, 10.2.2.2"], PROXIES, "10.3.3.3"),
        ("10.1.1.1", ["198.51.100.1:4711"], PROXIES, "198.51.100.1"),
        ("10.1.1.1", ["[2001:db8::7]:4711"], PROXIES, "2001:db8::7"),
        ("fd00::1", ["2001:DB8::7"], PROXIES, "2001:db8::7"),
        ("::ffff:10.1.1.1", ["198.51.100.1"], PROXIES, "198.51.100.1"),
        ("10.1.1.1", ["nonsense"], PROXIES, "10.1.1.1"),
        ("10.1.1.1", ["198.51.100.1, nonsense"], PROXIES, "10.1.1.1"),
        ("10.1.1.1", [""], PROXIES, "10.1.1.1"),
        ("10.1.1.1", [",".join(["198.51.100.1"] * 5000)], PROXIES, "198.51.100.1"),
        ("testclient", ["198.51.100.1"], PROXIES, "testclient"),
    ],
)
def test_address_is_the_last_one_that_no_trusted_proxy_has(
    peer: str, forwarded: list[str], trusted: tuple[str, ...], address: str
) -> None:
    assert address_of(request(peer, *forwarded), trusted) == address


def test_ipv6_visitors_are_counted_by_their_network() -> None:
    assert Visitor("2001:db8:1:2:3:4:5:6").network == "2001:db8:1:2::/64"
    assert Visitor("203.0.113.9").network == "203.0.113.9"
    assert Visitor("::ffff:203.0.113.9").network in {"203.0.113.9", "::ffff:203.0.113.9"}
    assert Visitor("").network == "unknown"


def test_proxy_that_is_no_network_is_refused_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSDESK_WEB__TRUSTED_PROXIES", '["the load balancer"]')
    with pytest.raises(MalformedSettings, match="trusted_proxies"):
        Settings.load()


@pytest.mark.parametrize(
    ("given", "is_secure"),
    [
        ({}, False),
        ({"public_url": "https://desk.test"}, True),
        ({"public_url": "HTTPS://desk.test"}, True),
        ({"public_url": "http://desk.test"}, False),
        ({"secure_cookies": True}, True),
        ({"public_url": "https://desk.test", "secure_cookies": False}, False),
    ],
)
def test_cookies_are_secure_behind_tls_without_being_told(given: dict[str, object], is_secure: bool) -> None:
    assert WebSettings.model_validate(given).secure_cookies is is_secure


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Mobile/1 Safari/604.1", "Safari, iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "?"),
    ],
)
def test_browser_is_told_as_people_know_it(agent: str, name: str) -> None:
    assert browser_name(agent) == name


def test_doctor_warns_of_a_proxy_that_is_not_named_and_of_cheap_hashes(tmp_path: Path) -> None:
    web = WebSettings(public_url="https://desk.test")
    (proxy, hashes) = check_sign_in(Settings(home=tmp_path, web=web, sign_in=CHEAP))
    assert "trusted_proxies" in proxy.next_step
    assert "cheaply" in hashes.detail
    named = WebSettings(public_url="https://desk.test", trusted_proxies=("10.0.0.0/8",))
    assert check_sign_in(Settings(home=tmp_path, web=named)) == []
