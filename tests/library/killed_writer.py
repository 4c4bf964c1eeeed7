"""The program that test_dense_index kills: it adds documents and rebuilds for ever, and says what was stored.

Arguments: ledger URL, index folder, first number. Each number on standard output is stored for good.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime


def ledger_clock() -> datetime:
    return datetime.now(UTC)


def fill_text(number: int) -> str:
    return f"runbook{number} tells how part{number % 97} of machine{number % 31} is mended"


def main() -> None:
    from pathlib import Path

    from knowledge.ledger.ledger import Ledger
    from knowledge.library import Library
    from tests.library.stand_ins import WordEmbedder

    url, index, first = sys.argv[1:]
    ledger = Ledger.open(url, ledger_clock)
    library = Library.open(ledger.library_store, Path(index), WordEmbedder())
    library.warm()
    for number in range(int(first), int(first) + 1_000):
        library.add_document(f"doc-{number}", str(number), fill_text(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if number % 40 == 20:
            library.rebuild()
        if number % 7 == 3:
            longer = "\n\n".join(f"{fill_text(number)} in step {step}. " * 9 for step in range(4))
            library.add_document(f"doc-{number}", str(number), longer)


if __name__ == "__main__":
    main()
