from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fabula.documents.magazine import MagazineBrief, SourceSet, SourceText
from fabula.errors import BadInput
from fabula.graphs.magazine import sources as node
from fabula.graphs.magazine.intake import pictures as module
from fabula.graphs.magazine.intake.excerpts import cut
from fabula.graphs.magazine.sources import fetch_sources
from fabula.runs import Runner
from fabula.safety.fetch import Fetch, GuardedFetch
from fabula.settings import Settings
from fabula.testing.magazine import brief_of
from fabula.testing.memory import memory_services


def picture(path: Path, colour: str = "#336699") -> Path:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path


async def fetch(brief: MagazineBrief, web: Fetch | None = None) -> tuple[SourceSet, Any]:
    services, _, _ = memory_services({})
    if web:
        services = dataclasses.replace(services, fetch=web)
    state = {"brief": await services.documents.put(brief)}
    update = await fetch_sources(services)(state)
    return await services.documents.get(SourceSet, update["sources"]), services


async def from_json(folder: Path, *posts: dict[str, Any]) -> tuple[SourceSet, Any]:
    (folder / "posts.json").write_text(json.dumps(posts), "utf-8")
    return await fetch(MagazineBrief(angle="봄", sources=str(folder / "posts.json")))


def post(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "title": "가", "text": "글.", **fields}


async def test_posts_become_a_document_without_a_path_of_this_machine(tmp_path: Path) -> None:
    found, _ = await from_json(tmp_path, post("a"), post("b"), post("a"))
    assert [one.id for one in found.posts] == ["a", "b"]
    assert [one.source for one in found.problems] == ["posts.json[2]"]
    assert str(tmp_path) not in found.model_dump_json()


async def test_a_picture_becomes_an_artifact_named_by_its_hash(tmp_path: Path) -> None:
    picture(tmp_path / "img" / "a.png")
    found, services = await from_json(tmp_path, post("a", image="img/a.png", image_alt="푸른 벽"))
    (artifact,) = await services.artifacts.list()
    assert found.posts[0].picture == artifact.hash
    assert found.posts[0].picture_alt == "푸른 벽"
    assert artifact.name.startswith(f"pictures/{artifact.hash[:12]}.")
    data = await services.artifacts.read(artifact.hash)
    assert hashlib.sha256(data).hexdigest() == artifact.hash


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("none.png", "없습니다"),
        ("../outside.png", "밖"),
        ("https://a.b/c.png", "웹 주소"),
        ("text.png", "text.png"),
        ("link.png", "밖"),
    ],
)
async def test_a_bad_picture_costs_the_picture_and_not_the_post(
    tmp_path: Path, image: str, says: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    picture(tmp_path / "outside.png")
    (folder / "text.png").write_text("no picture")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    found, services = await from_json(folder, post("a", image=image))
    assert found.posts[0].picture is None
    assert says in found.problems[0].reason
    assert str(tmp_path) not in found.problems[0].reason
    assert not await services.artifacts.list()


async def test_a_picture_past_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PICTURE_BYTES", 10)
    picture(tmp_path / "a.png")
    found, _ = await from_json(tmp_path, post("a", image="a.png"))
    assert "MB" in found.problems[0].reason


async def test_an_address_that_is_no_web_address_is_left_out(tmp_path: Path) -> None:
    found, _ = await from_json(tmp_path, post("a", url="javascript:alert(1)"))
    assert found.posts[0].url is None
    assert "http(s)" in found.problems[0].reason


async def test_no_post_left_lists_every_problem(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        await from_json(tmp_path, {"id": "a"}, post("b", text=""))
    assert caught.value.field == "sources"
    assert "posts.json[0]: title" in caught.value.ko
    assert "posts.json[1]: text" in caught.value.ko


async def test_no_posts_at_all_is_bad_input() -> None:
    with pytest.raises(BadInput, match="sources"):
        await fetch(MagazineBrief(angle="봄"))


async def test_an_unknown_featured_post_lists_the_ids() -> None:
    with pytest.raises(BadInput, match="`zzz` is no post of this brief; its posts: a1, a2") as bad:
        await fetch(brief_of(2, featured=("a1", "zzz")))
    assert bad.value.field == "featured"


@contextmanager
def site(files: Mapping[str, tuple[str, bytes]]) -> Iterator[int]:
    """Serve files on loopback: each path's type and bytes; a type `redirect` sends on."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, data = files.get(self.path, ("", b""))
            self.send_response(302 if kind == "redirect" else 200 if kind else 404)
            if kind == "redirect":
                self.send_header("Location", data.decode())
                data = b""
            self.send_header("Content-Type", kind or "text/html")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def bytes_of(colour: str = "#336699") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 70), colour).save(buffer, "PNG")
    return buffer.getvalue()


FEED = """<?xml version="1.0" encoding="euc-kr"?><rss version="2.0"><channel><title>동네</title>
<item><title>봄 산책</title><link>{base}/entry/spring</link>
<pubDate>Fri, 01 Mar 2024 00:30:00 +0900</pubDate>
<description>&lt;p&gt;벚꽃이 골목마다 환하게 피었다.
&lt;img src="/a.png" alt="벚꽃"&gt;&lt;/p&gt;</description>
</item>
<item><title>여름</title><link>/entry/summer</link><description>
&lt;p&gt;비가 하루 종일 조용히 왔다.&lt;img src="http://10.0.0.1/inside.png"&gt;&lt;/p&gt;</description></item>
<item><title>빈 글</title><description></description></item></channel></rss>"""


async def from_web(port: int, path: str, **fields: Any) -> tuple[SourceSet, Any]:
    fetching = GuardedFetch(private_hosts=[f"127.0.0.1:{port}"])
    brief = MagazineBrief(angle="봄", sources=f"http://127.0.0.1:{port}{path}", **fields)
    return await fetch(brief, fetching)


async def test_a_feeds_address_gives_its_posts_and_their_pictures() -> None:
    files: dict[str, tuple[str, bytes]] = {"/a.png": ("image/png", bytes_of())}
    with site(files) as port:
        files["/feed?key=secret"] = ("redirect", b"/real.xml")
        feed = FEED.format(base=f"http://127.0.0.1:{port}")
        files["/real.xml"] = ("text/xml; charset=euc-kr", feed.encode("euc-kr"))
        found, services = await from_web(port, "/feed?key=secret")
    spring, summer = found.posts
    assert (spring.id, spring.title, spring.date) == ("spring", "봄 산책", date(2024, 3, 1))
    assert spring.text == "벚꽃이 골목마다 환하게 피었다."
    assert spring.url == f"http://127.0.0.1:{port}/entry/spring"
    assert (spring.picture_alt, summer.picture) == ("벚꽃", None)
    assert summer.url == f"http://127.0.0.1:{port}/entry/summer"
    assert [one.hash for one in await services.artifacts.list()] == [spring.picture]
    told = {one.source.rpartition("/")[2]: (one.kind, one.reason) for one in found.problems}
    assert told["real.xml[1]"] == (
        "picture_refused",
        (
            "그림 inside.png: 공개 주소가 아닙니다. "
            "운영자가 FABULA_FETCH_PRIVATE_HOSTS에 `10.0.0.1:80`을 적으면 열립니다"
        ),
    )
    assert told["real.xml[2]"] == ("source_refused", "글이 없습니다.")
    assert "secret" not in found.model_dump_json()


async def test_a_pages_address_gives_one_post() -> None:
    page = (
        "<html><head><title>봄 - 블로그</title><meta property='og:image' content='/a.png'>"
        "</head><body><nav>메뉴</nav><article><h1>봄</h1><p>벚꽃이 골목마다 환하게 피었다.</p>"
        "</article>"
    )
    files = {"/p/1": ("text/html", page.encode()), "/a.png": ("image/png", bytes_of())}
    with site(files) as port:
        found, _ = await from_web(port, "/p/1")
    (only,) = found.posts
    assert (only.id, only.title, only.text) == ("1", "봄", "벚꽃이 골목마다 환하게 피었다.")
    assert only.picture
    assert only.url == f"http://127.0.0.1:{port}/p/1"


async def test_an_address_that_cannot_be_read_is_one_problem_and_inline_posts_stay() -> None:
    with site({"/zip?token=secret": ("application/zip", b"PK")}) as port:
        found, _ = await from_web(port, "/zip?token=secret", posts=brief_of(1).posts)
        assert [one.id for one in found.posts] == ["a1"]
        (problem,) = found.problems
        assert "application/zip" in problem.reason
        assert "secret" not in found.model_dump_json()
        with pytest.raises(BadInput, match=r"127\.0\.0\.1"):
            await from_web(port, "/none")


@pytest.mark.parametrize(
    "sources",
    ["http://127.0.0.1/feed", "file:///etc/passwd", "ftp://example.com/a", "http://localhost./a"],
)
async def test_an_address_that_is_not_public_is_refused_without_a_setting(sources: str) -> None:
    with pytest.raises(BadInput) as caught:
        await fetch(MagazineBrief(angle="봄", sources=sources))
    assert caught.value.field == "sources"


async def test_a_long_post_keeps_excerpts_and_their_places_in_its_whole_text(
    tmp_path: Path,
) -> None:
    long = "\n\n".join(f"{n}번째 문단입니다. 이 문단은 그렇게 길지 않습니다." for n in range(1_500))
    found, services = await from_json(tmp_path, post("long", text=long), post("short"))
    kept, short = found.posts
    assert len(long) > 40_000
    assert len(kept.text) < 6_000
    original = await services.documents.get(SourceText, kept.original)
    assert original.text == long
    parts = [original.text[one.start : one.end] for one in kept.excerpts]
    assert kept.text == cut(original.text, kept.excerpts)
    assert parts[0].startswith("0번째")
    assert parts[-1].endswith("않습니다.")
    assert (short.excerpts, short.original) == ((), None)


async def test_documents_of_before_are_still_read() -> None:
    before = {
        "schema_version": 1,
        "posts": [
            dict.fromkeys(("author", "url", "date", "picture", "picture_alt"))
            | {"id": "a", "title": "가", "text": "글"}
        ],
        "problems": [{"source": "b.md", "reason": "비었습니다"}],
    }
    read = SourceSet.model_validate(before)
    assert (read.posts[0].excerpts, read.problems[0].kind) == ((), "source_refused")


async def test_of_many_bad_pictures_only_some_are_told_but_all_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(node, "LISTED", 2)
    monkeypatch.setattr(node, "notice", lambda _, **data: told.append(data["source"]))
    posts = [post(f"p{n}", image="none.png", text=f"글 {n}") for n in range(5)]
    found, _ = await from_json(tmp_path, *posts, {"id": "bad"})
    assert told == ["posts.json[5]", "posts.json[0]", "posts.json[1]", "+3"]
    assert len(found.problems) == 6


async def test_the_operators_setting_reaches_a_runs_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site(
        {"/feed": ("application/rss+xml", FEED.format(base="https://a.b").encode("euc-kr"))}
    ) as port:
        given = {"angle": "봄", "sources": f"http://127.0.0.1:{port}/feed"}
        closed = await Runner(Settings.load()).run("magazine", given, out=tmp_path / "closed")
        monkeypatch.setenv("FABULA_FETCH_PRIVATE_HOSTS", f'["127.0.0.1:{port}"]')
        opened = await Runner(Settings.load()).run("magazine", given, out=tmp_path / "opened")
    assert (closed.status, closed.code) == ("failed", "bad_input")
    assert opened.status == "succeeded"
