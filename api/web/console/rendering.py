"""Templates to pages. Whatever a template prints is escaped, and what a terminal or a reader's eye could be tricked with is
made visible first: nobody who writes a template has to think of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from agent.reasoning.chain import chain_of
from api.figures.units import shown_value
from api.figures.zones import zone_named
from api.identity.visitors import browser_name
from api.web.chain_drawing import draw_chain
from api.web.words import WORDS, word
from knowledge.vocabulary import Finding, Hypothesis, Language, Text

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"
if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_TRICKS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_NAMED = {"\x1b": "ESC", "\x00": "NUL", "\r": "CR", "\x08": "BS", "\x07": "BEL", "\x7f": "DEL"}


def visible(text: str) -> str:
    """``text`` with control, bidirectional and zero-width characters spelled out: ⟨ESC⟩, ⟨U+202E⟩. Lines and tabs stay."""
    return _TRICKS.sub(
        lambda found: f"⟨{_NAMED.get(found[0]) or f'U+{ord(found[0]):04X}'}⟩", text.replace("\r\n", "\n")
    )


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        said=_said,
        word=_word,
        percent=_percent,
        absolute=absolute,
        ago=_ago,
        short=_short,
        quoted=_quoted,
        iso=_iso,
        browser=browser_name,
        markdown=_markdown,
        unfilled=_unfilled,
        span=_span,
        day=_day,
    )
    environment.globals.update(
        static=static_url, icons=icons_url, known_words=frozenset(WORDS), chain_drawing=_chain_drawing
    )
    return environment


def render(template: str, **values: Any) -> str:
    return templates().get_template(template).render(**values)


@cache
def static_url(name: str) -> str:
    """With the content's digest, so that it may be cached for good."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@cache
def _reader() -> MarkdownIt:
    """Markdown without HTML, images or links that run something: those are printed as they were written."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _markdown(text: str) -> Markup:
    return Markup(_reader().render(visible(text)))  # noqa: S704 - rendered without HTML, everything else is escaped


@cache
def icons_url() -> str:
    """The style sheet of the icon font, which NiceGUI's package carries."""
    return f"/_nicegui/{version('nicegui')}/static/fonts.css"


def absolute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


@pass_context
def _said(context: Context, text: Text) -> str:
    language: Language = context["language"]
    return text.within(language)


@pass_context
def _word(context: Context, key: str, **values: object) -> str:
    language: Language = context["language"]
    return word(key, language, **values)


@pass_context
def _ago(context: Context, at: datetime) -> str:
    language: Language = context["language"]
    now: datetime = context["now"]
    seconds = (now - at).total_seconds()
    words: Callable[[str, int], str] = lambda key, count: word(f"time.{key}", language, count=count)  # noqa: E731
    if seconds < -60:
        minutes = int(-seconds // 60)
        if minutes >= 2_880:
            return words("in_days", minutes // 1_440)
        return words("in_minutes", minutes) if minutes < 90 else words("in_hours", round(minutes / 60))
    if seconds < 0:
        return word("time.soon", language)
    if seconds < 60:
        return word("time.now", language)
    minutes = int(seconds // 60)
    if minutes < 90:
        return words("minutes", minutes)
    return words("hours", round(minutes / 60)) if minutes < 2_880 else words("days", minutes // 1_440)


@pass_context
def _chain_drawing(context: Context, hypothesis: Hypothesis, findings: Sequence[Finding]) -> Markup:
    language: Language = context["language"]
    titles = {f"{one.fault} @ {one.object.key}": visible(one.title.within(language)) for one in findings}
    titles.setdefault(f"{hypothesis.fault} @ {hypothesis.object.key}", visible(hypothesis.title.within(language)))
    return draw_chain(chain_of(hypothesis), titles, word("diagnosis.chain", language))


def _unfilled(text: str) -> str:
    """Facts that only a finding fills in, shown as what they are."""
    return re.sub(r"\{(\w+)\}", r"<\1>", text)


def _span(seconds: float) -> str:
    """A length of time as people say it: 250 ms, 3.2 min, 1.5 h."""
    return shown_value(seconds, "seconds")


def _day(moment: str, zone: str) -> str:
    """The date of a moment (ISO 8601) in that zone."""
    return datetime.fromisoformat(moment).astimezone(zone_named(zone)).date().isoformat()


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _short(digest: str) -> str:
    """The first part of a digest, to be said aloud; the whole stands beside it."""
    return digest.removeprefix("sha256:")[:12]


def _quoted(value: Any) -> str:
    """A JSON value on one line, as short as may be."""
    import orjson

    said = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return said if len(said) <= 400 else said[:399] + "…"
