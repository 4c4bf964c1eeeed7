"""Logs, hosts, attempts to connect, service maps, numbers that moved, alerts, and what was not told."""

from __future__ import annotations

import json

import pytest

from knowledge.vocabulary import Language
from tests.transcript.shop import POD, PODS, found, of_kind
from tools.transcript.reading import read_paste


def test_log_belongs_to_the_pod_that_was_asked_for() -> None:
    log = read_paste(
        "$ kubectl logs -n library loans-db-0 -c db --previous\n2026-03-04T09:00:00Z FATAL could not open\n"
    ).logs[0]
    assert (log.object.key, log.container, log.is_previous) == ("Pod/library/loans-db-0", "db", True)
    assert log.text == "2026-03-04T09:00:00Z FATAL could not open"


def test_log_belongs_to_the_selected_pod_when_one_carries_the_label() -> None:
    log = read_paste(f"{POD}\n$ kubectl logs -n library -l app=loans-api | grep -i error\nERROR no memory\n").logs[0]
    assert (log.object.key, log.container) == ("Pod/library/loans-api-7c9d8f6b54-k2xqp", "api")


def test_lines_go_to_their_pods_when_the_log_has_prefixes() -> None:
    text = "$ kubectl logs -n library -l app=x --prefix\n[pod/x-1/main] ERROR a\n[pod/x-2/main] ERROR b\n"
    assert {(log.object.name, log.text) for log in read_paste(text).logs} == {("x-1", "ERROR a"), ("x-2", "ERROR b")}


@pytest.mark.parametrize(
    "summary",
    [
        {"patterns": [{"count": 3, "sample": "ERROR dial tcp: refused"}]},
        [{"template": "ERROR dial tcp: <*>", "example": "ERROR dial tcp: refused", "occurrences": 3}],
        {"errors": {"top": [{"message": "ERROR dial tcp: refused", "times": 3}]}},
    ],
)
def test_samples_are_the_log_when_only_a_summary_was_pasted(summary: object) -> None:
    log = read_paste(f"$ kubectl logs -n library loans-db-0 | summarise\n{json.dumps(summary, indent=1)}\n").logs[0]
    assert log.text.split("\n") == ["ERROR dial tcp: refused"] * 3


def test_log_lines_of_json_are_a_log() -> None:
    lines = '{"level":"error","msg":"no route","ts":1}\n{"level":"info","msg":"fine","ts":2}'
    assert read_paste(f"$ kubectl logs -n library loans-db-0\n{lines}\n").logs[0].text == lines


def test_system_service_is_read_with_state_exit_and_journal() -> None:
    text = (
        "$ ssh node-b systemctl status kubelet\n● kubelet.service - Node agent\n"
        "     Loaded: loaded (/etc/systemd/system/kubelet.service; enabled; vendor preset: enabled)\n"
        "     Active: failed (Result: exit-code) since Wed 2026-03-04 17:05:00 CST; 4min 20s ago\n"
        "   Main PID: 812 (code=exited, status=1/FAILURE)\n\n"
        "Mar 04 17:05:00 node-b kubelet[812]: E0304 failed to run Kubelet: no swap\n"
    )
    reading = read_paste(f"{POD}\n{text}")
    service = found(reading, "NodeService", "kubelet.node-b")
    assert service["spec"] == {"unit": "kubelet", "nodeName": "node-b"}
    assert {key: service["status"][key] for key in ("active", "result", "exitCode", "enabled", "since")} == {
        "active": "failed", "result": "exit-code", "exitCode": 1, "enabled": True, "since": "2026-03-04T09:05:00Z",
    }  # fmt: skip
    assert service["status"]["lines"][0].endswith("no swap")
    assert reading.logs[-1].object.key == "Node/node-b"


@pytest.mark.parametrize(
    ("typed", "output", "result"),
    [
        ("nc -zv loans.library 8000", "Connection to loans.library 8000 port [tcp/*] succeeded!", "open"),
        (
            "nc -zv loans.library 8000",
            "nc: connect to loans.library port 8000 (tcp) failed: Connection refused",
            "refused",
        ),
        (
            "nc -zvw3 loans.library 8000",
            "nc: connect to loans.library port 8000 (tcp) timed out: Operation now in progress",
            "timeout",
        ),
        ("nc -zv loans.library 8000", "nc: bad address 'loans.library'", "name-unknown"),
        ("curl -sS http://loans.library:8000/x", "curl: (6) Could not resolve host: loans.library", "name-unknown"),
        (
            "curl -v http://loans.library:8000",
            "* Connected to loans.library\n< HTTP/1.1 503 Service Unavailable\n",
            "http-error",
        ),
        ("curl -I http://loans.library:8000", "HTTP/1.1 200 OK\nServer: x\n", "open"),
        (
            "curl https://loans.library:8000",
            "curl: (60) SSL certificate problem: certificate has expired",
            "tls-failed",
        ),
        ("curl http://loans.library:8000", "curl: (52) Empty reply from server", "reset"),
        ("wget -O- http://loans.library:8000", "wget: server returned error: HTTP/1.1 502 Bad Gateway", "http-error"),
        (
            "telnet loans.library 8000",
            "Trying 10.0.0.1...\nConnected to loans.library.\nEscape character is '^]'.",
            "open",
        ),
        ("telnet loans.library 8000", "telnet: connect to address 10.0.0.1: No route to host", "no-route"),
    ],
)
def test_attempt_to_connect_has_its_outcome(typed: str, output: str, result: str) -> None:
    attempt = found(read_paste(f"$ {typed}\n{output}\n"), "Reachability", "loans.library:8000")
    assert attempt["status"]["result"] == result
    assert (attempt["spec"]["service"], attempt["spec"]["serviceNamespace"]) == ("loans", "library")


def test_attempts_are_told_apart_when_they_came_from_several_places() -> None:
    text = "$ nc -zv loans.library 8000\nrun on node-a: loans (10.1.1.1:8000) open\nConnection Succeeded\nrun on node-b: punt!\nConnection Failed\nrun on node-c: \n"
    told = {item["spec"]["from"]: item["status"]["result"] for item in of_kind(read_paste(text), "Reachability")}
    assert told == {"node-a": "open", "node-b": "timeout"}


def test_ping_gives_loss_and_round_trip() -> None:
    text = "$ ping -c 3 node-b\n3 packets transmitted, 1 received, 66% packet loss, time 2003ms\nrtt min/avg/max/mdev = 0.3/0.9/1.2/0.1 ms\n"
    status = found(read_paste(text), "Reachability", "node-b")["status"]
    assert (status["lossPercent"], status["latencyMilliseconds"]) == (66.0, 0.9)


@pytest.mark.parametrize(
    "text",
    [
        "[Service]: loans\n[Upstream (Called By)]: reader-web\n[Downstream (Calls)]:\nloans\n└── loans-db   <-- (Database)\n",
        "Service: loans\nCalled by: reader-web\nDepends on: loans-db (database)\n",
        "服务：loans\n调用方：reader-web\n下游依赖：loans-db（数据库）\n",
        "reader-web -> loans\nloans -> loans-db (database)\n",
        "reader-web\n├── loans\n│   └── loans-db (db)\n",
    ],
)
def test_service_map_is_read_however_it_is_drawn(text: str) -> None:
    calls = found(read_paste(f"$ cat map.txt\n{text}", namespace="library"), "ServiceMap", "pasted")["spec"]["calls"]
    assert {(call["from"], call["to"], call.get("as", "")) for call in calls} == {
        ("reader-web", "loans", ""),
        ("loans", "loans-db", "database"),
    }


@pytest.mark.parametrize(
    ("said", "about", "before", "after", "unit"),
    [
        ("SLOW | loans-p95: Normal=4.0ms -> Current=80.0ms (+1900%)", "latency", 4.0, 80.0, "ms"),
        ("CPU usage rose from 0.2 to 1.9 cores", "cpu", 0.2, 1.9, "cores"),
        ("retransmission rate: baseline 0.1% -> now 8%", "network-loss", 0.1, 8.0, "%"),
        ("P99 延迟从 30ms 升至 900ms", "latency", 30.0, 900.0, "ms"),
        ("内存使用由 1.5Gi 上升到 7.9Gi", "memory", 1.5, 7.9, "Gi"),
        ("error rate 0.1% → 12%", "errors", 0.1, 12.0, "%"),
        ("GPU utilisation fell from 98% to 3%", "gpu", 98.0, 3.0, "%"),
    ],
)
def test_number_that_moved_is_read_in_whatever_words(
    said: str, about: str, before: float, after: float, unit: str
) -> None:
    report = json.dumps({"findings": [{"kind": "Service", "name": "loans", "evidence": [said]}]}, ensure_ascii=False)
    spec = of_kind(read_paste(f"$ cat report.json\n{report}\n", namespace="library"), "MetricChange")[0]["spec"]
    assert spec["subject"] == {"kind": "Service", "namespace": "library", "name": "loans"}
    assert (spec["about"], spec["before"], spec["after"], spec["unit"]) == (about, before, after, unit)


def test_sentence_is_about_the_service_that_it_names() -> None:
    services = "NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\nloans   ClusterIP   10.96.4.4    <none>        80/TCP    9m\n"
    reading = read_paste(f"loans 的 P95 延迟从 20ms 升至 400ms，大家看看\n\n$ kubectl get svc -n library\n{services}")
    assert of_kind(reading, "MetricChange")[0]["spec"]["subject"] == {
        "kind": "Service",
        "namespace": "library",
        "name": "loans",
    }
    assert reading.language is Language.ZH


def test_fields_of_a_report_are_a_change_when_they_name_before_and_after() -> None:
    report = {
        "anomalies": [{"service": "loans", "metric": "request latency", "baseline": 12.5, "current": 300, "unit": "ms"}]
    }
    spec = of_kind(read_paste(json.dumps(report)), "MetricChange")[0]["spec"]
    assert (spec["about"], spec["ratio"]) == ("latency", 24.0)


@pytest.mark.parametrize(
    "payload",
    [
        {"version": "4", "status": "firing", "alerts": [{"status": "firing", "labels": {"alertname": "Slow", "service": "loans"}, "startsAt": "2026-03-04T09:00:00Z"}]},
        [{"labels": {"alertname": "Slow", "service": "loans"}, "status": {"state": "active"}, "startsAt": "2026-03-04T09:00:00Z", "fingerprint": "a"}],
        {"status": "success", "data": {"alerts": [{"labels": {"alertname": "Slow", "service": "loans"}, "state": "firing", "activeAt": "2026-03-04T09:00:00Z"}]}},
        {"status": "success", "data": {"groups": [{"rules": [{"alerts": [{"labels": {"alertname": "Slow", "service": "loans"}, "state": "firing", "activeAt": "2026-03-04T09:00:00Z"}]}]}]}},
    ],
)  # fmt: skip
def test_alerts_are_read_from_webhooks_and_apis(payload: object) -> None:
    alert = read_paste(json.dumps(payload)).alerts[0]
    assert (alert.name, alert.service, alert.status) == ("Slow", "loans", "firing")


def test_nodes_are_read_from_an_inventory_of_any_make() -> None:
    inventory = {
        "nodes": [
            {
                "name": "node-b",
                "status": "NotReady",
                "conditions": {"DiskPressure": "True"},
                "taints": ["gpu=yes:NoSchedule"],
                "labels": {"a": "b"},
            }
        ]
    }
    node = found(read_paste(f"$ cat nodes.json\n{json.dumps(inventory)}\n"), "Node", "node-b")
    assert {(one["type"], one["status"]) for one in node["status"]["conditions"]} == {
        ("DiskPressure", "True"),
        ("Ready", "False"),
    }
    assert node["spec"]["taints"] == [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]


def test_usage_is_a_metric_of_one_point() -> None:
    text = "$ kubectl top pods -n library\nNAME         CPU(cores)   MEMORY(bytes)\nloans-db-0   990m         512Mi\n"
    told = {answer.key: answer.series[0].points[0][1] for answer in read_paste(text).snapshot().metrics}
    assert told == {"container_cpu": 0.99, "container_memory": 512 * 1024.0**2}


def test_gaps_say_what_failed_and_what_was_not_asked() -> None:
    text = f"$ kubectl get pods -n library\n{PODS}\n$ kubectl get secrets -n library\nError from server (Forbidden): secrets is forbidden\n$ frobnicate now\nqwxz\n"
    gaps = {gap.query: gap.reason for gap in read_paste(text).gaps}
    assert "Forbidden" in gaps["list secrets in library"]
    assert "list pods in library" not in gaps
    assert "list events in library" in gaps
    assert "list nodes" in gaps
    assert "logs in library" in gaps


def test_absence_can_be_concluded_only_of_what_was_listed_whole() -> None:
    accounts = "NAME      SECRETS   AGE\ndefault   0         9d\n"
    whole = read_paste(f"$ kubectl get sa -n library\n{accounts}")
    part = read_paste(f"$ kubectl get sa default -n library\n{accounts}")
    assert not any("serviceaccounts" in gap.query for gap in whole.gaps)
    assert any(gap.query == "list serviceaccounts in library" for gap in part.gaps)


def test_secrets_do_not_leave_with_cited_evidence() -> None:
    log = "$ kubectl logs -n library loans-db-0\nERROR connect postgres://loans:hunter2secret@loans-db failed\n"
    snapshot = read_paste(log).snapshot()
    snapshot.cite_log(snapshot.logs[0], snapshot.logs[0].text.split("\n"))
    assert "hunter2secret" not in snapshot.cited()[0].text


def test_api_server_is_an_attempt_that_failed_when_kubectl_cannot_reach_it() -> None:
    text = "$ kubectl get pods -n library\nThe connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?\n"
    reading = read_paste(text)
    assert found(reading, "Reachability", "10.0.0.1:6443")["status"]["result"] == "refused"
    assert any(gap.query == "list pods in library" and "refused" in gap.reason for gap in reading.gaps)


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ('Traceback (most recent call last):\n  File "a.py", line 1\nMemoryError\n', "Pod"),
        ("[ 1234.56] NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n", "Node"),
        ("2026-03-04T09:00:00Z ERROR could not open\n", "Pod"),
        ("Mar 04 17:05:00 node-b kubelet[812]: E0304 no swap\n", "Node"),
    ],
)
def test_bare_lines_are_a_log_when_nothing_says_whose(text: str, speaker: str) -> None:
    assert read_paste(text).logs[0].object.kind == speaker


def test_namespace_is_that_of_most_objects_when_nobody_named_one() -> None:
    table = "NAMESPACE     NAME        READY   STATUS    RESTARTS   AGE\nkube-system   coredns-1   1/1     Running   0          3d\nlibrary       loans-1     1/1     Running   0          3d\n"
    assert read_paste(table).namespace == "library"


@pytest.mark.parametrize(
    ("said", "kind", "name", "about"),
    [
        ("CPU of node gpu-1 went from 12% to 99%", "Node", "gpu-1", "cpu"),
        ("service=loans: error rate 0.1% -> 12%", "Service", "loans", "errors"),
        ("节点 node-b 内存从 10% 升至 96%", "Node", "node-b", "memory"),
    ],
)
def test_sentence_names_its_subject_when_no_output_shows_it(said: str, kind: str, name: str, about: str) -> None:
    spec = of_kind(read_paste(said), "MetricChange")[0]["spec"]
    assert (spec["subject"]["kind"], spec["subject"]["name"], spec["about"]) == (kind, name, about)
