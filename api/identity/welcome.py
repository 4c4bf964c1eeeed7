"""The first start: nobody can sign in, and there is no default password. Whoever reads the server's own output makes the
first admin with a link that it prints once."""

from __future__ import annotations

from datetime import timedelta

from api.settings import Settings
from knowledge.ledger.ledger import Ledger

WELCOME_LIFE = timedelta(hours=1)


def welcome_lines(ledger: Ledger, address: str) -> list[str]:
    """What to print; nothing once anybody has a password, a token or a linked account. A new link ends the one before."""
    secret = ledger.credentials.make_welcome(WELCOME_LIFE)
    if secret is None:
        return []
    return [
        "Nobody can sign in yet. Make the first admin here (good once, for one hour, and shown to nobody again):",
        f"  {address.rstrip('/')}/welcome/{secret}",
    ]


def invitation_address(settings: Settings, secret: str) -> str:
    return f"{settings.server_url}/set-password/{secret}"
