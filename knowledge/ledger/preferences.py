"""How a person wants the faces: language, time zone, theme. Empty is what the browser says."""

from __future__ import annotations

from typing import Literal, cast

from knowledge.ledger.principals import folded
from knowledge.ledger.rows.identity import PreferenceRow
from knowledge.ledger.store import Store
from knowledge.vocabulary import Language, Noun

Theme = Literal["", "light", "dark"]


class Preference(Noun):
    """``time_zone`` is an IANA name (``Asia/Shanghai``)."""

    language: Language | None = None
    time_zone: str = ""
    theme: Theme = ""


class Preferences:
    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, principal_id: str) -> Preference:
        with self._store.read() as session:
            row = session.get(PreferenceRow, folded(principal_id))
            if row is None:
                return Preference()
            language = Language(row.language) if row.language else None
            return Preference(language=language, time_zone=row.time_zone, theme=cast("Theme", row.theme))

    def set(self, principal_id: str, preference: Preference) -> None:
        """Nothing of it is worth a line in the audit."""
        with self._store.write() as writing:
            writing.session.merge(
                PreferenceRow(
                    principal_id=folded(principal_id),
                    language=preference.language.value if preference.language else "",
                    time_zone=preference.time_zone,
                    theme=preference.theme,
                )
            )
