"""A small application in trouble, as someone would paste it; shared by the tests of this folder."""

from __future__ import annotations

from knowledge.vocabulary import Json
from tools.transcript.reading import PasteReading

PODS = """\
NAME                         READY   STATUS             RESTARTS       AGE
loans-api-7c9d8f6b54-k2xqp   0/1     CrashLoopBackOff   6 (40s ago)    9m20s
loans-db-0                   1/1     Running            0              41d
reader-web-59bd7c8f7-zz4tl   1/1     Running            2 (3d5h ago)   12d
"""

POD = """\
Name:             loans-api-7c9d8f6b54-k2xqp
Namespace:        library
Priority:         0
Service Account:  loans
Node:             node-b/10.1.0.12
Start Time:       Wed, 04 Mar 2026 10:00:00 +0100
Labels:           app=loans-api
                  pod-template-hash=7c9d8f6b54
Annotations:      <none>
Status:           Running
IP:               10.42.3.7
Controlled By:    ReplicaSet/loans-api-7c9d8f6b54
Containers:
  api:
    Image:         registry.example/loans:2.4
    Port:          8000/TCP
    Host Port:     0/TCP
    Command:
      python
      -m
      loans
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
      Started:      Wed, 04 Mar 2026 10:08:10 +0100
      Finished:     Wed, 04 Mar 2026 10:08:40 +0100
    Ready:          False
    Restart Count:  6
    Limits:
      memory:  128Mi
    Requests:
      memory:     128Mi
    Readiness:    http-get https://:8000/ready%3Fdeep=1 delay=3s timeout=2s period=7s #success=1 #failure=4
    Environment:
      DB_HOST:      loans-db.library
      DB_PASSWORD:  <set to the key 'password' in secret 'loans-db'>  Optional: false
    Mounts:
      /var/cache from cache (rw)
Conditions:
  Type              Status
  Initialized       True
  Ready             False
  ContainersReady   False
  PodScheduled      True
Volumes:
  cache:
    Type:       EmptyDir (a temporary directory that shares a pod's lifetime)
    Medium:
    SizeLimit:  64Mi
QoS Class:                   Burstable
Node-Selectors:              tier=apps
Tolerations:                 node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
Events:
  Type     Reason     Age                   From               Message
  ----     ------     ----                  ----               -------
  Normal   Scheduled  9m20s                 default-scheduler  Successfully assigned library/loans-api-7c9d8f6b54-k2xqp to node-b
  Warning  BackOff    12s (x31 over 8m50s)  kubelet            Back-off restarting failed container api in pod loans-api-7c9d8f6b54-k2xqp_library(x)
"""


def found(reading: PasteReading, kind: str, name: str) -> Json:
    """The object of that kind and name; the test fails when there is none."""
    named = [item for item in reading.objects if item["kind"] == kind and item["metadata"]["name"] == name]
    assert len(named) == 1, [(item["kind"], item["metadata"]["name"]) for item in reading.objects]
    return named[0]


def of_kind(reading: PasteReading, kind: str) -> list[Json]:
    return [item for item in reading.objects if item["kind"] == kind]
