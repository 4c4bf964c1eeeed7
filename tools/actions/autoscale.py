"""Creates a HorizontalPodAutoscaler for a workload."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.errors import BadInput
from knowledge.vocabulary import Json, Ruling
from tools.actions.contract import Frozen, Look, Permission
from tools.actions.creation import created
from tools.actions.edit import single_target
from tools.actions.grant import Grant
from tools.script.command import Command
from tools.script.kinds import known_kinds

_SCALER = "horizontalpodautoscalers.autoscaling"


@dataclass(frozen=True, slots=True)
class _Autoscale:
    id: str = "autoscale"
    verbs: tuple[str, ...] = ("autoscale",)
    is_read: bool = False
    risk: Ruling = Ruling.ONE
    grants: tuple[Grant, ...] = (Grant("create", (_SCALER,)), Grant("delete", (_SCALER,)))

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        scaler = known_kinds().find("hpa")
        assert scaler is not None
        name = command.value("name", command.targets[0].name)
        return (Permission("create", scaler, command.namespace), Permission("delete", scaler, command.namespace, name))

    async def freeze(self, command: Command, look: Look) -> Frozen:
        kind, namespace, name = single_target(command)
        await look.get(kind, namespace, name)
        most, least = int(command.value("max")), int(command.value("min", "0"))
        if most < 1 or least > most:
            raise BadInput(
                f"--max={most} and --min={least} leave no room", next_step="--max at least 1 and at least --min"
            )
        reference = {"apiVersion": kind.api_version, "kind": kind.kind, "name": name}
        spec: Json = {"scaleTargetRef": reference, "maxReplicas": most}
        if least:
            spec["minReplicas"] = least
        percent = command.value("cpu-percent") or command.value("cpu").removesuffix("%")
        if percent:
            target = {"type": "Utilization", "averageUtilization": int(percent)}
            spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
        own = command.value("name", name)
        scaler = look.kind("horizontalpodautoscalers.autoscaling")
        body = {
            "apiVersion": scaler.api_version, "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": own, "namespace": namespace}, "spec": spec,
        }  # fmt: skip
        return await created(look, scaler, namespace, body)


ACTION = _Autoscale()
