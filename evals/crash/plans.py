"""The plans that are killed: every kind of write, one step and many, and failures that make the desk take everything back."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.vocabulary import ExecutionStatus, Json

IMAGE = "kubectl set image deployment/web -n shop app=registry.example.com/shop/web:2\n"
SCALE = "kubectl scale deployment/api -n shop --replicas=3\n"
RESTART = "kubectl rollout restart deployment/worker -n shop\n"
UNDO = "kubectl rollout undo deployment/web -n shop\n"
LIMITS = "kubectl set resources deployment/worker -n shop --limits=memory=2Gi\n"
NOTE = "kubectl annotate service/web -n shop example.com/note=seen\n"
SELECTOR = """kubectl patch service web -n shop --type=merge -p '{"spec":{"selector":{"app":"api"}}}'\n"""
CREATE = """kubectl create -n shop -f - <<'EOF'
apiVersion: v1
kind: ConfigMap
metadata:
  name: extra
  namespace: shop
data:
  mode: slow
EOF
"""
APPLY = """kubectl apply -n shop --server-side -f - <<'EOF'
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
data:
  mode: slow
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: applied
  namespace: shop
data:
  a: b
EOF
"""
DELETE_POD = "kubectl delete pod web-hash2-0 -n shop\n"
CORDON = "kubectl cordon n2\n"
DRAIN = "kubectl drain n1 --ignore-daemonsets\n"
LATE_SECONDS = 0.4
"""Longer than a successor takes to begin, so that what the dead had sent lands while it looks, or after it has sent it again."""
LOOK = "kubectl get deployment web -n shop\n"


@dataclass(frozen=True)
class CrashPlan:
    """``orders`` are failures that the cluster is told to make for as long as the plan runs, ``ends`` how it must end all the
    same: killed or not."""

    name: str
    script: str
    ends: ExecutionStatus = ExecutionStatus.DONE
    orders: tuple[Json, ...] = ()


def _order(method: str, path: str, effect: str, *, times: int = 1, **more: object) -> Json:
    return {"method": method, "path": path, "effect": effect, "times": times, "spares_dry_runs": True, **more}


def _refused(method: str, path: str, status: int) -> tuple[Json, ...]:
    return (_order(method, path, "status", times=10_000, status=status),)


UNDONE = ExecutionStatus.UNDONE
PLANS = (
    CrashPlan("one change", IMAGE),
    CrashPlan("one scale", SCALE),
    CrashPlan("rollout undo", UNDO),
    CrashPlan("restart and look", LOOK + RESTART + LOOK),
    CrashPlan("create and apply", CREATE + APPLY),
    CrashPlan("delete a pod", DELETE_POD),
    CrashPlan("drain with evictions", DRAIN),
    CrashPlan("many steps", IMAGE + SCALE + CREATE + SELECTOR + LIMITS + DELETE_POD + CORDON),
    CrashPlan(
        "fails and is undone", IMAGE + SCALE + CREATE + LIMITS + NOTE, UNDONE, _refused("PATCH", "/services/web$", 422)
    ),
    CrashPlan("rollout undo is undone", CORDON + UNDO + NOTE, UNDONE, _refused("PATCH", "/services/web$", 403)),
    CrashPlan("apply is undone", APPLY + SCALE + NOTE, UNDONE, _refused("PATCH", "/services/web$", 409)),
    CrashPlan(
        "answers get lost",
        IMAGE + SCALE + CREATE,
        orders=(
            _order("PATCH", "/deployments/web$", "drop_after_write"),
            _order("PATCH", "/scale$", "status_after_write", status=500),
            _order("POST", "/configmaps$", "drop_after_write"),
        ),
    ),
    CrashPlan(
        "writes land late",
        IMAGE + CREATE + DELETE_POD,
        orders=(
            _order("PATCH", "/deployments/web$", "late", seconds=LATE_SECONDS),
            _order("POST", "/configmaps$", "late", seconds=LATE_SECONDS),
            _order("DELETE", "/pods/", "late", seconds=LATE_SECONDS),
        ),
    ),
)
