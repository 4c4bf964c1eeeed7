"""What every program on a GPU shares: the card's size, and the ways a card fails under it."""

from __future__ import annotations

from evals.practice.kubelet.behaviour import Behaviour, Exit, Situation

CARD_GIB = 22.49
"""An NVIDIA A10, as CUDA sees it."""


def broken_card(situation: Situation, prefix: str = "") -> Behaviour | None:
    """The program's end when the node's GPU is lost (a node condition tells), None while the card is well."""
    condition = situation.node_condition("GpuXidError")
    if condition is None or condition["status"] != "True" or not situation.gpus:
        return None
    if "79" in str(condition.get("message", "")):
        error = "RuntimeError: No CUDA GPUs are available"
    else:
        error = "RuntimeError: CUDA error: uncorrectable ECC error encountered"
    lines = (
        (1.0, f"{prefix}Traceback (most recent call last):"),
        (
            1.0,
            f'{prefix}  File "/usr/local/lib/python3.12/dist-packages/torch/cuda/__init__.py", line 372, in _lazy_init',
        ),
        (1.0, f"{prefix}    torch._C._cuda_init()"),
        (1.0, f"{prefix}{error}"),
    )
    return Behaviour(output=lines, exit=Exit(1.2, 1), memory_after=5.0)


def no_card(situation: Situation) -> Behaviour | None:
    """A container that was given no GPU at all."""
    if situation.gpus:
        return None
    text = "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"
    return Behaviour(output=((1.0, "Traceback (most recent call last):"), (1.0, text)), exit=Exit(1.2, 1))
