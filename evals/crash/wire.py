"""Two moments that no port has: a write has left and its answer has not come, and its answer lies there unread."""

from __future__ import annotations

import select
from typing import Any

from evals.crash.fuse import Fuse

ANSWER_SECONDS = 5.0


def fuse_the_wire(fuse: Fuse) -> None:
    """Of every write of this process, reviews of rights and dry runs left out."""
    from urllib3.connection import HTTPConnection

    answered, sends = HTTPConnection.getresponse, HTTPConnection.request

    def request(self: Any, method: str, url: str, *given: Any, **more: Any) -> Any:
        self.is_fused = method != "GET" and "dryRun" not in url and not url.partition("?")[0].endswith("reviews")
        if self.is_fused:
            fuse.moment(f"before request {method} {url.partition('?')[0]}")
        return sends(self, method, url, *given, **more)

    def getresponse(self: Any) -> Any:
        if self.is_fused:
            fuse.moment("request sent, answer not there")
            select.select([self.sock], [], [], ANSWER_SECONDS)
            fuse.moment("answer there, not read")
        response = answered(self)
        if self.is_fused:
            fuse.moment("answer read, result not recorded")
        return response

    HTTPConnection.request = request  # type: ignore[method-assign]
    HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]
