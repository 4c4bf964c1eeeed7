"""What of a plan lies beyond its requester's reach: an order, or a model's script, reads and changes no more than its asker may."""

from __future__ import annotations

from knowledge.vocabulary import Plan, Scope, Step


def beyond(plan: Plan, reach: Scope) -> list[str]:
    """The text of each step outside ``reach``. Cluster-scoped objects but namespaces have no place to be outside of."""
    if "*" in reach.namespaces and reach.allows(cluster=plan.cluster):
        return []
    return [step.text for step in plan.steps if not _is_within(step, plan.cluster, reach)]


def _is_within(step: Step, cluster: str, reach: Scope) -> bool:
    given = step.parameters
    if "all-namespaces" in given.get("flags", {}):
        return False
    if not reach.allows(cluster=cluster, namespace=str(given.get("namespace", ""))):
        return False
    read = [str(given.get("kind", "")), *(str(name).partition("/")[0] for name in given.get("names", ()))]
    if "namespaces" not in read:
        return True
    # One namespace that is allowed, by name; a list of them, or several kinds at once, tells of others.
    name = str(given.get("name", ""))
    return len(read) == 1 and bool(name) and reach.allows(cluster=cluster, namespace=name)
