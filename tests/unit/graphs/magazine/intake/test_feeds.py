from __future__ import annotations

from datetime import date

import pytest

from fabula.graphs.magazine.intake.encoding import Unreadable
from fabula.graphs.magazine.intake.feeds import Feed, is_feed, read_feed
from fabula.graphs.magazine.intake.html import Image

RSS = """<?xml version="1.0" encoding="EUC-KR"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>동네</title>
<item><title>봄 &amp;amp; 산책</title><link>https://blog.example.com/entry/봄-산책/</link>
<dc:creator>김봄</dc:creator><pubDate>Fri, 01 Mar 2024 00:30:00 +0900</pubDate>
<description>짧은 소개</description>
<content:encoded><![CDATA[<p>첫 문단</p><script>x</script><p>둘째 <img src="/a.jpg" alt="꽃"></p>]]>
</content:encoded>
<media:content url="https://cdn.example.com/big.jpg" medium="image"/></item>
<item><title>여름</title><link>https://blog.example.com/?p=7</link>
<description>&lt;p&gt;여름 글 &lt;b&gt;전부&lt;/b&gt;&lt;/p&gt;</description>
<enclosure url="https://cdn.example.com/talk.mp3" type="audio/mpeg" length="1"/></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>b</title><author><name>이</name></author>
<entry><id>urn:1</id><title type="html">&lt;b&gt;가을&lt;/b&gt;</title>
<link href="https://a.example.com/2024/fall.html"/><updated>2024-09-01T00:10:00+09:00</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>가을 <em>글</em></p></div>
</content></entry><entry><id>tag:x,2024:winter</id><title>겨울</title>
<summary type="text">5 &lt; 6 인 글</summary></entry></feed>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x"><title>옛</title></channel>
<item rdf:about="https://a.example.com/old"><title>옛글</title>
<link>https://a.example.com/old</link><description>옛 본문</description></item></rdf:RDF>"""


DOUBLING = """<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>
<rss><channel><item><title>&b;</title></item></channel></rss>"""
READING = """<!DOCTYPE r [<!entity x SYSTEM "file:///etc/passwd">]>
<rss><channel><item><title>&x;</title></item></channel></rss>"""


def read(text: str) -> Feed:
    assert is_feed(text)
    return read_feed(text, most=10)


def test_rss_gives_each_entry_as_a_post() -> None:
    feed = read(RSS)
    spring, summer = feed.entries
    assert not feed.broken
    assert (spring.title, spring.author, spring.date) == ("봄 & 산책", "김봄", date(2024, 3, 1))
    assert spring.name == "봄-산책"
    assert spring.page.text == "첫 문단\n\n둘째"
    assert spring.images == (Image("https://cdn.example.com/big.jpg"), Image("/a.jpg", "꽃"))
    assert (summer.name, summer.page.text, summer.images) == ("p=7", "여름 글 전부", ())


def test_atom_gives_each_entry_as_a_post() -> None:
    fall, winter = read(ATOM).entries
    assert (fall.title, fall.author, fall.date) == ("가을", "이", date(2024, 9, 1))
    assert (fall.name, fall.page.text) == ("fall", "가을 글")
    assert winter.page.text == "5 < 6 인 글"


def test_the_oldest_rss_is_read_too() -> None:
    (old,) = read(RDF).entries
    assert (old.title, old.page.text) == ("옛글", "옛 본문")


def test_a_broken_feed_is_read_as_far_as_it_goes_and_says_so() -> None:
    feed = read(RSS.replace("<title>여름</title>", "<title>여름 & 바다</title>&nbsp;"))
    assert feed.broken
    assert [one.title for one in feed.entries] == ["봄 & 산책", "여름 & 바다"]


def test_no_more_entries_are_read_than_asked_for() -> None:
    assert len(read_feed(RSS, most=1).entries) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<html><p>글</p></html>", "RSS나 Atom이 아닙니다"),
        ("<rss version='2.0'><channel><title>빈</title></channel></rss>", "글이 없습니다"),
        ("<urlset><url><loc>https://a.b</loc></url></urlset>", "RSS나 Atom이 아닙니다"),
        (DOUBLING, "ENTITY"),
        (READING, "ENTITY"),
    ],
)
def test_what_is_no_feed_is_unreadable(text: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read_feed(text, most=10)


@pytest.mark.parametrize("name", ["https://a.example.com/feed", "/etc/passwd", "pyproject.toml"])
def test_a_text_that_names_a_place_is_never_opened(name: str) -> None:
    with pytest.raises(Unreadable):
        read_feed(name, most=10)
