"""Each adapter fills its port: the assignments are checked by mypy, the members here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.cluster_reader import FakeReader
from tools.adapters.chat_model import ModelProfile, OpenAICompatibleModel
from tools.adapters.kubernetes_cluster import KubernetesReader, KubernetesWriter
from tools.adapters.loki import Loki
from tools.adapters.prometheus import Prometheus
from tools.adapters.system_clock import SystemClock
from tools.ports import ChatModel, Clock, ClusterReader, ClusterWriter, Logs, Metrics

READER: ClusterReader = KubernetesReader.connect("east", None)
FAKE: ClusterReader = FakeReader()
WRITER: ClusterWriter = KubernetesWriter.connect("east", None)
METRICS: Metrics = Prometheus("http://127.0.0.1:9")
LOGS: Logs = Loki("http://127.0.0.1:9")
MODEL: ChatModel = OpenAICompatibleModel(ModelProfile("m", "http://127.0.0.1:9/v1", "m"))
CLOCK: Clock = SystemClock()


@pytest.mark.parametrize(
    ("adapter", "port"),
    [
        (READER, ClusterReader),
        (FAKE, ClusterReader),
        (WRITER, ClusterWriter),
        (METRICS, Metrics),
        (LOGS, Logs),
        (MODEL, ChatModel),
        (CLOCK, Clock),
    ],
)
def test_adapter_has_every_member_when_a_port_asks(adapter: Any, port: type) -> None:
    members = {name for name in vars(port) if not name.startswith("_")}
    assert members
    assert members <= set(dir(adapter))


def test_reader_has_no_way_to_write_when_held() -> None:
    assert not hasattr(READER, "send")
    assert not hasattr(WRITER, "list")


async def test_clock_is_aware_and_waits_when_asked() -> None:
    before = CLOCK.now()
    await CLOCK.sleep(0)
    assert before.utcoffset() is not None
    assert CLOCK.now() >= before
