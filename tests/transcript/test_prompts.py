"""Where a command begins, whatever shell, alias or wrapper it was typed in, and what terminals and chats put around it."""

from __future__ import annotations

import pytest

from tests.transcript.shop import POD, PODS, found, of_kind
from tools.transcript.cleaning import clean_lines, decode
from tools.transcript.reading import read_paste
from tools.transcript.sections import command_at

PROMPTS = [
    "$ ", "# ", "[root@node-b ~]# ", "[ops@node-b library]$ ", "ops@node-b:~/work$ ", "root@node-b:/# ", "PS C:\\Users\\ops> ", "❯ ", "➜  ~ ",
    "(prod) ops@node-b:~$ ", "bash-5.1$ ", "/ # ", "> ", "% ", "", "执行：", "$", "#", "root@node-b:~#", "[root@node-b ~]#", "### ", "2. ", "└─# ", "2026-03-04 10:00:00 $ ",
    "==> ", "$ sudo ", "# watch -n 2 ", "λ ",
]  # fmt: skip


@pytest.mark.parametrize("prompt", PROMPTS)
def test_command_is_found_behind_a_prompt(prompt: str) -> None:
    found_command = command_at([f"{prompt}kubectl get pods -n library -o wide"], 0)
    assert found_command is not None
    command = found_command[0]
    assert (command.program, command.verb, command.namespace, command.output) == ("kubectl", "get", "library", "wide")
    assert [kind.kind for kind in command.kinds] == ["Pod"]


@pytest.mark.parametrize(
    "typed",
    [
        "k get po -nlibrary", "oc get pod --namespace=library", "microk8s kubectl get pods -n library", "microk8s.kubectl get pods -n library",
        "kubectl --context prod -n library get pods", "KUBECONFIG=/x kubectl get pods -n library", "sudo -u ops kubectl get pods -n library",
        "k3s kubectl get pods -n library", "ssh -i key ops@bastion kubectl get pods -n library", "kubecolor get pods -n library",
        "ssh bastion 'kubectl get pods -n library'", "kubectl get pods -n library | grep loans", "/usr/local/bin/kubectl get pods -n library",
    ],
)  # fmt: skip
def test_command_is_kubectl_get_pods_in_whatever_spelling(typed: str) -> None:
    found_command = command_at([f"$ {typed}"], 0)
    assert found_command is not None
    command = found_command[0]
    assert (command.program, command.verb, command.namespace) == ("kubectl", "get", "library")
    assert command.kinds[0].kind == "Pod"


def test_host_is_known_when_the_command_ran_through_ssh() -> None:
    found_command = command_at(["$ ssh root@node-b sudo systemctl status kubelet"], 0)
    assert found_command is not None
    assert (found_command[0].program, found_command[0].host) == ("systemctl", "node-b")


@pytest.mark.parametrize(
    "line",
    [
        "# a comment in a manifest",
        "  # - name: kubectl",
        "kubectl is what we use here, and it failed.",
        "- name: x",
        "> quoted words",
        "Error: kubectl get failed",
    ],
)
def test_line_is_no_command_when_nobody_typed_it(line: str) -> None:
    assert command_at([line], 0) is None


def test_list_is_not_whole_when_a_filter_or_selector_narrowed_it() -> None:
    for typed in ("kubectl get pods | grep x", "kubectl get pods -l app=x", "kubectl get pod x"):
        found_command = command_at([f"$ {typed}"], 0)
        assert found_command is not None
        assert not found_command[0].is_whole


def test_colours_pagers_quotes_fences_and_numbers_are_taken_off() -> None:
    plain = [line for line in PODS.split("\n") if line]
    dressed = {
        "colours": [f"\x1b[32m{line}\x1b[0m" for line in plain],
        "quotes": [f"> {line}" for line in plain],
        "fences": ["```console", *plain, "```"],
        "numbers": [f"{at:4d}  {line}" for at, line in enumerate(plain, 1)],
        "pager": [plain[0], plain[1] + "--More--", *plain[2:]],
        "carriage returns": [f"{line}\r" for line in plain],
        "title": [f"\x1b]0;ops@node-b\x07{plain[0]}", *plain[1:]],
    }
    for name, lines in dressed.items():
        cleaned = [line for line in clean_lines("\n".join(lines)) if line]
        assert cleaned == [line.rstrip() for line in plain], name


def test_line_numbers_stay_those_of_the_paste_when_it_is_cleaned() -> None:
    text = "```\n$ kubectl get pods -n library\r\n" + PODS + "```\n"
    command = read_paste(text).commands[-1]
    assert (command.first_line, command.command) == (2, "kubectl get pods -n library")


def test_text_is_read_whatever_its_encoding() -> None:
    said = "$ kubectl get pods -n library\n支付超时 和 延迟\n"
    for encoded in (
        said.encode(),
        said.encode("gb18030"),
        b"\xef\xbb\xbf" + said.encode(),
        b"\xff\xfe" + said.encode("utf-16-le"),
    ):
        assert decode(encoded) == said


def test_last_table_stands_when_watch_drew_several() -> None:
    later = PODS.replace("CrashLoopBackOff   6", "Error              7")
    reading = read_paste(
        f"Every 2.0s: kubectl get pods -n library    node-b: Wed Mar  4 10:09:20 2026\n\n{PODS}\n\n{later}"
    )
    pod = found(reading, "Pod", "loans-api-7c9d8f6b54-k2xqp")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 7
    assert len(of_kind(reading, "Pod")) == 3


def test_rows_are_read_when_the_terminal_wrapped_them() -> None:
    wide = "NAME         READY   STATUS             RESTARTS   AGE   IP           NODE     NOMINATED NODE   READINESS GATES\nloans-db-0   0/1     CrashLoopBackOff   3          5m    10.42.0.7    node-b   <none>           <none>\n"
    wrapped = "\n".join(part for line in wide.split("\n") for part in (line[:80], line[80:]) if part)
    pod = found(read_paste(f"$ kubectl get pods -n library -o wide\n{wrapped}"), "Pod", "loans-db-0")
    assert pod["spec"]["nodeName"] == "node-b"
    assert pod["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "CrashLoopBackOff"}}


def test_event_is_whole_when_the_terminal_wrapped_its_message() -> None:
    row = "3m          Warning   FailedScheduling   pod/loans-db-0   0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption is not helpful"
    table = f"LAST SEEN   TYPE      REASON             OBJECT           MESSAGE\n{row[:80]}\n{row[80:]}\n"
    event = of_kind(read_paste(f"$ kubectl get events -n library\n{table}"), "Event")[0]
    assert event["message"].endswith("3 Insufficient nvidia.com/gpu. preemption is not helpful")


def test_talk_around_outputs_is_no_gap_and_what_follows_a_table_is_read() -> None:
    rest = POD[POD.index("Events:") :]
    text = f"loans is down since nine\n\n$ kubectl get pods -n library\n{PODS}\nand describe says:\n\n{rest}"
    reading = read_paste(text)
    assert {event["reason"] for event in of_kind(reading, "Event")} == {"Scheduled", "BackOff"}
    assert {event["involvedObject"]["name"] for event in of_kind(reading, "Event")} == {"loans-api-7c9d8f6b54-k2xqp"}
    assert not any("could be read" in gap.reason for gap in reading.gaps)


def test_event_of_a_description_is_whole_when_the_terminal_wrapped_it() -> None:
    lines = [part for line in POD.split("\n") for part in (line[:90], line[90:180]) if part or not line]
    backoff = next(event for event in of_kind(read_paste("\n".join(lines)), "Event") if event["reason"] == "BackOff")
    assert backoff["message"].endswith("in pod loans-api-7c9d8f6b54-k2xqp_library(x)")
