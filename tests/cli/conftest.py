"""The command as a person runs it, in this process: arguments in, exit code and both outputs back."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from api import cli

NAMES = ("OPSDESK_CONFIG", "OPSDESK_TOKEN", "OPSDESK_URL", "OPSDESK_LEDGER_URL", "OPSDESK_WEB__PORT", "COLUMNS")


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    def told(self, code: int, *words: str) -> None:
        """It ended with this code, said these words on standard error with a next step, and showed no traceback."""
        assert self.code == code, self
        assert all(word in self.err for word in (*words, "next: ")), self.err
        assert "Traceback" not in self.out + self.err


Run = Callable[..., Done]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    assert home

    def run(*words: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "argv", ["opsdesk", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run
