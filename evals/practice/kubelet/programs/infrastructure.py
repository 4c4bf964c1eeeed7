"""What keeps the cluster itself going, and the filler of large clusters."""

from __future__ import annotations

from evals.practice.kubelet.behaviour import MIB, Behaviour, Situation


def coredns(_situation: Situation) -> Behaviour:
    lines = ((0.2, ".:53"), (0.3, "[INFO] plugin/reload: Running configuration SHA512 = 591cf328cccc12b"),
             (0.3, "CoreDNS-1.11.3"))  # fmt: skip
    return Behaviour(
        output=lines, ports={53: 0.3, 8080: 0.3, 8181: 0.3, 9153: 0.3}, ready_after=0.3, memory_bytes=24 * MIB
    )


def metrics_server(_situation: Situation) -> Behaviour:
    lines = ((0.4, "I1121 02:00:00.402 1 serving.go:374] Generated self-signed cert (/tmp/apiserver.crt, /tmp/apiserver.key)"),
             (1.0, "I1121 02:00:01.030 1 secure_serving.go:213] Serving securely on [::]:10250"))  # fmt: skip
    return Behaviour(output=lines, ports={10250: 1.0}, ready_after=1.5, memory_bytes=48 * MIB)


def prometheus(_situation: Situation) -> Behaviour:
    lines = ((0.5, 'level=info component=main msg="Starting Prometheus Server" mode=server'),
             (1.2, 'level=info msg="Server is ready to receive web requests."'))  # fmt: skip
    return Behaviour(output=lines, ports={9090: 1.2}, ready_after=1.2, memory_bytes=420 * MIB, cpu_cores=0.12)


def dcgm_exporter(_situation: Situation) -> Behaviour:
    lines = ((0.5, 'level=info msg="Starting dcgm-exporter"'), (1.0, 'level=info msg="DCGM successfully initialized!"'))
    return Behaviour(output=lines, ports={9400: 1.0}, ready_after=1.0, memory_bytes=60 * MIB)


def tenant(situation: Situation) -> Behaviour:
    ports = {int(one["containerPort"]): 0.2 for one in situation.container.get("ports") or ()}
    return Behaviour(output=((0.1, "tenant-app: serving"),), ports=ports or {8080: 0.2}, memory_bytes=40 * MIB)
