"""Metrics about objects, named as kube-state-metrics and the kubelets name them."""

from __future__ import annotations

from typing import Any

from evals.practice.controllers.parts import Parts, controller_of, parse_time
from evals.practice.controllers.pods import is_ready, phase_of
from evals.practice.controllers.resources import amount
from evals.practice.controllers.rollout import replicas_of
from evals.practice.metrics.text_format import Page
from evals.practice.store import name_of, namespace_of

Object = dict[str, Any]
_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_GAUGES = {
    "kube_pod_info": "Information about pod.",
    "kube_pod_status_phase": "The pods current phase.",
    "kube_pod_status_ready": "Whether the pod is ready to serve requests.",
    "kube_pod_status_unschedulable": "The pod cannot be scheduled.",
    "kube_pod_start_time": "Start time of the pod.",
    "kube_pod_container_status_ready": "Whether the container is ready.",
    "kube_pod_container_status_waiting_reason": "Why the container waits.",
    "kube_pod_container_status_last_terminated_reason": "Why the container ended last.",
    "kube_pod_container_status_last_terminated_exitcode": "Exit code of the last end.",
    "kube_pod_container_resource_limits": "Limits of the container.",
    "kube_pod_container_resource_requests": "Requests of the container.",
    "kube_deployment_spec_replicas": "Wanted pods of a deployment.",
    "kube_deployment_status_replicas": "Pods of a deployment.",
    "kube_deployment_status_replicas_available": "Available pods of a deployment.",
    "kube_deployment_status_replicas_unavailable": "Unavailable pods of a deployment.",
    "kube_deployment_status_replicas_updated": "Pods of the newest template.",
    "kube_deployment_status_condition": "Conditions of a deployment.",
    "kube_deployment_metadata_generation": "Generation that is wanted.",
    "kube_deployment_status_observed_generation": "Generation that was seen.",
    "kube_statefulset_replicas": "Wanted pods of a statefulset.",
    "kube_statefulset_status_replicas_ready": "Ready pods of a statefulset.",
    "kube_daemonset_status_desired_number_scheduled": "Nodes that should run the daemon.",
    "kube_daemonset_status_number_ready": "Nodes whose daemon is ready.",
    "kube_job_status_failed": "Failed pods of a job.",
    "kube_job_status_succeeded": "Succeeded pods of a job.",
    "kube_job_failed": "The job has failed.",
    "kube_job_complete": "The job has completed.",
    "kube_node_info": "Information about a node.",
    "kube_node_status_condition": "Conditions of a node.",
    "kube_node_spec_unschedulable": "Whether a node is cordoned.",
    "kube_node_spec_taint": "Taints of a node.",
    "kube_node_status_allocatable": "What a node gives.",
    "kube_horizontalpodautoscaler_spec_max_replicas": "Upper limit of the autoscaler.",
    "kube_horizontalpodautoscaler_spec_min_replicas": "Lower limit of the autoscaler.",
    "kube_horizontalpodautoscaler_status_current_replicas": "Replicas now.",
    "kube_horizontalpodautoscaler_status_desired_replicas": "Replicas wanted.",
    "kube_horizontalpodautoscaler_status_condition": "Conditions of the autoscaler.",
    "kube_persistentvolumeclaim_status_phase": "Phase of a claim.",
    "kube_resourcequota": "Use and limit of a quota.",
    "kube_endpoint_address": "Addresses behind a service.",
}  # fmt: skip


def write_state(page: Page, parts: Parts) -> None:
    for name, about in _GAUGES.items():
        page.declare(name, "gauge", about)
    page.declare("kube_pod_container_status_restarts_total", "counter", "Restarts of the container.")
    for pod in parts.store.list("pods"):
        _pod(page, pod)
    _workloads(page, parts)
    _jobs(page, parts)
    for node in parts.store.list("nodes"):
        _node(page, node)
    _others(page, parts)


def _pod(page: Page, pod: Object) -> None:
    labels = {"namespace": namespace_of(pod), "pod": name_of(pod)}
    owner = controller_of(pod) or {"kind": "", "name": ""}
    info = {"node": pod["spec"].get("nodeName", ""), "created_by_kind": owner["kind"], "created_by_name": owner["name"]}
    page.add("kube_pod_info", labels | info, 1)
    for phase in _PHASES:
        page.add("kube_pod_status_phase", {**labels, "phase": phase}, int(phase_of(pod) == phase))
    for word in ("true", "false"):
        page.add("kube_pod_status_ready", {**labels, "condition": word}, int(is_ready(pod) == (word == "true")))
    if not pod["spec"].get("nodeName"):
        page.add("kube_pod_status_unschedulable", labels, 1)
    if pod.get("status", {}).get("startTime"):
        page.add("kube_pod_start_time", labels, parse_time(pod["status"]["startTime"]).timestamp())
    for row in pod.get("status", {}).get("containerStatuses") or ():
        _container(page, labels | {"container": row["name"]}, row)
    for spec in pod["spec"]["containers"]:
        for of in ("limits", "requests"):
            for resource, text in ((spec.get("resources") or {}).get(of) or {}).items():
                name = resource.replace(".", "_").replace("/", "_").replace("-", "_")
                row = {**labels, "container": spec["name"], "resource": name, "node": pod["spec"].get("nodeName", "")}
                page.add(f"kube_pod_container_resource_{of}", row, float(amount(text)))


def _container(page: Page, labels: dict[str, str], row: Object) -> None:
    page.add("kube_pod_container_status_restarts_total", labels, int(row.get("restartCount", 0)))
    page.add("kube_pod_container_status_ready", labels, int(bool(row.get("ready"))))
    waiting = row["state"].get("waiting", {}).get("reason")
    if waiting:
        page.add("kube_pod_container_status_waiting_reason", {**labels, "reason": waiting}, 1)
    ended = row["state"].get("terminated") or row.get("lastState", {}).get("terminated")
    if ended:
        page.add("kube_pod_container_status_last_terminated_reason", {**labels, "reason": ended["reason"]}, 1)
        page.add("kube_pod_container_status_last_terminated_exitcode", labels, int(ended["exitCode"]))


def _workloads(page: Page, parts: Parts) -> None:
    for one in parts.store.list("deployments.apps"):
        labels, status = {"namespace": namespace_of(one), "deployment": name_of(one)}, one.get("status") or {}
        page.add("kube_deployment_spec_replicas", labels, replicas_of(one))
        page.add("kube_deployment_metadata_generation", labels, int(one["metadata"].get("generation", 1)))
        page.add("kube_deployment_status_observed_generation", labels, int(status.get("observedGeneration", 0)))
        page.add("kube_deployment_status_replicas", labels, int(status.get("replicas", 0)))
        for name in ("available", "unavailable", "updated"):
            page.add(f"kube_deployment_status_replicas_{name}", labels, int(status.get(f"{name}Replicas", 0)))
        for row in status.get("conditions") or ():
            for word in ("true", "false", "unknown"):
                extra = {"condition": row["type"], "status": word, "reason": row.get("reason", "")}
                page.add("kube_deployment_status_condition", labels | extra, int(row["status"].lower() == word))
    for one in parts.store.list("statefulsets.apps"):
        labels = {"namespace": namespace_of(one), "statefulset": name_of(one)}
        page.add("kube_statefulset_replicas", labels, replicas_of(one))
        page.add(
            "kube_statefulset_status_replicas_ready", labels, int((one.get("status") or {}).get("readyReplicas", 0))
        )
    for one in parts.store.list("daemonsets.apps"):
        labels, status = {"namespace": namespace_of(one), "daemonset": name_of(one)}, one.get("status") or {}
        wanted = int(status.get("desiredNumberScheduled", 0))
        page.add("kube_daemonset_status_desired_number_scheduled", labels, wanted)
        page.add("kube_daemonset_status_number_ready", labels, int(status.get("numberReady", 0)))


def _jobs(page: Page, parts: Parts) -> None:
    for job in parts.store.list("jobs.batch"):
        labels, status = {"namespace": namespace_of(job), "job_name": name_of(job)}, job.get("status") or {}
        page.add("kube_job_status_failed", labels, int(status.get("failed", 0)))
        page.add("kube_job_status_succeeded", labels, int(status.get("succeeded", 0)))
        kinds = {row["type"] for row in status.get("conditions") or () if row["status"] == "True"}
        for kind, name in (("Failed", "kube_job_failed"), ("Complete", "kube_job_complete")):
            if kind in kinds:
                page.add(name, labels | {"condition": "true"}, 1)


def _node(page: Page, node: Object) -> None:
    labels = {"node": name_of(node)}
    status = node.get("status") or {}
    page.add("kube_node_info", labels | {"kubelet_version": status.get("nodeInfo", {}).get("kubeletVersion", "")}, 1)
    page.add("kube_node_spec_unschedulable", labels, int(bool(node["spec"].get("unschedulable"))))
    for row in status.get("conditions") or ():
        for word in ("true", "false", "unknown"):
            extra = {"condition": row["type"], "status": word}
            page.add("kube_node_status_condition", labels | extra, int(row["status"].lower() == word))
    for taint in node["spec"].get("taints") or ():
        extra = {"key": taint["key"], "value": taint.get("value", ""), "effect": taint["effect"]}
        page.add("kube_node_spec_taint", labels | extra, 1)
    for resource, text in (status.get("allocatable") or {}).items():
        name = resource.replace(".", "_").replace("/", "_").replace("-", "_")
        page.add("kube_node_status_allocatable", {**labels, "resource": name}, float(amount(text)))


def _others(page: Page, parts: Parts) -> None:
    for one in parts.store.list("horizontalpodautoscalers.autoscaling"):
        labels, status = (
            {"namespace": namespace_of(one), "horizontalpodautoscaler": name_of(one)},
            one.get("status") or {},
        )
        start = "kube_horizontalpodautoscaler"
        page.add(f"{start}_spec_max_replicas", labels, int(one["spec"]["maxReplicas"]))
        page.add(f"{start}_spec_min_replicas", labels, int(one["spec"].get("minReplicas") or 1))
        page.add(f"{start}_status_current_replicas", labels, int(status.get("currentReplicas", 0)))
        page.add(f"{start}_status_desired_replicas", labels, int(status.get("desiredReplicas", 0)))
        for row in status.get("conditions") or ():
            for word in ("true", "false", "unknown"):
                extra = {"condition": row["type"], "status": word}
                page.add(f"{start}_status_condition", labels | extra, int(row["status"].lower() == word))
    _storage_and_services(page, parts)


def _storage_and_services(page: Page, parts: Parts) -> None:
    for claim in parts.store.list("persistentvolumeclaims"):
        labels = {"namespace": namespace_of(claim), "persistentvolumeclaim": name_of(claim)}
        for phase in ("Pending", "Bound", "Lost"):
            now = (claim.get("status") or {}).get("phase", "Pending")
            page.add("kube_persistentvolumeclaim_status_phase", {**labels, "phase": phase}, int(now == phase))
    for quota in parts.store.list("resourcequotas"):
        for kind in ("hard", "used"):
            for resource, text in ((quota.get("status") or {}).get(kind) or {}).items():
                labels = {"namespace": namespace_of(quota), "resourcequota": name_of(quota), "resource": resource}
                page.add("kube_resourcequota", {**labels, "type": kind}, float(amount(text)))
    for one in parts.store.list("endpoints"):
        for subset in one.get("subsets") or ():
            for field, word in (("addresses", "true"), ("notReadyAddresses", "false")):
                for row in subset.get(field) or ():
                    labels = {"namespace": namespace_of(one), "endpoint": name_of(one), "ip": row["ip"], "ready": word}
                    page.add("kube_endpoint_address", labels, 1)
