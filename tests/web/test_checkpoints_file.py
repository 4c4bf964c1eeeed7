"""What the graph remembers of incidents is for the desk's own user alone."""

from __future__ import annotations

from pathlib import Path

from api.bootstrap import open_checkpointer
from api.settings import Settings


async def test_checkpoints_cannot_be_read_by_others(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "checkpoints.db").touch(mode=0o644)
    async with open_checkpointer(settings):
        for path in tmp_path.glob("checkpoints.db*"):  # noqa: ASYNC240 - a test waits for nobody
            assert path.stat().st_mode & 0o077 == 0, path
