"""A fine-tuning job over two ranks: epochs, checkpoints, and the watchdog when a collective never ends."""

from __future__ import annotations

from evals.practice.kubelet.behaviour import GIB, Behaviour, Exit, Situation
from evals.practice.kubelet.programs.gpu import broken_card

RUN_SECONDS = 120.0
INTERFACES = ("eth0", "lo,eth0", "=eth0", "")
"""Values of NCCL_SOCKET_IFNAME with which the ranks find each other."""


def behave(situation: Situation) -> Behaviour:
    broken = broken_card(situation, "[rank0]: ")
    if broken is not None:
        return broken
    start = (
        (0.5, "[rank0]: torch 2.6.0+cu124, world size 2, backend nccl"),
        (
            1.0,
            f"NCCL INFO NCCL_SOCKET_IFNAME set by environment to {situation.env.get('NCCL_SOCKET_IFNAME', '(none)')}",
        ),
        (3.0, "[rank0]: loaded base model /models/qwen2-7b-instruct, LoRA rank 16"),
    )
    if situation.env.get("NCCL_SOCKET_IFNAME", "") not in INTERFACES:
        return Behaviour(
            output=(*start, *_timeout_lines()), exit=Exit(40.0, 134), memory_bytes=9 * GIB, memory_after=6.0
        )
    steps = tuple((5.0 + number * 10, f"[rank0]: step {number * 50}/500 loss {2.31 - number * 0.11:.3f} lr 1.8e-05 tokens/s 3120")
                  for number in range(1, 11))  # fmt: skip
    end = (
        (115.0, "[rank0]: checkpoint written to /checkpoints/sft-qwen2/step-500"),
        (119.0, "[rank0]: training finished"),
    )
    return Behaviour(output=(*start, *steps, *end), exit=Exit(RUN_SECONDS, 0), memory_bytes=9 * GIB, memory_after=6.0,
                     cpu_cores=2.1)  # fmt: skip


def _timeout_lines() -> tuple[tuple[float, str], ...]:
    collective = "WorkNCCL(SeqNum=1, OpType=ALLREDUCE, NumelIn=1, NumelOut=1, Timeout(ms)=600000)"
    return (
        (36.0, (f"[rank0]:[E1121 02:10:40.118 ProcessGroupNCCL.cpp:632] [Rank 0] Watchdog caught collective operation timeout: "
               f"{collective} ran for 600043 milliseconds before timing out.")),
        (37.0, ("[rank0]:[E1121 02:10:41.204 ProcessGroupNCCL.cpp:684] [Rank 0] Some NCCL operations have failed or timed out. Due to "
               "the asynchronous nature of CUDA kernels, subsequent GPU operations might run on corrupted/incomplete data.")),
        (37.5, ("[rank0]:[E1121 02:10:41.204 ProcessGroupNCCL.cpp:690] [Rank 0] To avoid data inconsistency, we are taking the entire "
               "process down.")),
        (39.0, "terminate called after throwing an instance of 'c10::DistBackendError'"),
    )  # fmt: skip
