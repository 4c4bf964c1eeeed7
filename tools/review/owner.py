"""Who would write a change back: Helm, GitOps, an operator, a controller, an autoscaler. A change that would not last is
made at its owner, or refused naming it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from knowledge.vocabulary import FieldState, Json, OwnerPatch, RuleVerdict, Ruling, Text
from tools.actions.contract import Frozen
from tools.review.handoff import handed_off, scaler_patch
from tools.review.surroundings import Surroundings
from tools.safety.policy import Policy

RULE = "owner"
_GITOPS = {
    "argocd.argoproj.io/tracking-id": "Argo CD", "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux Kustomization", "helm.toolkit.fluxcd.io/name": "Flux HelmRelease",
    "fleet.cattle.io/bundle-id": "Fleet", "configmanagement.gke.io/managed": "Config Sync",
}  # fmt: skip
_ADDED = ("/metadata/annotations/", "/metadata/labels/")
_RESTART = "kubectl.kubernetes.io~1restartedAt"
_AUTOSCALED = ("Deployment", "StatefulSet", "ReplicaSet")


def gitops_owner(item: Json) -> str:
    """``Flux Kustomization shop``: the GitOps tool that keeps this object, empty when none does."""
    metadata = item.get("metadata", {})
    for words in (metadata.get("labels") or {}, metadata.get("annotations") or {}):
        for mark, tool in _GITOPS.items():
            if mark in words:
                return f"{tool} {str(words[mark]).partition(':')[0]}".strip()
    return ""


def helm_owner(item: Json) -> str:
    metadata = item.get("metadata", {})
    release = (metadata.get("annotations") or {}).get("meta.helm.sh/release-name", "")
    is_helm = (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm"
    return f"Helm release {release}".strip() if release or is_helm else ""


def controller_of(item: Json) -> str:
    """``Deployment web``: the object whose controller keeps this one."""
    owners = item.get("metadata", {}).get("ownerReferences") or []
    owner = next((owner for owner in owners if owner.get("controller")), None)
    return f"{owner['kind']} {owner['name']}" if owner else ""


def operator_of(item: Json) -> str:
    """``InferenceService chat``: a custom resource that owns this object without saying that it controls it, as operators do
    that forget to."""
    for owner in item.get("metadata", {}).get("ownerReferences") or []:
        group = str(owner.get("apiVersion", "")).partition("/")[0]
        if not owner.get("controller") and "." in group and not group.endswith("k8s.io"):
            return f"{owner['kind']} {owner['name']}"
    return ""


def _lasting(states: Sequence[FieldState]) -> bool:
    """Whether only fields change that an owner does not write: added marks, and the stamp of a restart."""
    return all(
        state.path.startswith(_ADDED) or state.path.endswith((_RESTART, "/template/metadata/annotations"))
        for state in states
    )  # fmt: skip


async def owner_verdicts(
    frozen: Frozen, action: str, index: int, around: Surroundings, policy: Policy
) -> tuple[list[RuleVerdict], list[Text], list[OwnerPatch]]:
    """Verdicts and warnings about who owns the step's target, and what to change at the owner instead."""
    item = frozen.observed
    if item is None or frozen.target is None or frozen.kind is None or frozen.kind.kind in {"Node", "Namespace"}:
        return [], [], []
    if not frozen.requests or action == "delete_pod":
        return [], [], []
    scalers = await _autoscalers(frozen, around)
    found = [*_marks(item, policy), *((_named(scaler), Ruling.REFUSED) for scaler in scalers)]
    is_lasting = frozen.desired is not None and _lasting(frozen.before)
    verdicts, warnings = [], []
    patches = [scaler_patch(frozen, scaler, index) for scaler in scalers]
    if (gitops := gitops_owner(item) or helm_owner(item)) and not is_lasting:
        patches.append(handed_off(frozen, gitops, index))
    for owner, ruling in found:
        text = Text(
            en=f"{frozen.target.key} is kept by {owner}, which would write the change back: change it there",
            zh=f"{frozen.target.key} 由 {owner} 管理，改动会被写回：请在其处修改",
        )
        if is_lasting:
            kept = Text(en=f"{frozen.target.key} is kept by {owner}", zh=f"{frozen.target.key} 由 {owner} 管理")
            warnings.append(kept)
        else:
            verdicts.append(RuleVerdict(rule=RULE, ruling=ruling, message=text, step=index))
    return verdicts, warnings, [patch for patch in patches if patch is not None]


def _marks(item: Json, policy: Policy) -> Iterable[tuple[str, Ruling]]:
    if owner := gitops_owner(item):
        yield owner, Ruling.REFUSED
    elif owner := helm_owner(item):
        yield owner, Ruling.TWO if policy.helm_owned == "two" else Ruling.REFUSED
    if owner := controller_of(item):
        yield owner, Ruling.REFUSED
    elif owner := operator_of(item):
        yield owner, Ruling.TWO


async def _autoscalers(frozen: Frozen, around: Surroundings) -> list[Json]:
    assert frozen.target is not None
    if frozen.target.kind not in _AUTOSCALED or not any(state.path == "/spec/replicas" for state in frozen.before):
        return []
    found = []
    for scaler in await around.found("hpa", frozen.target.namespace):
        reference = scaler.get("spec", {}).get("scaleTargetRef") or {}
        if reference.get("kind") == frozen.target.kind and reference.get("name") == frozen.target.name:
            found.append(scaler)
    return found


def _named(scaler: Json) -> str:
    return f"HorizontalPodAutoscaler {scaler['metadata']['name']}"
