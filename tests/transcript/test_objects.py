"""Tables and descriptions become objects; several tellings of one object are one."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.transcript.shop import POD, PODS, found, of_kind
from tools.transcript.reading import read_paste


def test_pod_has_state_exit_and_probes_when_described() -> None:
    pod = found(read_paste(POD), "Pod", "loans-api-7c9d8f6b54-k2xqp")
    status = pod["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"] == {
        "reason": "OOMKilled",
        "exitCode": 137,
        "startedAt": "2026-03-04T09:08:10Z",
        "finishedAt": "2026-03-04T09:08:40Z",
    }
    container = pod["spec"]["containers"][0]
    assert container["command"] == ["python", "-m", "loans"]
    assert container["readinessProbe"] == {
        "httpGet": {"path": "/ready%3Fdeep=1", "port": 8000, "scheme": "HTTPS"},
        "initialDelaySeconds": 3,
        "timeoutSeconds": 2,
        "periodSeconds": 7,
        "successThreshold": 1,
        "failureThreshold": 4,
    }
    assert container["env"][1]["valueFrom"]["secretKeyRef"] == {"name": "loans-db", "key": "password"}
    assert pod["spec"]["volumes"] == [{"name": "cache", "emptyDir": {"sizeLimit": "64Mi"}}]
    assert pod["spec"]["nodeSelector"] == {"tier": "apps"}
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"


def test_snapshot_is_of_the_pastes_own_moment_when_ages_and_births_tell_it() -> None:
    reading = read_paste(POD)
    assert reading.taken_at == datetime(2026, 3, 4, 9, 9, 20, tzinfo=UTC)
    backoff = next(event for event in of_kind(reading, "Event") if event["reason"] == "BackOff")
    assert (backoff["count"], backoff["lastTimestamp"], backoff["firstTimestamp"]) == (
        31,
        "2026-03-04T09:09:08Z",
        "2026-03-04T09:00:30Z",
    )
    assert backoff["involvedObject"]["fieldPath"] == "spec.containers{api}"


def test_table_and_description_are_one_pod_when_both_are_pasted() -> None:
    text = f"$ kubectl get pods -n library\n{PODS}\n$ kubectl describe pod loans-api-7c9d8f6b54-k2xqp -n library\n{POD}"
    reading = read_paste(text)
    pod = found(reading, "Pod", "loans-api-7c9d8f6b54-k2xqp")
    assert pod["status"]["containerStatuses"][0]["name"] == "api"
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 6
    assert len(of_kind(reading, "Pod")) == 3


def test_later_row_updates_the_state_when_the_pod_has_moved_on() -> None:
    later = PODS.replace("0/1     CrashLoopBackOff   6 (40s ago) ", "1/1     Running            7 (20s ago) ")
    pod = found(
        read_paste(f"$ kubectl describe pod x -n library\n{POD}\n$ kubectl get pods -n library\n{later}"),
        "Pod",
        "loans-api-7c9d8f6b54-k2xqp",
    )
    assert pod["status"]["containerStatuses"][0]["ready"] is True
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 7
    assert {"type": "Ready", "status": "True"} in pod["status"]["conditions"]


def test_pod_row_gives_phase_reason_and_restarts() -> None:
    reading = read_paste(PODS, now=datetime(2026, 3, 4, 9, 9, 20, tzinfo=UTC))
    crashing = found(reading, "Pod", "loans-api-7c9d8f6b54-k2xqp")["status"]
    assert crashing["phase"] == "Running"
    assert crashing["containerStatuses"][0]["state"] == {"waiting": {"reason": "CrashLoopBackOff"}}
    assert crashing["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] == "2026-03-04T09:08:40Z"
    assert found(reading, "Pod", "loans-db-0")["status"]["conditions"][0] == {"type": "Ready", "status": "True"}


def test_owners_are_joined_by_name_when_their_outputs_were_pasted() -> None:
    deployments = "NAME        READY   UP-TO-DATE   AVAILABLE   AGE\nloans-api   0/1     1            0           9m\n"
    reading = read_paste(f"$ k get po -n library\n{PODS}\n$ k get deploy -n library\n{deployments}")
    assert (
        found(reading, "Pod", "loans-api-7c9d8f6b54-k2xqp")["metadata"]["ownerReferences"][0]["name"]
        == "loans-api-7c9d8f6b54"
    )
    assert found(reading, "ReplicaSet", "loans-api-7c9d8f6b54")["metadata"]["ownerReferences"][0]["name"] == "loans-api"


def test_manifest_is_left_out_when_the_cluster_shows_that_there_is_no_such_object() -> None:
    manifest = (
        "apiVersion: v1\nkind: PersistentVolume\nmetadata:\n  name: wished-for\nspec:\n  capacity: {storage: 1Gi}\n"
    )
    listed = read_paste(f"$ kubectl get pv\nNo resources found\n$ cat volume.yaml\n{manifest}")
    assert of_kind(listed, "PersistentVolume") == []
    alone = read_paste(manifest)
    assert found(alone, "PersistentVolume", "wished-for")["metadata"]["annotations"] == {"opsdesk/told-by": "manifest"}


def test_manifest_fills_in_only_what_describe_never_shows() -> None:
    manifest = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: loans-api-7c9d8f6b54-k2xqp, namespace: library}\nspec:\n"
        "  affinity: {nodeAffinity: {}}\n  containers:\n  - name: api\n    livenessProbe: {exec: {command: [x]}}\n"
    )
    pod = found(read_paste(f"{POD}\n$ cat pod.yaml\n{manifest}"), "Pod", "loans-api-7c9d8f6b54-k2xqp")
    assert "affinity" in pod["spec"]
    assert "livenessProbe" not in pod["spec"]["containers"][0]


def test_quota_is_read_from_table_and_description() -> None:
    table = "NAME   AGE   REQUEST                                 LIMIT\nteam   3d    pods: 10/10, requests.storage: 0/1Gi\n"
    assert (
        found(read_paste(f"$ kubectl get quota -n library\n{table}"), "ResourceQuota", "team")["status"]["used"]["pods"]
        == "10"
    )
    told = (
        "Name:       team\nNamespace:  library\nResource    Used  Hard\n--------    ----  ----\npods        10    12\n"
    )
    assert found(read_paste(told), "ResourceQuota", "team")["status"] == {
        "hard": {"pods": "12"},
        "used": {"pods": "10"},
    }


def test_empty_cells_stay_empty_when_a_row_has_holes() -> None:
    text = (
        "NAME        STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   AGE\n"
        "loans-pvc   Pending                                      fast           117s\n"
    )
    claim = found(read_paste(text), "PersistentVolumeClaim", "loans-pvc")
    assert (claim["status"]["phase"], claim["spec"]) == ("Pending", {"storageClassName": "fast"})


def test_service_has_ports_and_selector_from_description() -> None:
    text = (
        "Name:              loans\nNamespace:         library\nLabels:            <none>\nSelector:          app=loans-api,tier=apps\n"
        "Type:              NodePort\nIP:                10.96.4.4\nPort:              http  80/TCP\nTargetPort:        web/TCP\n"
        "NodePort:          http  30080/TCP\nEndpoints:         \nSession Affinity:  None\nEvents:            <none>\n"
    )
    spec = found(read_paste(text), "Service", "loans")["spec"]
    assert spec["selector"] == {"app": "loans-api", "tier": "apps"}
    assert spec["ports"] == [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "web", "nodePort": 30080}]


def test_events_are_read_when_their_heading_was_cut_off() -> None:
    text = (
        "$ kubectl get events -n library\n"
        "2m17s       Warning   FailedCreate        replicaset/loans-api-7c9d8f6b54   Error creating: pods is forbidden\n"
        "13s (x4 over 2m)   Normal    FailedBinding   persistentvolumeclaim/loans-pvc   no persistent volumes available\n"
    )
    events = of_kind(read_paste(text), "Event")
    assert [(event["involvedObject"]["kind"], event["reason"], event["count"]) for event in events] == [
        ("ReplicaSet", "FailedCreate", 1),
        ("PersistentVolumeClaim", "FailedBinding", 4),
    ]


def test_truncated_json_gives_its_complete_items() -> None:
    item = '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"%s","namespace":"library","uid":"u"},"status":{"phase":"Running"}}'
    text = (
        '{"kind":"PodList","apiVersion":"v1","items":['
        + item % "one"
        + ","
        + item % "two"
        + ","
        + (item % "three")[:60]
    )
    assert {pod["metadata"]["name"] for pod in of_kind(read_paste(text), "Pod")} == {"one", "two"}


def test_custom_resource_is_read_when_described() -> None:
    text = (
        "Name:         ranker\nNamespace:    serving\nLabels:       <none>\nAPI Version:  serving.kserve.io/v1beta1\nKind:         InferenceService\n"
        "Metadata:\n  Generation:  2\nSpec:\n  Predictor:\n    Min Replicas:  1\nStatus:\n  Conditions:\n"
        "    Last Transition Time:  2026-03-04T09:00:00Z\n    Status:                False\n    Type:                  Ready\n"
        "    Last Transition Time:  2026-03-04T09:00:00Z\n    Status:                True\n    Type:                  IngressReady\nEvents:    <none>\n"
    )
    item = found(read_paste(text), "InferenceService", "ranker")
    assert item["spec"]["predictor"]["minReplicas"] == 1
    assert [(one["type"], one["status"]) for one in item["status"]["conditions"]] == [
        ("Ready", "False"),
        ("IngressReady", "True"),
    ]


def test_rows_are_read_when_a_filter_took_their_heading() -> None:
    rows = "\n".join(PODS.split("\n")[1:])
    for text in (f"$ kubectl get pods -n library | grep -v Completed\n{rows}", rows):
        pod = found(read_paste(text), "Pod", "loans-api-7c9d8f6b54-k2xqp")
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 6
    wide = "library   loans-db-0   0/1   Pending   0   5m   <none>   <none>   <none>   <none>\n"
    assert (
        found(read_paste(f"$ kubectl get pods -A -o wide | grep loans\n{wide}"), "Pod", "loans-db-0")["metadata"][
            "namespace"
        ]
        == "library"
    )
    services = "loans   ClusterIP   10.96.4.4   <none>   80/TCP   9m\n"
    assert (
        found(read_paste(f"$ kubectl get svc -n library | grep loans\n{services}"), "Service", "loans")["spec"][
            "clusterIP"
        ]
        == "10.96.4.4"
    )


def test_description_is_read_when_its_beginning_was_cut_off() -> None:
    rest = POD[POD.index("Containers:") :]
    reading = read_paste(f"$ kubectl describe pod loans-api-7c9d8f6b54-k2xqp -n library\n{rest}")
    pod = found(reading, "Pod", "loans-api-7c9d8f6b54-k2xqp")
    assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert any("beginning was cut off" in gap.reason for gap in reading.gaps)


def test_service_tells_its_endpoints_when_they_were_not_pasted() -> None:
    text = (
        "Name:              loans\nNamespace:         library\nSelector:          app=loans-api\nType:              ClusterIP\n"
        "Port:              http  80/TCP\nTargetPort:        8000/TCP\nEndpoints:         10.42.3.7:8000,10.42.3.8:8000\nSession Affinity:  None\nEvents: <none>\n"
    )
    endpoints = found(read_paste(text), "Endpoints", "loans")
    assert endpoints["subsets"] == [
        {"addresses": [{"ip": "10.42.3.7"}, {"ip": "10.42.3.8"}], "ports": [{"port": 8000}]}
    ]
    none = found(read_paste(text.replace("10.42.3.7:8000,10.42.3.8:8000", "<none>")), "Endpoints", "loans")
    assert none["subsets"] == []


def test_yaml_that_the_cluster_answered_is_live_though_it_has_no_status() -> None:
    text = "$ kubectl get cm app -n library -o yaml\napiVersion: v1\ndata: {k: v}\nkind: ConfigMap\nmetadata: {name: app, namespace: library}\n"
    assert "annotations" not in found(read_paste(text), "ConfigMap", "app")["metadata"]
