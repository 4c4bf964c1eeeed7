"""What belongs together is shown together."""

from __future__ import annotations

import pytest

from tools.logs.joining import block_around

PYTHON = """\
2026-01-02 12:00:00,123 ERROR engine: step failed
Traceback (most recent call last):
  File "/app/serve.py", line 10, in step
    out = model(x)
          ^^^^^^^^
  File "/app/model.py", line 3, in __call__
    raise ValueError("bad")
ValueError: bad

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/serve.py", line 12, in step
    report()
torch.OutOfMemoryError: CUDA out of memory. <HIT>"""
JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: no <HIT>
\tat com.shop.Cart.add(Cart.java:11)
\tat com.shop.Main.main(Main.java:5)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.connect0(Native Method)
\t... 12 more"""
GO = """\
panic: runtime error: index out of range [3] with length 3 <HIT>

goroutine 1 [running]:
main.pick(...)
\t/app/main.go:11
main.main()
\t/app/main.go:7 +0x1d
exit status 2"""
RUST = """\
thread 'main' panicked at src/main.rs:4:5:
called `Result::unwrap()` on an `Err` value <HIT>
stack backtrace:
   0: rust_begin_unwind
   1: core::panicking::panic_fmt
note: run with `RUST_BACKTRACE=full` for a verbose backtrace."""
CUDA = """\
RuntimeError: CUDA error: an illegal memory access was encountered <HIT>
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
Exception raised from c10_cuda_check_implementation at ../c10/cuda/CUDAException.cpp:43 (most recent call first):
frame #0: c10::Error::Error(c10::SourceLocation, std::string) + 0x96
frame #1: c10::cuda::c10_cuda_check_implementation + 0x1"""
NCCL = """\
gpu-1:311:402 [0] misc/socket.cc:483 NCCL WARN socketStartConnect: Connect to 10.0.0.2 failed : Connection refused <HIT>
gpu-1:311:402 [0] NCCL INFO misc/socket.cc:564 -> 2
gpu-1:311:402 [0] NCCL INFO init.cc:1358 -> 2"""
BEFORE, AFTER = "INFO 12:00:00 all is well", "INFO 12:00:09 next request"


def shown(text: str) -> str:
    data = text.encode()
    place = data.index(b"<HIT>")
    start = data.rfind(b"\n", 0, place) + 1
    end = data.find(b"\n", place)
    block = block_around(data, start, end if end >= 0 else len(data))
    return data[block.start : block.end].decode()


def stamped(text: str, prefix: str) -> str:
    return "\n".join(prefix + line for line in text.split("\n"))


@pytest.mark.parametrize(
    "prefix", ["", "2026-01-02T12:00:00.123456789Z ", "2026-01-02T12:00:00Z stderr F ", "[rank3]: "]
)
@pytest.mark.parametrize("block", [JAVA, GO, RUST, CUDA, NCCL], ids=["java", "go", "rust", "cuda", "nccl"])
def test_block_is_whole_when_a_line_of_it_is_hit(block: str, prefix: str) -> None:
    text = stamped(f"{BEFORE}\n{block}\n{AFTER}", prefix)
    assert shown(text) == stamped(block, prefix)


@pytest.mark.parametrize("prefix", ["", "2026-01-02T12:00:00.123456789Z ", "(EngineCore pid=88) "])
def test_python_block_goes_back_through_every_cause_when_its_last_line_is_hit(prefix: str) -> None:
    text = stamped(f"{BEFORE}\n{PYTHON}\n{AFTER}", prefix)
    assert shown(text) == stamped(PYTHON, prefix)


@pytest.mark.parametrize("line", ['{"level":"error","msg":"refused <HIT>"}', "ERROR refused <HIT>", "refused <HIT>"])
def test_line_stands_alone_when_its_neighbours_are_others(line: str) -> None:
    for neighbour in ('{"level":"info"}', BEFORE, "request 7 done", "2026/01/02 12:00:00 next"):
        assert shown(f"{neighbour}\n{line}\n{neighbour}") == line


def test_blank_lines_join_nothing_but_the_parts_of_a_trace() -> None:
    assert shown("done\n\nrefused <HIT>\n\n\nnext thing") == "refused <HIT>"


def test_block_is_bounded_when_a_trace_never_ends() -> None:
    text = "Traceback (most recent call last):\n" + "  File x\n" * 5_000 + "ValueError: <HIT>\n" + "  more\n" * 5_000
    assert len(shown(text).split("\n")) <= 81
    assert "<HIT>" in shown(text)
