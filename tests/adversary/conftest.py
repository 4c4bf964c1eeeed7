"""The desk of ``tests.web``, for those who mean it ill."""

from __future__ import annotations

from tests.web.conftest import ledger_template, rig, settings

__all__ = ["ledger_template", "rig", "settings"]
