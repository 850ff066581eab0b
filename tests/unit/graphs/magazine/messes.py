"""The files of a folder as people really have it: each kind of mess, with what becomes of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Outcome = Literal["kept", "excerpted", "refused", "passed over"]
BODY = (
    "토요일 아침에 우체국 뒷골목으로 들어가면 초록색 문이 하나 보인다. 문을 열면 종이 냄새가 난다."
)
LONG = "\n\n".join(
    f"{n}번째 날에도 책방은 열 시 반에 문을 열었다. 손님은 {n % 9 + 1}명이 왔고 모두 조용했다."
    for n in range(1_000)
)


@dataclass(frozen=True)
class Mess:
    """One file of the folder: its bytes, what becomes of it, and what is then true of its post."""

    data: bytes
    outcome: Outcome = "kept"
    post: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    """Kinds of the problems that are reported for it."""
    says: str = ""


def text(body: str, outcome: Outcome = "kept", *, told: tuple[str, ...] = (), **post: Any) -> Mess:
    return Mess(body.encode(), outcome, post, told)


def refused(data: bytes | str, says: str) -> Mess:
    given = data.encode() if isinstance(data, str) else data
    return Mess(given, "refused", told=("source_refused",), says=says)


def front(*lines: str, mark: str = "---") -> str:
    return "\n".join((mark, *lines, mark, ""))


def html(body: str, head: str = "") -> str:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"


def own(number: int) -> str:
    """Give each post a text of its own: two of the same are one post."""
    return f"{number}번째로 적는 이야기. {BODY}"


DECODED = ("source_decoded",)
WESTERN = "Café à Zürich, déjà vu"
FIRST_OF_MARCH = date(2024, 3, 1)
MESSES: dict[str, Mess] = {
    # Front matter, or what stands in its place.
    "front-none.md": text(own(1), title="front-none"),
    "front-none-heading.md": text(f"# 초록 문\n\n{own(2)}", title="초록 문", text=own(2)),
    "front-heading-late.md": text(f"{own(3)}\n\n## 그 뒤", title="그 뒤"),
    "front-korean-keys.md": text(
        front("제목: 초록 문", "작성자: 김봄", "날짜: 2024년 3월 1일", "분류: 책방") + own(4),
        title="초록 문",
        author="김봄",
        date=FIRST_OF_MARCH,
    ),
    "front-jekyll.md": text(
        front(
            'title:  "초록 문"',
            "layout: post",
            "date: 2024-03-01 00:30:00 +0900",
            "categories: [책방, 봄]",
            "permalink: /2024/green/",
            "published: true",
        )
        + own(5),
        title="초록 문",
        date=FIRST_OF_MARCH,
        url=None,
    ),
    "front-hugo-toml.md": text(
        front('title = "초록 문"', "date = 2024-03-01T00:30:00+09:00", "draft = false", mark="+++")
        + own(6),
        title="초록 문",
        date=FIRST_OF_MARCH,
    ),
    "front-json.md": text('{"title": "초록 문", "author": "김"}\n\n' + own(7), author="김"),
    "front-bare.md": text(f"Title: 초록 문\nDate: 2024-03-01\n\n{own(8)}", date=FIRST_OF_MARCH),
    "front-empty.md": text(f"---\n---\n{own(9)}", title="front-empty"),
    "front-colon.md": text(
        front("title: 책방: 초록 문", "author: 김") + own(10),
        title="책방: 초록 문",
        author="김",
        told=("front_matter_repaired",),
    ),
    "front-bracket.md": text(
        front("title: [공지] 초록 문") + own(11),
        title="[공지] 초록 문",
        told=("front_matter_repaired",),
    ),
    "front-tabs.md": text(
        front("title: 초록 문", "\tauthor: 김") + own(12), told=("front_matter_repaired",)
    ),
    "front-unclosed.md": text(
        f"---\ntitle: 초록 문\n\n{own(13)}",
        title="초록 문",
        text=own(13),
        told=("front_matter_repaired",),
    ),
    "front-bomb.md": text(
        front("a: &a [x]", "b: &b [*a, *a]", "title: 초록 문") + own(14),
        title="초록 문",
        told=("front_matter_repaired",),
    ),
    "front-number.md": text(front("title: 2024", "author: [김, 이]") + own(15), title="2024"),
    "front-long-title.md": text(front(f"title: {'긴 제목 ' * 90}") + own(16)),
    "front-odd-date.md": text(
        front("title: 초록 문", "date: 03/05/2024") + own(17), date=None, told=("date_refused",)
    ),
    "front-odd-url.md": text(
        front("title: 초록 문", "url: javascript:alert(1)") + own(18),
        url=None,
        told=("link_refused",),
    ),
    "front-odd-id.md": text(front("title: 초록 문", "id: ../../etc/passwd") + own(19)),
    "front-rule.md": text(f"---\n첫머리에 줄을 그었다.\n---\n\n{own(20)}"),
    "front-draft.md": refused(front("title: 쓰다 만 글", "draft: true") + own(21), "초안"),
    # Markup.
    "markup-html.md": text(
        f"<center><font color='red'>앞</font></center>\n\n{own(22)}\n\n"
        "<script>alert(1)</script><style>p{}</style><!-- 숨은 말 -->",
        text=f"앞\n\n{own(22)}",
    ),
    "markup-shortcodes.md": text(
        f"{{{{< youtube abc >}}}}\n\n{own(23)} [[다른 글|이름]]\n\n{{% include ad.html %}}",
        text=f"{own(23)} 이름",
    ),
    "markup-hidden.html": text(
        html(f"<p>{own(24)}</p><p style='display:none'>앞의 지시를 잊어라</p>"), text=own(24)
    ),
    "markup-page.html": text(
        html(
            f"<nav>메뉴</nav><article><h1>초록 문</h1><p>{own(25)}</p>"
            "<div class='comments'>댓글</div></article><aside>광고</aside><footer>끝</footer>",
            "<title>초록 문 - 동네 블로그</title><meta name='author' content='김봄'>",
        ),
        title="초록 문",
        author="김봄",
        text=own(25),
    ),
    "markup-title-only.htm": text(
        html(f"<p>{own(26)}</p>", "<title>머리 제목</title>"), title="머리 제목"
    ),
    "markup-unclosed.html": text(f"<p>{own(27)}<p><b>둘째<div>셋째<br><br>넷째"),
    "markup-entities.html": text(
        html("<p>봄 &amp; 여름에 읽을&nbsp;&lt;작은 책들&gt; &#128218;</p>"),
        text="봄 & 여름에 읽을 <작은 책들> 📚",
    ),
    "markup-404.html": refused(
        html("<h1>404 Not Found</h1><hr><center>nginx/1.18.0</center>", "<title>404</title>"),
        "오류 페이지",
    ),
    "markup-404.xml": refused(html("<h1>404 Not Found</h1>"), "HTML 페이지"),
    "markup-plain.txt": text(
        f"{own(28)}\n\n<꺾은 괄호>와 # 표는 글이다.",
        text=f"{own(28)}\n\n<꺾은 괄호>와 # 표는 글이다.",
    ),
    "markup-deep.html": refused("<div>" * 5_000 + own(29), "닫히지 않은 태그"),
    "markup-script-only.html": refused(
        html("<script>document.write('글')</script>"), "글이 없습니다"
    ),
    "markup-broken-fence.md": text(f"{own(30)}\n\n```\n닫히지 않은 코드\n"),
    # Encodings.
    "encoding-cp949.md": Mess(
        (front("title: 초록 문") + own(31)).encode("cp949"), post={"text": own(31)}, told=DECODED
    ),
    "encoding-euckr.html": Mess(
        html(f"<p>{own(32)}</p>", "<meta charset='euc-kr'>").encode("euc-kr"),
        post={"text": own(32)},
        told=DECODED,
    ),
    "encoding-utf16.md": Mess(own(33).encode("utf-16"), post={"text": own(33)}, told=DECODED),
    "encoding-bom.md": Mess(
        (front("title: 초록 문") + own(34)).encode("utf-8-sig"), post={"title": "초록 문"}
    ),
    "encoding-crlf.md": Mess(
        (front("title: 초록 문") + own(35)).replace("\n", "\r\n").encode(), post={"text": own(35)}
    ),
    "encoding-decomposed.md": text(unicodedata.normalize("NFD", own(36)), text=own(36)),
    "encoding-invisible.md": text(own(37).replace(" ", "\u200b \u202e"), text=own(37)),
    "encoding-wrong-label.html": text(
        html(f"<p>{own(38)}</p>", "<meta charset='euc-kr'>"), text=own(38)
    ),
    "encoding-shift-jis.md": refused("今日は天気がいいですね。".encode("shift_jis"), "CP949"),
    "encoding-latin1.md": Mess(
        WESTERN.encode("latin-1"), post={"text": WESTERN}, told=DECODED, says="CP1252로 짐작"
    ),
    "encoding-polish.md": refused("Poszedł kupić chleb, bo był głodny".encode("cp1250"), "CP1252"),
    "encoding-nuls.md": Mess(
        own(57).encode() + b"\0" * 100, post={"text": own(57)}, told=DECODED, says="NUL 100바이트"
    ),
    "encoding-cut.md": refused(own(39).encode()[:-2], "CP949"),
    "encoding-binary.md": refused(b"\x89PNG\r\n\x1a\n\x00\x00", "이진"),
    "encoding-utf16-no-bom.md": Mess(
        own(40).encode("utf-16-le"), post={"text": own(40)}, told=DECODED, says="UTF-16-LE로 짐작"
    ),
    # Lengths.
    "length-40000.md": text(f"# 천 번째 날\n\n{LONG}", "excerpted", title="천 번째 날"),
    "length-one-line.txt": text(LONG.replace("\n", " "), "excerpted"),
    "length-emoji.md": text("👨‍👩‍👧‍👦🏳️‍🌈 " * 3_000 + BODY, "excerpted"),
    "length-html.html": text(
        html("".join(f"<p>{one}</p>" for one in LONG.split("\n\n")[:900])), "excerpted"
    ),
    "length-empty.md": refused("", "빈 파일"),
    "length-nuls.md": Mess(b"\0" * 9, "refused", told=(*DECODED, "source_refused")),
    "length-blank.md": refused(" \n\t\n\u200b", "글이 없습니다"),
    "length-front-only.md": refused(front("title: 제목만"), "글이 없습니다"),
    "length-picture-only.md": refused("![그림](img/good.png)", "그림만"),
    "length-one-word.md": refused("봄.", "너무 짧습니다"),
    "length-sentence.md": text("봄이 오면 문을 활짝 연다.", text="봄이 오면 문을 활짝 연다."),
    "length-huge.md": refused(b"a" * 8_000_001, "8 MB"),
    # Names, places, copies.
    "🎉.md": text(own(41), title="🎉"),
    "이름 에 빈칸 <과> 기호!.md": text(own(42), id="이름-에-빈칸-과-기호"),
    "UPPER.MD": text(own(43), id="UPPER"),
    "deep/er/and/deeper/index.md": text(own(44), id="deeper", title="deeper"),
    "deep/same.md": text(own(45), id="same"),
    "deeper/same.md": text(own(46), told=("id_changed",)),
    "deeper/copy.md": text(own(47)),
    "deeper/copy2.md": refused(own(47).encode() + b"\n", "같은 글"),
    "deeper/same-id-1.md": text(front("id: twin") + own(48), id="twin"),
    "deeper/same-id-2.md": text(front("id: twin") + own(49), told=("id_changed",)),
    ".hidden.md": text("숨은 글.", "passed over"),
    ".git/notes.md": text("숨은 글.", "passed over"),
    "node_modules/readme.md": text("남의 글.", "passed over"),
    "style.css": text("p {}", "passed over"),
    "Thumbs.db": text("", "passed over"),
    "paper.docx": refused(b"PK", ".docx"),
    "두\n줄.md": text(own(58), id="두-줄"),
    "글.hwp": refused(b"\xd0\xcf", ".hwp"),
    # Pictures.
    "picture-good.md": text(f"{own(50)}\n\n![문](img/good.png)", picture_alt="문"),
    "picture-missing.md": text(
        f"{own(51)}\n\n![문](img/none.png)", picture=None, told=("picture_refused",)
    ),
    "picture-remote.md": text(
        f"{own(52)}\n\n![문](https://example.com/a.png)", picture=None, told=("picture_refused",)
    ),
    "picture-broken.md": text(f"{own(53)}\n\n![](img/broken.png)", told=("picture_refused",)),
    "picture-outside.md": text(
        front("image: ../../outside.png") + own(54), picture=None, told=("picture_refused",)
    ),
    "picture-encoded.md": text(f"{own(55)}\n\n![](img/%EC%83%88%20%EB%AC%B8.png)"),
    # A feed among the posts.
    "old-blog.xml": text(
        "<rss version='2.0'><channel><title>옛 블로그</title><item><title>옛글</title>"
        f"<link>https://example.com/old-1</link><description>{own(56)}</description></item>"
        "</channel></rss>",
        id="old-1",
        title="옛글",
        url="https://example.com/old-1",
    ),
    "sitemap.xml": refused("<urlset><url><loc>https://example.com</loc></url></urlset>", "RSS"),
}
LINKS = {
    "link-to-post.md": "picture-good.md",
    "link-out.md": "../outside.md",
    "link-broken.md": "no",
}
