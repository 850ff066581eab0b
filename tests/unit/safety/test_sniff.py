from __future__ import annotations

import pytest

from fabula.errors import UnfitFile
from fabula.safety.sniff import clean_name, media_type_of

PNG = b"\x89PNG\r\n\x1a\n...."


@pytest.mark.parametrize(
    ("name", "said", "head", "kind"),
    [
        ("a.md", "text/markdown", b"# x", "text/markdown"),
        ("a.md", "application/octet-stream", "가을".encode("cp949"), "text/markdown"),
        ("a.txt", "", "가을".encode("utf-16"), "text/plain"),
        ("a.txt", "", "ab".encode("utf-16-le"), "text/plain"),
        ("a.json", "application/json", b'\xef\xbb\xbf {"posts": []}', "application/json"),
        ("feed.rss", "text/xml; charset=utf-8", b"<?xml", "application/xml"),
        ("a.HTML", "text/plain", b"<p>", "text/html"),
        ("a.PNG", "image/png", PNG, "image/png"),
        ("a.jpg", "image/jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.webp", "image/webp", b"RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"),
        ("a.zip", "application/x-zip-compressed", b"PK\x03\x04", "application/zip"),
    ],
)
def test_a_file_is_what_its_name_its_sender_and_its_bytes_say(
    name: str, said: str, head: bytes, kind: str
) -> None:
    assert media_type_of(name, said, head) == kind


@pytest.mark.parametrize(
    ("name", "said", "head"),
    [
        ("a.png", "image/png", b"<svg onload=x>"),
        ("a.png", "image/png", b"GIF89a"),
        ("a.png", "text/html", PNG),
        ("a.md", "image/png", b"# x"),
        ("a.md", "text/markdown", PNG),
        ("a.md", "text/markdown", b"MZ\x90\x00"),
        ("a.md", "text/markdown", b"\x7fELF"),
        ("a.md", "text/markdown", b"text\x00\x01\x02more text that is none"),
        ("a.md", "", b"PK\x03\x04"),
        ("a.json", "application/json", b"<html>"),
        ("a.zip", "application/zip", b"Rar!"),
        ("a.svg", "image/svg+xml", b"<svg/>"),
        ("a.exe", "", b"MZ"),
        ("a.php", "text/plain", b"<?php"),
        ("a", "text/plain", b"x"),
    ],
)
def test_a_file_that_is_something_else_is_refused(name: str, said: str, head: bytes) -> None:
    with pytest.raises(UnfitFile) as raised:
        media_type_of(name, said, head)
    assert raised.value.code == "file_type"


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("a.md", "a.md"),
        ("../../etc/passwd.md", "passwd.md"),
        ("C:\\Users\\me\\가을.md", "가을.md"),
        ("가을.md", "가을.md"),
        ("a\x00b\nc\u202e.md", "abc.md"),
        ('a:"<b>|?*.md', "a___b____.md"),
        ("  a b .md ", "a b.md"),
        ("x" * 500 + ".md", "x" * 117 + ".md"),
        ("가" * 500 + ".md", "가" * 79 + ".md"),
        ("x" * 500 + "." + "y" * 500, "x" * 99 + "." + "y" * 20),
    ],
)
def test_a_name_is_one_plain_part(given: str, clean: str) -> None:
    assert clean_name(given) == clean


@pytest.mark.parametrize("given", ["", ".md", "..", "a/", "no-ending", "/", "\x00"])
def test_a_name_that_names_nothing_is_refused(given: str) -> None:
    with pytest.raises(UnfitFile):
        clean_name(given)
