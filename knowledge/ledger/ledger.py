"""The ledger's door: one object with one part per thing that is kept.

Synchronous and thread-safe; async callers use ``asyncio.to_thread``. Every method of every part is one transaction.
The commands ``opsdesk backup FILE`` and ``opsdesk upgrade`` call the two functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from knowledge.ledger.admissions import Admissions
from knowledge.ledger.alerts import Alerts
from knowledge.ledger.approvals import Approvals
from knowledge.ledger.audit import Audit
from knowledge.ledger.backup import back_up
from knowledge.ledger.browser_sessions import BrowserSessions
from knowledge.ledger.conclusions import Diagnoses, Findings
from knowledge.ledger.connection import parse_url
from knowledge.ledger.conversations import Conversations
from knowledge.ledger.counts import Counts
from knowledge.ledger.credentials import Credentials
from knowledge.ledger.evidence import EvidenceStore
from knowledge.ledger.executions import Executions
from knowledge.ledger.figures import Figures
from knowledge.ledger.incidents import Incidents
from knowledge.ledger.leases import Leases
from knowledge.ledger.lessons import Feedbacks, Lessons, Outcomes
from knowledge.ledger.library_store import LibraryStore
from knowledge.ledger.linked_identities import LinkedIdentities
from knowledge.ledger.messenger_posts import MessengerPosts
from knowledge.ledger.messenger_threads import MessengerThreads
from knowledge.ledger.messengers import MessengerInbox
from knowledge.ledger.model_calls import ModelCalls
from knowledge.ledger.outbox import Outbox
from knowledge.ledger.past_changes import PastChanges
from knowledge.ledger.plans import Plans, Reviews
from knowledge.ledger.preferences import Preferences
from knowledge.ledger.principals import Principals
from knowledge.ledger.rehearsals import Rehearsals
from knowledge.ledger.schema import require_current, upgrade
from knowledge.ledger.sign_in_patience import SignInPatience
from knowledge.ledger.sources import Sources
from knowledge.ledger.store import Store
from knowledge.ledger.switches import Switches
from knowledge.ledger.tickets import Tickets
from knowledge.ledger.timeline import Timeline
from knowledge.ledger.verifications import Verifications
from knowledge.ledger.wakes import Wakes

BUSY_SECONDS = 5.0
JOIN_WINDOW = timedelta(minutes=30)


class Ledger:
    """Use :meth:`open`. ``now`` is the desk's clock; ``key_file`` seals the HMAC secrets of alert sources."""

    def __init__(self, store: Store, *, key_file: Path | None, join_window: timedelta) -> None:
        self._store = store
        self.principals = Principals(store)
        self.linked_identities = LinkedIdentities(store)
        self.credentials = Credentials(store)
        self.admissions = Admissions(store)
        self.browser_sessions = BrowserSessions(store)
        self.sign_in_patience = SignInPatience(store)
        self.preferences = Preferences(store)
        self.sources = Sources(store, key_file)
        self.switches = Switches(store)
        self.leases = Leases(store)
        self.audit = Audit(store)
        self.counts = Counts(store)
        self.alerts = Alerts(store, join_window)
        self.tickets = Tickets(store)
        self.incidents = Incidents(store)
        self.timeline = Timeline(store)
        self.wakes = Wakes(store)
        self.evidence = EvidenceStore(store)
        self.findings = Findings(store)
        self.diagnoses = Diagnoses(store)
        self.plans = Plans(store)
        self.reviews = Reviews(store)
        self.rehearsals = Rehearsals(store)
        self.approvals = Approvals(store)
        self.executions = Executions(store)
        self.past_changes = PastChanges(store)
        self.verifications = Verifications(store)
        self.lessons = Lessons(store)
        self.feedback = Feedbacks(store)
        self.outcomes = Outcomes(store)
        self.outbox = Outbox(store)
        self.model_calls = ModelCalls(store)
        self.figures = Figures(store)
        self.library_store = LibraryStore(store)
        self.conversations = Conversations(store)
        self.messenger_inbox = MessengerInbox(store)
        self.messenger_posts = MessengerPosts(store)
        self.messenger_threads = MessengerThreads(store)

    @classmethod
    def open(
        cls,
        url: str,
        now: Callable[[], datetime],
        *,
        key_file: Path | None = None,
        busy_seconds: float = BUSY_SECONDS,
        join_window: timedelta = JOIN_WINDOW,
        redact: Callable[[str], str] = str,
    ) -> Self:
        """Opens a ledger that is up to date; migrates nothing. ``redact`` takes secrets out of what the audit keeps.

        Raises BadInput for a URL that cannot be used, LedgerUnreachable when no server answers, LedgerUnusable when the
        schema is older, newer, half-migrated or not an opsdesk ledger at all.
        """
        store = Store(parse_url(url), now, busy_seconds, redact)
        try:
            require_current(store)
            return cls(store, key_file=key_file, join_window=join_window)
        except BaseException:
            store.close()
            raise

    @staticmethod
    def upgrade(url: str) -> None:
        """Brings the schema to this version, creating it where there is none; refuses one that is newer."""
        upgrade(parse_url(url))

    @staticmethod
    def backup(url: str, target: Path) -> None:
        """Writes a consistent copy to the new file ``target`` while the desk goes on working."""
        back_up(parse_url(url), target)

    def now(self) -> datetime:
        """The ledger's own clock: what it kept, and when it ends, is told by this one."""
        return self._store.now()

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
