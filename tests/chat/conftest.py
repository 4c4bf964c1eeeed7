from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat.rig import ChatRig, chat_rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ChatRig]:
    """The shop whose second release has a wrong image tag."""
    with chat_rig(tmp_path) as made:
        yield made
