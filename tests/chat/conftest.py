from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat.rig import ChatRig, chat_rig
from tests.chat.serving import serving


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ChatRig]:
    """The shop whose second release has a wrong image tag."""
    with chat_rig(tmp_path) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ChatRig]:
    """A serving cluster in health: ``rui`` sees all of it, ``stella`` staging alone."""
    with chat_rig(tmp_path, serving()) as made:
        made.person("stella", namespaces=("staging",))
        yield made
