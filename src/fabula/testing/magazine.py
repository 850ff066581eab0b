"""Scripted answers for the magazine's agents: copy that passes every rule of its template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fabula.documents.magazine import MagazineBrief, PostInput, SectionPlan, SectionType
from fabula.graphs.magazine.agents import CLASSIFY, COMPOSE, OUTLINE, POLISH, SECTION_WRITERS
from fabula.graphs.magazine.templates import SectionRules, TemplateSpec
from fabula.korean.sentences import split_sentences
from fabula.testing.memory import Asked, Script

_PLACES = ("마당", "골목", "부엌", "책방", "강가", "옥상", "시장", "숲길", "작업실", "정류장")
_SIGHTS = (
    "오래된 나무 의자 하나가",
    "아침마다 열리는 작은 문이",
    "손때 묻은 공책 세 권이",
    "볕이 드는 낮은 창이",
    "비에 젖은 돌계단이",
    "느리게 도는 선풍기가",
    "주인이 적어 둔 날짜가",
)
_ENDINGS = {"합니다체": "보입니다.", "해요체": "보여요."}


def brief_of(count: int = 4, **fields: Any) -> MagazineBrief:
    """Make a brief with `count` inline posts, `a1` onwards."""
    posts = tuple(
        PostInput(
            id=f"a{number}",
            title=f"{place} 이야기 {number}",
            text=f"{place}에서 {number}년을 보낸 사람의 글이다. 봄에는 문을 열고 겨울에는 닫았다.",
            author=f"글쓴이 {number}",
            url=f"https://example.com/{number}",
        )
        for number, place in enumerate((_PLACES * (count // len(_PLACES) + 1))[:count], start=1)
    )
    given: dict[str, Any] = {"angle": "작은 공간은 사람을 어떻게 바꾸는가", "posts": posts}
    return MagazineBrief(**{**given, **fields})


def choose(asked: Asked) -> Mapping[str, Any]:  # noqa: ARG001 - a script's signature
    """Choose `editorial-deep`."""
    return {"template_id": "editorial-deep", "reason": "맥락을 묻는 앵글입니다"}


def plan(asked: Asked) -> Mapping[str, Any]:
    """Plan as many body sections as are wanted, each on the next post."""
    offered = list(asked.aliases["post"])
    wanted: Any = asked.variables["wanted"]
    body = [
        {
            "type": ("spotlight", "curation_card")[number % 2],
            "purpose": f"{number + 1}번째 공간이 하루를 바꾸는 방식을 본다",
            "post_ids": [offered[number % len(offered)]],
        }
        for number in range(wanted)
    ]
    return {
        "title": "작은 공간의 하루",
        "dek": "네 사람의 공간을 따라갑니다.",
        "intro": {"purpose": "질문을 세운다", "post_ids": offered[:1]},
        "body": body,
        "closing": {"purpose": "질문으로 돌아간다", "post_ids": []},
    }


def write(asked: Asked) -> Mapping[str, Any]:
    """Write a section that its template's rules accept, citing every post that it may."""
    spec, rules, section = (asked.variables[key] for key in ("template", "rules", "plan"))
    if not (
        isinstance(spec, TemplateSpec)
        and isinstance(rules, SectionRules)
        and isinstance(section, SectionPlan)
    ):
        raise TypeError(f"{asked.agent} was not asked for a section")
    return _copy(spec, section.type, int(section.section_id[1:]), list(asked.aliases["post"]))


def pull(asked: Asked) -> Mapping[str, Any]:
    """Pull a sentence out of the first post that was offered, and write a lead."""
    posts: Any = asked.variables["posts"]
    spec: Any = asked.variables["template"]
    end = {"합니다체": "남습니다.", "해요체": "남아요."}[spec.register]
    return {
        "heading": "그대로 옮긴 말",
        "quote": split_sentences(posts[0]["text"])[0],
        "post_id": posts[0]["alias"],
        "lead": f"이 말은 책을 덮은 뒤에도 오랫동안 {end} 문을 열어 둔 사람의 마음이 여기에 {end}",
    }


def arrange(asked: Asked) -> Mapping[str, Any]:
    """Caption every post that was offered."""
    spec: Any = asked.variables["template"]
    aliases = list(asked.aliases["post"])
    return {
        "heading": "나란히 놓은 것들",
        "captions": [
            {"text": _sentence(number, number, spec.register), "post_id": alias}
            for number, alias in enumerate(aliases)
        ],
    }


def compose(asked: Asked) -> Mapping[str, Any]:
    """Write a whole `editorial-deep` article in one answer, one post a body section."""
    templates: Any = asked.variables["templates"]
    wanted: Any = asked.variables["wanted"]
    spec = next(one for one in templates if one.id == "editorial-deep")
    offered = list(asked.aliases["post"])
    types: tuple[SectionType, ...] = ("spotlight", "curation_card")
    body = [
        {
            "type": types[number % 2],
            **_copy(spec, types[number % 2], number + 2, [offered[number % len(offered)]]),
        }
        for number in range(wanted[spec.id])
    ]
    return {
        "template_id": spec.id,
        "title": "작은 공간의 하루",
        "dek": "네 사람의 공간을 따라갑니다.",
        "intro": _copy(spec, "intro", 1, offered[:1]),
        "body": body,
        "closing": _copy(spec, "closing", len(body) + 2, []),
    }


def polish(asked: Asked) -> Mapping[str, Any]:
    """Leave the text as it is but for one word that carries no fact."""
    sections: Any = asked.variables["sections"]
    return {
        "sections": [
            {
                "section_id": one["section_id"],
                "heading": one["heading"],
                "paragraphs": [
                    {
                        "text": part["text"].replace("들어서면", "들어오면"),
                        "post_ids": part["aliases"],
                    }
                    for part in one["paragraphs"]
                ],
            }
            for one in sections
        ]
    }


def _copy(
    spec: TemplateSpec, type_: SectionType, place: int, cited: Sequence[str]
) -> dict[str, Any]:
    rules = spec.rules[type_]
    wanted = (rules.characters.least + rules.characters.most) // 2
    sentences: list[str] = []
    while sum(map(len, sentences)) + len(sentences) < wanted:
        sentences.append(_sentence(place, len(sentences), spec.register))
    half = (len(sentences) + 1) // 2
    texts = [" ".join(part) for part in (sentences[:half], sentences[half:])]
    return {
        "heading": f"{_PLACES[place % len(_PLACES)]}에서 본 것",
        "paragraphs": [
            {"text": text, "post_ids": list(cited)} for text in texts[: rules.paragraphs.most]
        ],
    }


def _sentence(section: int, number: int, register: str) -> str:
    turn = section * 3 + number
    place, sight = _PLACES[turn % len(_PLACES)], _SIGHTS[number % len(_SIGHTS)]
    return f"{place}에 들어서면 {sight} {number + 2}걸음 앞에서 {_ENDINGS[register]}"


def scripts(**changed: Script) -> dict[str, Script]:
    """Return a script for each agent; `changed` replaces some by the last part of their name."""
    own: dict[str, Script] = {CLASSIFY.name: choose, OUTLINE.name: plan}
    own.update({COMPOSE.name: compose, POLISH.name: polish})
    own.update({agent.name: write for agent in SECTION_WRITERS.values()})
    own[SECTION_WRITERS["quote_pull"].name] = pull
    own[SECTION_WRITERS["mood_board"].name] = arrange
    return {name: changed.get(name.rpartition(".")[2], script) for name, script in own.items()}
