"""What the processes log: one line an event on standard error, JSON where nobody watches, colours where somebody does.
Secrets never get here: what is logged are ids, stages and reasons."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO, cast

import structlog


class StandardError:
    """Standard error as it is when something is logged: a stream that was replaced since would be written to closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logging(level: int = logging.INFO) -> None:
    is_watched = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if is_watched else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", StandardError())),
        cache_logger_on_first_use=True,
    )
