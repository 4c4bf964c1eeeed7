"""A Service that selects a label no pod has: no endpoints, and the gateway answers 503."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_WHERE = ("ai-serving", "resnet50")


def _select(store: Store, app: str) -> None:
    acts.change(store, "services", *_WHERE, lambda one: one["spec"].update(selector={"app": app}))


def _inject(store: Store) -> Truth:
    _select(store, "resnet-50")
    return Truth(
        cause="service-selector-mismatch",
        target=Target("Service", *_WHERE),
        symptoms=("service-no-endpoints", "gw-no-healthy-upstream"),
        remedy='kubectl -n ai-serving patch service resnet50 --type=merge -p \'{"spec":{"selector":{"app":"resnet50"}}}\'',
        services=("resnet50", "gateway"),
        alerts=("GatewayUpstreamDown", "ServiceErrorRateHigh"),
    )


FAULT = Fault(
    id="wrong_service_selector",
    title_en="The Service of the image classifier selects no pod",
    title_zh="图像分类服务的 Service 选择器不匹配任何 Pod",
    layer="kubernetes",
    inject=_inject,
    heal=lambda store: _select(store, "resnet50"),
)
