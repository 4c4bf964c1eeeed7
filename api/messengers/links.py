"""Where things are in the console, for links from a chat platform."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Links:
    """``base``: how people reach the desk (``web.public_url``)."""

    base: str

    def incident(self, incident_id: str) -> str:
        return f"{self.base}/incidents/{incident_id}"

    @property
    def chat(self) -> str:
        return f"{self.base}/chat"

    @property
    def account(self) -> str:
        return self.base + "/account"

    @property
    def home(self) -> str:
        return self.base + "/"
