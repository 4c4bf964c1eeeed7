"""Events of the last hour or so: the cluster keeps no more."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

COLLECTOR = ListingCollector(id="events", reads=(Reads(kind_of("", "v1", "events", "Event"), limit=5_000),))
