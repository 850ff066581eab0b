from __future__ import annotations

import time

import pytest

from fabula.graphs.magazine.intake.encoding import Unreadable
from fabula.graphs.magazine.intake.html import Image, plain_text, read_html

PAGE = """<!doctype html><html><head><title>봄 산책 - 동네 블로그</title>
<meta property="og:title" content="봄 산책"><meta name="author" content="김봄">
<link rel="canonical" href="https://blog.example.com/1"><style>p { color: red }</style></head>
<body><header>동네 블로그</header><nav><ul><li>홈<li>글</ul></nav>
<article><h1>봄 산책</h1><time datetime="2024-03-01">3월 1일</time>
<p>첫 줄<br>둘째 줄<br><br>새 문단&nbsp;입니다 &lt;끝&gt;</p><p>&nbsp;</p>
<img src="a.jpg" alt="벚꽃"><pre>코드
  들여쓰기</pre>
<div id="comments"><p>댓글입니다</p></div><aside>광고</aside></article>
<div class="sidebar">최근 글</div><footer>저작권</footer><script>alert("글")</script></body>"""


def test_a_page_is_its_articles_words() -> None:
    page = read_html(PAGE)
    assert page.text == (
        "봄 산책\n\n3월 1일\n\n첫 줄\n둘째 줄\n\n새 문단 입니다 <끝>\n\n코드\n  들여쓰기"
    )
    assert page.heading == "봄 산책"
    assert page.images == (Image("a.jpg", "벚꽃"),)
    assert page.meta["title"] == "봄 산책 - 동네 블로그"
    assert page.meta["canonical"] == "https://blog.example.com/1"
    assert (page.meta["author"], page.meta["time"]) == ("김봄", "2024-03-01")


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>비밀</p>",
        '<p style="DISPLAY : none">비밀</p>',
        '<span style="font-size:0px">비밀</span>',
        '<div aria-hidden="true">비밀</div>',
        '<div class="post-list comments">비밀</div>',
        '<div role="navigation">비밀</div>',
        "<!-- 비밀 -->",
        "<script>비밀</script>",
        "<style>비밀</style>",
        "<svg><title>비밀</title></svg>",
        "<noscript>비밀</noscript>",
        "<template>비밀</template>",
        "<iframe>비밀</iframe>",
        "<textarea>비밀</textarea>",
        "<form>비밀</form>",
    ],
)
def test_what_a_reader_does_not_see_is_dropped(hidden: str) -> None:
    assert read_html(f"<p>앞</p>{hidden}<p>뒤</p>").text == "앞\n\n뒤"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>닫히지 않은<p>문단 <b>굵게", "닫히지 않은\n\n문단 굵게"),
        ("<ul><li>하나<li>둘</ul>", "하나\n\n둘"),
        ("<table><tr><td>가<td>나</table>", "가 · 나"),
        ("<font style='font-size: 0.9em'>글</font>", "글"),
        ("&#44032;&amp;&hearts;", "가&♥"),
        ("<custom-tag>글</custom-tag>", "글"),
        ("<p>a < b 그리고 c > d</p>", "a < b 그리고 c > d"),
        ("", ""),
    ],
)
def test_messy_html_is_read_as_a_browser_does(html: str, text: str) -> None:
    assert read_html(html).text == text


def test_a_page_that_marks_a_scrap_as_its_article_is_taken_whole() -> None:
    page = read_html("<article>짧다</article><p>" + "긴 글입니다. " * 50 + "</p>")
    assert "긴 글" in page.text


@pytest.mark.parametrize(
    ("html", "images"),
    [
        ('<img src="a.gif" data-src="b.jpg" alt=" 꽃 ">', (Image("b.jpg", "꽃"),)),
        ('<img srcset="c.jpg 1x, d.jpg 2x">', (Image("c.jpg"),)),
        (
            f'<img src="data:image/png;base64,{"A" * 2_000}">',
            (Image(f"data:image/png;base64,{'A' * 2_000}"),),
        ),
        ('<img src="data:image/png;base64,AAAA">', ()),
        ('<img src="javascript:alert(1)">', ()),
        ('<img src="dot.gif" width="1" height="1">', ()),
        ('<img src="e.jpg" width="640px">', (Image("e.jpg"),)),
        ('<nav><img src="logo.png"></nav>', ()),
        ('<div hidden><img src="x.png"></div>', ()),
    ],
)
def test_pictures_that_a_post_shows(html: str, images: tuple[Image, ...]) -> None:
    assert read_html(html).images == images


def test_a_feeds_title_becomes_one_line() -> None:
    assert plain_text("봄 &amp; <b>산책</b>\n길") == "봄 & 산책 길"


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 200_000,
        "<span>" * 200_000,
        "".join(f"<p><font color=a{n}>" for n in range(10_000)),
        "".join(f"<b id={n}>" for n in range(200)) + "<p>x" * 50_000,
        "<table><tr><td>" * 50_000,
        "x" * 4_000_001,
    ],
    ids=["deep", "deep inline", "formats left open", "formats repeated", "tables", "long"],
)
def test_html_that_outgrows_itself_is_refused_at_once(html: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Unreadable):
        read_html(html)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "html", ["<" * 200_000, "</a " * 100_000, "<![CDATA[" * 50_000, "<!--" * 50_000]
)
def test_junk_is_read_in_bounded_time(html: str) -> None:
    begun = time.monotonic()
    read_html(html)
    assert time.monotonic() - begun < 5
