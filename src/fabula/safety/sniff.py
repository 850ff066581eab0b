"""What an uploaded file is: by its name, by what its sender says, and by its own first bytes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from fabula.errors import UnfitFile

TEXT = "text"
HEAD = 4096
"""How many of a file's first bytes are looked at."""
LONGEST_NAME = 120
LONGEST_SUFFIX = 20
MOST_NAME_BYTES = 240
ZIP = "application/zip"

KINDS: Mapping[str, str] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mkdn", ".mdx"), "text/markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "text/html"),
    ".txt": "text/plain",
    **dict.fromkeys((".xml", ".rss", ".atom"), "application/xml"),
    ".json": "application/json",
    **dict.fromkeys((".jpg", ".jpeg"), "image/jpeg"),
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".zip": ZIP,
}
"""Which files may be uploaded: the media type by the name's ending."""

_ALIKE = (
    frozenset({"application/zip", "application/x-zip-compressed", "application/x-zip"}),
    frozenset({"image/jpeg", "image/jpg", "image/pjpeg"}),
)
_ANYTHING = ("", "application/octet-stream", "binary/octet-stream")
_SIGNATURES: Mapping[str, re.Pattern[bytes]] = {
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    ZIP: re.compile(rb"PK(\x03\x04|\x05\x06)"),
}
_FOREIGN = re.compile(
    rb"%PDF|\x7fELF|MZ|\x1f\x8b|BZh|7z\xbc\xaf|Rar!|\xca\xfe\xba\xbe|\xd0\xcf\x11\xe0|SQLite format"
)
"""How files begin that are no text and none of ours."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def clean_name(name: str) -> str:
    """Return a file's name without folders, control characters and what file systems dislike."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join("_" if one in ':"<>|?*' else one for one in last if one.isprintable())
    stem, dot, suffix = kept.strip(" .").rpartition(".")
    if not dot or not stem:
        raise _refused(name, "")
    suffix = suffix[:LONGEST_SUFFIX]
    # File systems count bytes.
    room = MOST_NAME_BYTES - len(suffix.encode()) - 1
    short = stem[: LONGEST_NAME - len(suffix) - 1].encode()[:room].decode("utf-8", "ignore")
    return f"{short.rstrip()}.{suffix}"


def media_type_of(name: str, said: str, head: bytes) -> str:
    """Return the media type of a file with this clean name; UnfitFile where it may not be sent.

    `said` is its sender's media type, `head` its first bytes: all three have to agree.
    """
    suffix = f".{name.rpartition('.')[2].lower()}"
    kind = KINDS.get(suffix)
    if kind is None:
        raise _refused(name, suffix)
    _check_said(kind, said.partition(";")[0].strip().lower())
    if kind in _SIGNATURES:
        fits = _SIGNATURES[kind].match(head) is not None
    else:
        fits = _is_text(head, kind)
    if not fits:
        raise UnfitFile(
            f"`{name}` does not hold what its name says ({kind})",
            f"`{name}`의 내용이 이름과 다릅니다({kind})",
            code="file_type",
        )
    return kind


def _check_said(kind: str, said: str) -> None:
    alike = next((group for group in _ALIKE if kind in group), frozenset({kind}))
    # Clients guess at texts: a feed is sent as text/xml, Markdown as text/plain.
    texts = _is_texts_type(kind) and _is_texts_type(said)
    if said not in _ANYTHING and said not in alike and not texts:
        raise UnfitFile(
            f"it is sent as {said[:80]}, its name says {kind}",
            f"{said[:80]} 형식으로 보냈지만 이름은 {kind}입니다",
            code="file_type",
        )


def _is_texts_type(kind: str) -> bool:
    return kind.startswith("text/") or kind.endswith(("xml", "json", "yaml"))


def _is_text(head: bytes, kind: str) -> bool:
    if _FOREIGN.match(head) or any(one.match(head) for one in _SIGNATURES.values()):
        return False
    wide = head.startswith(_WIDE) or head[1::2].count(0) > len(head) // 4
    if b"\0" in head and not wide:
        return False
    if kind == "application/json" and not wide:
        return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{")
    return True


def _refused(name: str, suffix: str) -> UnfitFile:
    listed = " ".join(sorted(KINDS))
    shown = "".join(one for one in name if one.isprintable())[:80]
    return UnfitFile(
        f"`{shown}` may not be uploaded{f' ({suffix})' if suffix else ''}; files may end in: "
        f"{listed}",
        f"`{shown}`은 올릴 수 없는 파일입니다. 올릴 수 있는 것: {listed}",
        code="file_type",
    )
