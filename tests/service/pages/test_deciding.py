"""A wrong answer: the form comes back with what is wrong and what was typed."""

from __future__ import annotations

import re

import httpx
import pytest

from fabula.service import create_app
from fabula.settings import Settings
from tests.browser.served import CHOICE
from tests.service.live import ended, posted, serving
from tests.service.pages.conftest import OWN, words

TYPED = {
    "answer.pick": '"b"',
    "answer.why": "까닭 <b>하나</b>",
    "answer.copies": "2",
    "answer.loud": "true",
}


async def asked(api: httpx.AsyncClient) -> tuple[str, str]:
    run = await posted(api, product="choice", brief={"text": "가을", "count": 1})
    seen = await ended(api, run)
    assert seen["status"] == "waiting"
    return run, str(seen["asks"][0]["id"])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"answer.copies": "x"}, "copies"),
        ({"answer.copies": "1.5"}, "copies"),
        ({"answer.pick": '"c"'}, "pick"),
        ({"answer.pick": "b"}, "pick"),
    ],
)
async def test_a_wrong_answer_is_shown_again_with_what_is_wrong(
    settings: Settings, wrong: dict[str, str], told: str
) -> None:
    async with serving(create_app(settings, products={"choice": CHOICE})) as api:
        run, ask = await asked(api)
        form = {"ask": ask, **TYPED, **wrong}
        answer = await api.post(f"/runs/{run}/decide", data=form, headers=OWN)
        assert answer.status_code == 422
        alert = re.search(r'role="alert">(.*?)</div>', answer.text, re.DOTALL)
        assert alert
        assert told in alert[1]
        assert run in words(answer)
        assert "까닭 &lt;b&gt;하나&lt;/b&gt;" in answer.text
        assert f'name="answer.copies" value="{form["answer.copies"]}"' in answer.text
        assert re.search(r'name="answer.loud" value="true" checked', answer.text)
        chosen = re.search(r'value="&#34;b&#34;" required checked', answer.text)
        assert bool(chosen) is ("answer.pick" not in wrong)
        # What the page's script draws anew is not what was typed, nor does the page go away.
        assert '<div id="asks" class="asks">' in answer.text
        assert "http-equiv" not in answer.text
        assert (await api.get(f"/v1/runs/{run}")).json()["status"] == "waiting"
        right = await api.post(f"/runs/{run}/decide", data={**form, **TYPED}, headers=OWN)
        assert right.status_code == 303
        assert (await ended(api, run))["status"] == "succeeded"
        late = await api.post(f"/runs/{run}/decide", data=form, headers=OWN)
        assert late.status_code == 409
