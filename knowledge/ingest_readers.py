"""From the bytes of a file to cases and documents: one function per kind of file. All of them raise MalformedCase or
MalformedDocument with a line where there is one; none of them stores anything."""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from knowledge.case_file import ScriptCheck, looks_like_case, parse_case
from knowledge.errors import MalformedDocument
from knowledge.vocabulary import Case

MAX_FILE_BYTES = 20_000_000
MAX_TEXT_CHARACTERS = 5_000_000
MAX_PDF_PAGES = 2_000

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """One case (then ``text`` is its Markdown) or one document, ready to be stored."""

    id: str
    title: str
    text: str
    path: str
    case: Case | None = None


def decode(raw: bytes, source: str) -> str:
    """UTF-8, UTF-16 with a byte-order mark, else GB18030: what editors in China and elsewhere write."""
    is_utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if is_utf16 else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(_CONTROL.findall(text[:100_000])) * 1_000 <= len(text[:100_000]):
            return text.replace("\r\n", "\n").replace("\r", "\n")
        raise MalformedDocument("this is binary data, not text", source=source)
    at = raw[: _first_bad_byte(raw)].count(b"\n") + 1
    raise MalformedDocument(
        "the text is neither UTF-8 nor UTF-16 with a byte-order mark nor GB18030",
        source=source,
        line=at,
        next_step="save the file as UTF-8",
    )


def read_markdown(raw: bytes, file: Path, validate_script: ScriptCheck) -> list[Source]:
    text = decode(raw, str(file))
    if looks_like_case(text):
        return [case_source(text, str(file), validate_script)]
    front = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if front is not None:
        _check_front_matter(front[1], str(file))
    body = text[front.end() :] if front is not None else text
    heading = re.search(r"^#{1,2} +(.+)$", body, re.MULTILINE)
    return [_document(body, heading[1].strip() if heading else file.stem, file)]


def _check_front_matter(front: str, where: str) -> None:
    """What stands between the marks has to be YAML: a broken case must not pass for a document."""
    try:
        yaml.compose(front, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 2 if mark is not None else None
        raise MalformedDocument(
            f"the front matter is no YAML: {error.problem or error.context}",
            source=where,
            line=line,
            next_step="correct it, or leave the front matter out",
        ) from error
    except yaml.YAMLError as error:
        raise MalformedDocument(f"the front matter is no YAML: {error}", source=where) from error


def read_text(raw: bytes, file: Path, _validate_script: ScriptCheck) -> list[Source]:
    return [_document(decode(raw, str(file)), file.stem, file)]


def read_html(raw: bytes, file: Path, _validate_script: ScriptCheck) -> list[Source]:
    """What a reader of the page sees, headings kept as Markdown's. The page's own word on its encoding is heard."""
    from bs4 import BeautifulSoup

    declared = re.search(rb"charset=[\"']?([A-Za-z0-9_-]+)", raw[:2_000])
    is_chinese = declared is not None and declared[1].lower() in {b"gbk", b"gb2312", b"gb18030"}
    text = raw.decode("gb18030", errors="replace") if is_chinese else decode(raw, str(file))
    try:
        page = BeautifulSoup(text, "html.parser")
        title = page.title.get_text(" ", strip=True) if page.title else ""
        for dropped in page(["script", "style", "noscript", "template", "nav", "head", "svg"]):
            dropped.decompose()
        for heading in page(["h1", "h2", "h3", "h4"]):
            words = heading.get_text(" ", strip=True)
            heading.replace_with(f"\n\n{'#' * int(heading.name[1])} {words}\n\n")
        for block in page(["p", "div", "li", "tr", "pre", "br", "section", "article", "table", "ul", "ol"]):
            block.insert_before("\n")
            block.insert_after("\n")
        said = page.get_text()
    except RecursionError as error:
        raise MalformedDocument("the page is nested too deeply to read", source=str(file)) from error
    lines = [re.sub(r"[ \t\xa0]+", " ", line).strip() for line in said.split("\n")]
    return [_document(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)), title or file.stem, file)]


def read_pdf(raw: bytes, file: Path, _validate_script: ScriptCheck) -> list[Source]:
    # pypdf tells of every oddity of a file; what matters comes as an error.
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        title, pages = _pdf_pages(raw, file)
    except MalformedDocument:
        raise
    except Exception as error:
        # A damaged PDF makes the parser raise anything (KeyError, AttributeError, zlib.error ...): it is the file's fault,
        # and the other files have to go in.
        _log.info("pdf %s: %s: %s", file, type(error).__name__, error)
        said = str(error)[:200] or type(error).__name__
        raise MalformedDocument(f"not a readable PDF: {said}", source=str(file)) from error
    text = "\n\n".join(_CONTROLS.sub(" ", page) for page in pages)
    if not text.strip():
        raise MalformedDocument("the PDF has no text, only pictures", source=str(file), next_step="run OCR on it first")
    return [_document(text, title.strip() or file.stem, file)]


def _pdf_pages(raw: bytes, file: Path) -> tuple[str, list[str]]:
    """The title and the text of every page."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(raw))
    if reader.is_encrypted and not reader.decrypt(""):
        raise MalformedDocument("the PDF has a password", source=str(file), next_step="save it without one")
    if len(reader.pages) > MAX_PDF_PAGES:
        raise MalformedDocument(
            f"the PDF has more than {MAX_PDF_PAGES:,} pages", source=str(file), next_step="split it"
        )
    title = str(reader.metadata.title or "") if reader.metadata else ""
    return title, [page.extract_text() for page in reader.pages]


def case_source(markdown: str, where: str, validate_script: ScriptCheck) -> Source:
    case = parse_case(markdown, validate_script, source=where)
    return Source(case.id, case.title.en, markdown, where, case)


def _document(text: str, title: str, file: Path) -> Source:
    clean = text.strip()
    if not clean:
        raise MalformedDocument("the file holds no text", source=str(file))
    if len(clean) > MAX_TEXT_CHARACTERS:
        raise MalformedDocument(
            f"the text has {len(clean):,} characters; at most {MAX_TEXT_CHARACTERS:,} are read",
            source=str(file),
            next_step="split it",
        )
    place = str(file.resolve())
    number = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Source(f"doc-{number}", title[:300], clean, str(file))


def _first_bad_byte(raw: bytes) -> int:
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return error.start
    return len(raw)


Reader = Callable[[bytes, Path, ScriptCheck], list[Source]]
