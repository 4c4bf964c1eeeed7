"""How long things take in the practice cluster: a profile as real clusters have it, and one for demos and tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds of the clock. `scale` shortens what objects ask for (probe periods, deadlines) and what programs take
    (loading a model); timestamps in objects are never scaled."""

    scale: float = 1.0
    schedule: float = 0.02
    sandbox: float = 0.4
    """From binding to a pod address."""
    mount_retry: float = 0.5
    """First wait after a failed mount; doubles."""
    mount_retry_max: float = 122.0
    pull: float = 1.8
    pull_failure: float = 0.8
    pull_notice: float = 10.5
    """From a failed pull to the back-off."""
    start: float = 0.2
    config_retry: float = 11.0
    """Between two tries to make a container whose configuration is missing."""
    backoff: float = 10.0
    """First wait of a crash loop and of a failed pull; doubles."""
    backoff_max: float = 300.0
    backoff_slack: float = 1.25
    """A real kubelet notices the end of a back-off late, at its next round."""
    notice: float = 0.6
    """How long a finished container shows as terminated before the kubelet acts."""
    stop: float = 0.8
    """How long a program takes to end when asked."""
    create_retry: float = 0.0025
    """First wait of a workload whose pods are refused; doubles."""
    create_retry_max: float = 60.0
    refused_retry: float = 5.0
    """Between two tries of the other workloads whose pods are refused."""
    job_backoff: float = 10.0
    autoscaler_period: float = 15.0
    metrics_delay: float = 15.0
    """From a container's start to its first sample."""
    lease_period: float = 10.0
    node_eviction: float = 1.0
    """Factor on top of `scale` for the tolerated time of an unreachable node."""
    provision: float = 0.5
    provision_retry: float = 15.0
    jitter: float = 0.5
    """Pods are slower than the above by up to this share, each by its own."""
    keeps_events: bool = True
    """False for a past that is lived through quickly: its events would have expired."""


FAITHFUL = Timing()
"""As the recorded cluster was."""

FAST = Timing(
    scale=0.03, schedule=0.0, sandbox=0.03, mount_retry=0.1, mount_retry_max=0.6, pull=0.08, pull_failure=0.03, pull_notice=0.1,
    start=0.02,
    config_retry=0.3, backoff=0.25, backoff_max=2.0, backoff_slack=1.0, notice=0.05, stop=0.05, create_retry=0.05,
    create_retry_max=0.8, refused_retry=0.3, job_backoff=0.2, autoscaler_period=0.5, metrics_delay=0.3, node_eviction=0.3, provision=0.05,
    provision_retry=0.5,
)  # fmt: skip
"""For demos, scenarios and tests: a rollout takes one to three seconds."""

PROFILES = {"faithful": FAITHFUL, "fast": FAST}
