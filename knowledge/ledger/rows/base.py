"""The declarative base and the column types that behave alike on SQLite and PostgreSQL.

Nouns are kept as JSON beside the columns that are searched. Text from outside may hold NUL characters, lone surrogates
or ten megabytes of fingerprint: neither engine may choke on it, and both must answer the same.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import DateTime, LargeBinary, MetaData, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

KEY_LENGTH = 200
"""Characters of an indexed text: three of them, four bytes each, still fit a page of PostgreSQL's index."""


def clean(text: str) -> str:
    """``text`` as both engines can keep it: NUL and lone surrogates become U+FFFD."""
    text = text.replace("\x00", "�")
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def bounded(text: str) -> str:
    """``text`` cut to an indexable length; a cut text ends with its digest, so that two long ones stay different."""
    text = clean(text)
    if len(text) <= KEY_LENGTH:
        return text
    return text[: KEY_LENGTH - 33] + "#" + hashlib.sha256(text.encode()).hexdigest()[:32]


class PlainText(TypeDecorator[str]):
    """Text of any length."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else clean(value)


class KeyText(TypeDecorator[str]):
    """Text that is searched for equality."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else bounded(value)


class JsonText(TypeDecorator[Any]):
    """JSON as text: unlike PostgreSQL's jsonb it keeps every string that Python can hold, and the order of keys."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return json.dumps(value, separators=(",", ":")) if _has_surrogate(text) else text

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


class UtcTime(TypeDecorator[datetime]):
    """An aware moment, UTC on both engines; a naive one is a bug and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value.isoformat()}: the ledger keeps aware times only")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Words = Annotated[str, mapped_column(PlainText())]
Payload = Annotated[dict[str, Any], mapped_column(JsonText())]
Names = Annotated[list[Any], mapped_column(JsonText())]


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: KeyText(), datetime: UtcTime(), bytes: LargeBinary()}  # noqa: RUF012
