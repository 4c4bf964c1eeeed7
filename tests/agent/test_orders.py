"""Orders in plain words become one script line; what is not understood is not guessed."""

from __future__ import annotations

import pytest

from agent.reasoning.orders import Order, line_for, order_in, script_in
from agent.reasoning.remedies import filled
from knowledge.vocabulary import ObjectRef


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("scale bge-m3 to 4", Order("scale", "bge-m3", "", 4)),
        ("Scale the deployment bge-m3 up to 4 in namespace ai-serving", Order("scale", "bge-m3", "ai-serving", 4)),
        ("把 bge-m3 扩到 4 个副本", Order("scale", "bge-m3", "", 4)),
        ("将bge-m3的副本数调整为2", Order("scale", "bge-m3", "", 2)),
        ("please restart deployment/gateway", Order("restart", "gateway", "", 0)),
        ("重启一下 gateway", Order("restart", "gateway", "", 0)),
        ("roll back ranker", Order("undo", "ranker", "", 0)),
        ("把 ranker 回滚", Order("undo", "ranker", "", 0)),
        ("cordon gpu-07", Order("cordon", "gpu-07", "", 0)),
        ("解除封锁 gpu-07", Order("uncordon", "gpu-07", "", 0)),
    ],
)
def test_an_order_is_understood_in_its_forms(text: str, order: Order) -> None:
    assert order_in(text) == order


@pytest.mark.parametrize("text", ["make it faster", "delete everything", "scale it", "把它弄好", "restart"])
def test_what_is_not_an_order_is_not_guessed(text: str) -> None:
    assert order_in(text) is None


def test_an_order_becomes_one_line() -> None:
    assert line_for(Order("scale", "bge-m3", "", 4), "deployment", "ai") == (
        "kubectl -n ai scale deployment/bge-m3 --replicas=4\n"
    )
    assert line_for(Order("cordon", "gpu-07"), "node", "") == "kubectl cordon gpu-07\n"


def test_a_script_in_a_ticket_is_taken_from_its_first_kubectl_line() -> None:
    ticket = "Hi, please run\n```\nkubectl -n ai rollout restart deployment/web\n```\n"
    assert script_in(ticket) == "kubectl -n ai rollout restart deployment/web\n"
    assert script_in("no script here") == ""


def test_a_remedy_with_an_open_placeholder_is_not_run() -> None:
    target = ObjectRef(cluster="lab", kind="Deployment", namespace="ai", name="web")
    script = "kubectl -n <namespace> set image <kind>/<name> <container>=<image>"
    assert filled(script, target, {"container": "app"}) is None
    whole = filled(script, target, {"container": "app", "image": "registry/web:2"})
    assert whole == "kubectl -n ai set image deployment/web app=registry/web:2"


def test_a_fact_that_is_more_than_a_word_is_not_put_into_a_script() -> None:
    target = ObjectRef(cluster="lab", kind="Deployment", namespace="ai", name="web")
    script = "kubectl -n <namespace> set image deployment/<deployment> app=<image>"
    assert filled(script, target, {"image": "web:2 --all"}) is None
    assert filled(script, target, {"image": "web:2"}) == "kubectl -n ai set image deployment/web app=web:2"
