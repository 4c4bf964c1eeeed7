"""Ordinary log lines, and lines that tell of trouble, for tests of the log engine."""

from __future__ import annotations

SIGNATURES = (
    r"CUDA out of memory|torch\.OutOfMemoryError",
    r"(?i)connection refused|ECONNREFUSED",
    r"ModuleNotFoundError: No module named '(?P<module>[\w.]+)'",
    r"(?i)(connect(ion)?|dial|read)[^\n]{0,60}(timed out|timeout)",
    r"^panic: ",
    r"^(\S+Z )?(?P<exception>[A-Za-z_][\w.]*(Error|Exception)): [^\n]*",
    r"lookup (?P<host>[A-Za-z0-9.-]+).*no such host",
    r"NVRM: Xid \([^)]+\): 79\b",
    r"\bERROR\s+boot\b",
    r'msg="[^"]+" code=5\d\d',
    r"抱歉，?我(无法|不能)",
    r"disk[，,:] full$",
    r"exit [^x]+ now",
    r"no space left on device",
    r"(?i)Watchdog caught collective operation timeout.*",
    r"NCCL WARN",
    r"SIGSEGV",
    r"worker (\d+ )+died",
)  # fmt: skip

ORDINARY = (
    '10.0.0.7:51032 - "POST /v1/chat/completions HTTP/1.1" 200 OK',
    "INFO 01-02 12:00:00 metrics.py:345] Avg prompt throughput: 87.1 tokens/s, Running: 3 reqs, Pending: 0 reqs",
    '{"level":"info","ts":1767355200.25,"caller":"http/server.go:88","msg":"request completed","status":200}',
    "I0102 12:00:00.123456       1 controller.go:211] Reconciled object",
    "step 120 loss=1.2345 lr=1e-4 grad_norm=0.512",
    "",
    "2026-01-02T12:00:00.5Z started worker 3",
)
TROUBLE = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "dial tcp 10.0.0.1:443: connect: Connection refused",
    "ModuleNotFoundError: No module named 'flash_attn'",
    "panic: runtime error: index out of range",
    "lookup db.prod.svc on 10.96.0.10:53: no such host",
    "kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid=1",
    "ERROR boot failed",
    "ERROR",
    "boot",
    'msg="upstream gone" code=503',
    "抱歉我无法回答",
    "抱歉，我不能回答",
    "disk， full",
    "disk: full",
    "exit soon",
    "and now",
    "exit 5 now",
    "read tcp 1.2.3.4: i/o timeout",
    "worker 1 2 3 died",
    'msg="open',
)
