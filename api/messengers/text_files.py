"""Files that people share: logs and transcripts, in whatever encoding their terminal wrote them."""

from __future__ import annotations

from knowledge.errors import BadInput


def decoded(content: bytes) -> str:
    """The text of a log or a transcript: UTF-8, UTF-16 with its mark, or the Chinese encodings. BadInput for what is no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in content[:4_096]:
        encodings = []
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return content.decode(encoding).replace("\x00", "")
        except UnicodeDecodeError:
            continue
    raise BadInput("the file is no text", next_step="share logs and transcripts as plain text")
