"""Failed sign-ins make an account, a browser or an address wait, longer each time and never for good.

An attempt is counted before its password is looked at, so that a hundred at once are a hundred, and taken back when it was
right. While something waits, attempts are refused unlooked and do not make the wait longer: whoever attacks an account keeps
its owner out for minutes, not for days. A browser in which the owner has signed in before is counted apart from everybody
else's (see ``api.identity``), so that others' failures do not touch it at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete

from knowledge.ledger.rows.identity import FailedSignInRow, SpentStateRow
from knowledge.ledger.store import Store, Writing

KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Patience:
    """``free`` attempts wait for nothing; each further one doubles the wait, from ``first`` to ``longest``. All is forgotten
    when nothing failed for ``forgotten``."""

    free: int
    first: timedelta
    longest: timedelta
    forgotten: timedelta

    def wait(self, failures: int) -> timedelta:
        doublings = failures - self.free
        if doublings < 0:
            return timedelta()
        return min(self.longest, self.first * float(1 << min(doublings, 30)))


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of an attempt: ``wait`` is how long until one is looked at again (none: this one is); ``locked`` are the
    keys that have to wait from now on, should this one fail."""

    wait: timedelta = timedelta()
    locked: tuple[str, ...] = ()
    until: datetime | None = None

    @property
    def is_refused(self) -> bool:
        return self.wait > timedelta()


class SignInPatience:
    def __init__(self, store: Store) -> None:
        self._store = store

    def count(self, keys: Mapping[str, Patience]) -> Counted:
        """Counts one attempt on every key, or on none when one of them has to wait."""
        with self._store.write() as writing:
            rows = {key: _row(writing, key, patience) for key, patience in sorted(keys.items())}
            waits = [row.waits_until - writing.at for row in rows.values() if row.waits_until is not None]
            longest = max(waits, default=timedelta())
            if longest > timedelta():
                return Counted(wait=longest)
            locked, until = [], None
            for key, row in rows.items():
                row.failures += 1
                row.failed_at = writing.at
                wait = keys[key].wait(row.failures)
                if wait:
                    row.waits_until = writing.at + wait
                    locked.append(key)
                    until = max(row.waits_until, until or row.waits_until)
            return Counted(locked=tuple(locked), until=until)

    def failed(
        self, subject: str, method: str, address: str, counted: Counted, *, because: str, account: str = ""
    ) -> None:
        """Tells the audit. ``subject`` is a principal's id, or ``unknown``: what a stranger typed is kept nowhere.
        ``account`` is the key whose wait is that account's."""
        with self._store.write() as writing:
            told = {"method": method, "address": address, "because": because}
            writing.audit("nobody", "sign_in.fail", subject, **told)
            for key in counted.locked:
                what = "account" if key == account else key.partition(":")[0]
                writing.audit("desk", "sign_in.wait", subject, what=what, address=address, until=counted.until)
            old = FailedSignInRow.failed_at <= writing.at - KEPT
            writing.session.execute(delete(FailedSignInRow).where(old))

    def take_back(self, keys: Mapping[str, Patience], *, forgive: Iterable[str] = ()) -> None:
        """The attempt was right: it is counted no more, and the keys to ``forgive`` begin anew."""
        with self._store.write() as writing:
            forgiven = set(forgive)
            for key in sorted({*keys, *forgiven}):
                writing.hold(f"sign-in:{key}")
                row = writing.session.get(FailedSignInRow, key)
                if row is None:
                    continue
                if key in forgiven or row.failures <= 1:
                    writing.session.delete(row)
                else:
                    row.failures -= 1
                    wait = keys[key].wait(row.failures)
                    row.waits_until = row.failed_at + wait if wait else None

    def spend(self, digest: str, lifetime: timedelta) -> bool:
        """True the first time: an answer that comes twice is good once."""
        with self._store.write() as writing:
            writing.hold(f"state:{digest}")
            writing.session.execute(delete(SpentStateRow).where(SpentStateRow.ends_at <= writing.at))
            if writing.session.get(SpentStateRow, digest) is not None:
                return False
            writing.session.add(SpentStateRow(digest=digest, ends_at=writing.at + lifetime))
            return True


def _row(writing: Writing, key: str, patience: Patience) -> FailedSignInRow:
    """Held until the transaction ends; begun anew when its failures are forgotten."""
    writing.hold(f"sign-in:{key}")
    row = writing.session.get(FailedSignInRow, key)
    if row is None:
        row = FailedSignInRow(key=key, failures=0, failed_at=writing.at, waits_until=None)
        writing.session.add(row)
    elif row.failed_at + patience.forgotten <= writing.at:
        row.failures, row.waits_until = 0, None
    elif row.waits_until is not None and row.waits_until <= writing.at:
        row.waits_until = None
    return row
