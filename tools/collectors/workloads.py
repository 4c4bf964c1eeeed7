"""What makes pods: workloads of every built-in kind, and their past revisions (the rollouts of late)."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

COLLECTOR = ListingCollector(
    id="workloads",
    reads=(
        Reads(kind_of("apps", "v1", "deployments", "Deployment")),
        Reads(kind_of("apps", "v1", "replicasets", "ReplicaSet")),
        Reads(kind_of("apps", "v1", "statefulsets", "StatefulSet")),
        Reads(kind_of("apps", "v1", "daemonsets", "DaemonSet")),
        Reads(kind_of("apps", "v1", "controllerrevisions", "ControllerRevision"), is_optional=True, is_focused=True),
        Reads(kind_of("batch", "v1", "jobs", "Job")),
        Reads(kind_of("batch", "v1", "cronjobs", "CronJob")),
    ),
)
