"""Who somebody on a chat platform is here: told, linked by a one-time code, and let go again."""

from __future__ import annotations

import re
import time
from collections import defaultdict, deque
from collections.abc import Callable

from api.bootstrap import Desk
from api.messengers.contract import Account
from api.messengers.links import Links
from api.messengers.message import Message, Paragraph
from api.web.words import word
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Language, Principal

TRIES = 5
TRIES_SECONDS = 600.0
ACCOUNTS_MOST = 10_000
_ORDER = re.compile(r"\s*(?:(?P<code>link)\s+(?P<letters>\S+)|(?P<word>unlink|whoami|help|帮助|\?))\s*", re.IGNORECASE)


class Linking:
    """Blocking."""

    def __init__(self, desk: Desk, links: Links, now: Callable[[], float] = time.monotonic) -> None:
        self._desk, self._links, self._now = desk, links, now
        self._tries: dict[Account, deque[float]] = defaultdict(deque)

    def principal_of(self, account: Account) -> Principal | None:
        """None for whoever is linked to nobody, to a disabled principal or to one without a role: they read nothing."""
        principal = self._desk.ledger.linked_identities.principal_of(account.provider, account.subject)
        return principal if principal is not None and principal.roles else None

    def obey(self, account: Account, text: str, language: Language) -> Message | None:
        """The answer to an order about the account itself; None when ``text`` is none."""
        order = _ORDER.fullmatch(text)
        if order is None:
            return None
        if order["code"]:
            return self._link(account, order["letters"], language)
        match order["word"].casefold():
            case "unlink":
                return self._unlink(account, language)
            case "whoami":
                return self._told(account, "you_are", language)
            case _:
                return said(word("messengers.help", language))

    def hush(self, text: str, language: Language) -> Message | None:
        """The answer to such an order where others read; a code that was said there is worth nothing any more."""
        order = _ORDER.fullmatch(text)
        if order is None or (order["word"] or "").casefold() not in {"", "unlink", "whoami"}:
            return None
        if order["code"]:
            self._desk.ledger.linked_identities.discard(order["letters"])
        return said(word("messengers.not_here", language))

    def how_to_link(self, language: Language) -> Message:
        how = word("messengers.link_how", language, url=self._links.account)
        return said(word("messengers.link_first", language), how)

    def _link(self, account: Account, letters: str, language: Language) -> Message:
        if self._tried_too_often(account):
            return said(word("messengers.slow_down", language))
        try:
            self._desk.ledger.linked_identities.redeem(letters, account.provider, account.subject)
        except OpsdeskError as error:
            return said(error.message, error.next_step)
        self._tries.pop(account, None)
        return self._told(account, "linked", language)

    def _unlink(self, account: Account, language: Language) -> Message:
        principal = self.principal_of(account)
        if principal is None:
            return self.how_to_link(language)
        self._desk.ledger.linked_identities.unlink(account.provider, account.subject, actor=principal.id)
        return said(word("messengers.unlinked", language))

    def _told(self, account: Account, key: str, language: Language) -> Message:
        principal = self.principal_of(account)
        if principal is None:
            return self.how_to_link(language)
        roles = ", ".join(sorted(principal.roles))
        return said(word(f"messengers.{key}", language, name=principal.name, roles=roles))

    def _tried_too_often(self, account: Account) -> bool:
        now = self._now()
        if len(self._tries) > ACCOUNTS_MOST:
            self._tries.clear()
        tries = self._tries[account]
        while tries and tries[0] < now - TRIES_SECONDS:
            tries.popleft()
        tries.append(now)
        return len(tries) > TRIES


def said(*lines: str) -> Message:
    kept = tuple(line for line in lines if line)
    return Message(pieces=tuple(Paragraph(text=line) for line in kept), plain=kept[0])
