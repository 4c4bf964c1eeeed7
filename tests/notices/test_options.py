"""The routing file refuses what could not work, and says what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from api.notices.options import NoticesSettings

MAIL = {"host": "smtp.example.com"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"routes": [{"name": "a", "to": [{"channel": "email", "to": "x@y.z"}]}]}, "email.host is not set"),
        (
            {"email": MAIL, "routes": [{"name": "a", "to": [{"channel": "email", "to": "not an address"}]}]},
            "no mail address",
        ),
        (
            {"email": MAIL, "routes": [{"name": "a", "to": [{"channel": "email", "to": "a@b.c\r\nBcc: d@e.f"}]}]},
            "no mail address",
        ),
        ({"routes": [{"name": "a", "to": [{"channel": "webhook", "to": "pager"}]}]}, "no webhook named 'pager'"),
        ({"routes": [{"name": "a", "to": [{"channel": "slack", "to": "@everyone"}]}]}, "none of"),
        ({"routes": [{"name": "a", "to": [{"channel": "slack", "to": "#ops"}]}]}, "no id of a Slack channel"),
        ({"routes": [{"name": "a", "to": [{"channel": "any", "to": "x"}]}]}, "needs people"),
        ({"routes": [{"name": "a", "kinds": ["explosion"]}]}, "kinds"),
        ({"routes": [{"name": "a"}, {"name": "a"}]}, "named twice"),
        ({"routes": [{"name": "a", "quiet": [{"starts": "22:00", "ends": "7:00", "zone": "Mars/Olympus"}]}]}, "zone"),
        ({"email": {**MAIL, "user": "u", "security": "none"}}, "in the clear"),
        ({"webhooks": [{"name": "p", "url": "ftp://x"}]}, "http or https"),
        ({"webhooks": [{"name": "p", "url": "https://user:pass@x/"}]}, "http or https"),
        ({"webhooks": [{"name": "p", "url": "https://x/", "secret": "short"}]}, "at least 16"),
        ({"routes": [{"name": "a", "escalation": [{"after_minutes": 0, "to": []}]}]}, "greater than 0"),
        ({"rutes": []}, "Extra inputs"),
    ],
)
def test_settings_are_refused_when_they_could_not_work(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NoticesSettings.model_validate(given)


def test_settings_show_no_secret_when_they_are_printed() -> None:
    settings = NoticesSettings.model_validate(
        {
            "email": {**MAIL, "user": "u", "password": "hunter2hunter2"},
            "webhooks": [{"name": "p", "url": "https://hooks.example.com/T0/SECRETPATH", "secret": "s" * 20}],
        }
    )
    told = f"{settings!r} {settings.model_dump(mode='json')}"
    assert "hunter2" not in told
    assert "SECRETPATH" not in told
    assert "s" * 20 not in told
