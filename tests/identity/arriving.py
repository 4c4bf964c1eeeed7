"""Going to a provider and coming back, as a browser does."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from tests.fakes.openid_provider import OpenIdProvider
from tests.identity.conftest import Browser


async def to_the_provider(browser: Browser, after: str = "/account") -> str:
    answer = await browser.get(f"/sign-in/with/corp?next={after}")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def back(browser: Browser, address: str) -> httpx.Response:
    parts = urlsplit(address)
    return await browser.get(f"{parts.path}?{parts.query}", headers={"Sec-Fetch-Site": "cross-site"})


async def arrive(browser: Browser, corp: OpenIdProvider, sub: str = "u-1", after: str = "/account") -> httpx.Response:
    return await back(browser, corp.consent(await to_the_provider(browser, after), sub))
