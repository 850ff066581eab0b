"""Number expressions of Korean prose, in figures, letters and signs, in the order of the text.

Meant for asking whether two texts state the same numbers: a word that only may be a numeral
(문을 열 때) counts as one, so that none is overlooked.
"""

from __future__ import annotations

import re

from fabula.korean.hangul import nfc

_UNIT = (
    r"(?:퍼센트|프로|킬로미터|센티미터|밀리미터|킬로그램|밀리리터|제곱미터|리터|그램|미터|"
    r"개월|주일|주년|시간|년대|학년|세기|번째|가지|마리|그루|포기|자루|그릇|조각|켤레|송이|바퀴|"
    r"걸음|군데|사람|달러|유로|년|월|일|시|분|초|살|세|명|인|개|권|장|대|번|회|곳|집|채|칸|층|평|석|"
    r"잔|병|컷|쪽|편|줄|호|위|원|엔|도|배|점|단|벌|판|통|되|근|해|달|주|째|"
    r"kg|km|cm|mm|ml|m²|㎡|g|m|L|%|℃|°C)"
)
_PARTICLE = (
    r"(?:은|는|이|가|을|를|과|와|도|만|의|에|에서|에게|으로|로|까지|부터|마다|씩|쯤|이나|나|이다|다|"
    r"입니다|이에요|예요|이었|였|뿐|보다|처럼|짜리|이고|고|이며|며|이라|라|동안|간|남짓|정도|가량|안팎|여|당|권|하고|이랑)"
)
_END = rf"(?={_PARTICLE}{{0,3}}(?![가-힣]))"
_BEFORE = (
    r"(?:(?<![가-힣])(?:오전|오후|새벽|아침|점심|저녁|밤|낮|약|제|총|최대|최소|적어도|많아야|거의|"
    r"매|영하|영상|기원전|마이너스|플러스)\s?)*"
)
_AFTER = (
    r"(?:\s?(?:이상|이하|미만|초과|이내|이전|이후|가량|남짓|안팎|정도|쯤|부터|까지|"
    r"(?:전|후|뒤|반)(?=[은이을의에도만으]|입|이|부터|까지|쯤|[^가-힣]|$)))*"
)
_FIGURE = r"\d+(?:[.,:/]\d+)*"
_SCALED = rf"(?:[십백천만억조]+(?:\s?{_FIGURE})?|\s[십백천만억조]+(?![가-힣]))*"
# Behind a figure any word that clings to it is its unit, but for a particle: 3마일, 7은.
_CLINGING = rf"(?:{_PARTICLE}(?![가-힣])|[가-힣]{{1,4}}?{_END})"
_DIGITS = (
    rf"(?:(?<![\w)])[+\-−–±])?{_FIGURE}{_SCALED}"
    rf"(?:\s?{_UNIT}|(?!{_PARTICLE}(?![가-힣])){_CLINGING})?"
)
_TENS = "열|스물|서른|마흔|쉰|예순|일흔|여든|아흔"
_ONES = "하나|둘|셋|넷|다섯|여섯|일곱|여덟|아홉"
_ABOUT = "한두|두세|두어|서너|너댓|네댓|대여섯|예닐곱|여러|몇몇|몇|첫"
_COUNTING = f"{_ABOUT}|한|두|세|네|석|넉|서|너"
_NATIVE = (
    rf"(?<![가-힣])(?:(?:백|천)?(?:{_TENS})(?:{_ONES}|{_COUNTING})?|스무|(?:{_ONES}){{1,2}}|{_COUNTING})"
    rf"(?:(?<=[나둘셋넷한두세네석넉서너몇첫러무어섯곱덟홉열물른흔쉰순])\s?{_UNIT}{_END}"
    rf"|(?<=[한두세네석넉몇첫러무어])(?=\s)"
    rf"|(?<=[나둘셋넷섯곱덟홉열물른흔쉰순몇]){_END})"
)
_SINO = (
    rf"(?<![가-힣])(?:(?:(?:[수몇]|여러)?[일이삼사오육륙칠팔구영공]*[십백천만억조]"
    rf"[일이삼사오육륙칠팔구십백천만억조\s]*(?<!\s)|[일이삼사오육륙칠팔구영공]{{3,}})"
    rf"(?:여)?(?:\s?{_UNIT}{_END}|{_END})"
    rf"|[삼사오육칠팔구영]\s?{_UNIT}{_END}"
    rf"|[일이]\s?(?:년|월|분기|층|인|개월|주|주일|학년|세기|퍼센트){_END})"
)
_SIGN = r"[¼-¾⅐-ↈ①-⓿❶-➓㉑-㉟㊱-㊿㊀-㊉一二三四五六七八九十百千萬億]+"
_SIGNED = rf"{_SIGN}(?:\s?{_UNIT})?"
_DAY = (
    r"[월화수목금토일]요일|\([월화수목금토일]\)|"
    r"(?<![가-힣])(?:주말|평일|그제|어제|내일|모레|작년|올해|내년|지난해)"
)
_HALF = rf"절반|과반|대부분|(?<![가-힣])(?:반|오전|오후|정오|자정){_END}"
# How far a number goes, in a verb behind it: 3만 명을 넘었고, 200번 가까이, 열에 못 미친다.
_REACH = re.compile(
    r"\s?[은는이가을를도에]?\s?"
    r"(?:(?P<over>넘|웃[도돈돌돕])|(?P<near>가까|육박)|(?P<under>못\s?미|미치지|밑[도돈돌돕]))"
)
_SIGNS = {"over": ">", "near": "~", "under": "<"}
_COUNT = re.compile(
    rf"^{_BEFORE}(?:[+\-−–±]?(?:{_FIGURE}[십백천만억조]*)+|{_SIGN}|(?:백|천)?(?:{_TENS})(?:{_ONES}|{_COUNTING})?|"
    rf"스무|(?:{_ONES}){{1,2}}|{_COUNTING}|[수몇]?[일이삼사오육륙칠팔구영공십백천만억조]+)"
)
_NUMBER = re.compile(
    rf"{_BEFORE}(?:{_DIGITS}|{_SIGNED}|{_NATIVE}|{_SINO}){_AFTER}|{_DAY}|(?:{_HALF}){_AFTER}"
)


def numbers(text: str) -> list[str]:
    """Return the number expressions with sign, scale, unit and bounds: 오전9시, -3.5%, 5명이상.

    White space and the commas of thousands are left out. Weekdays and halves count as numbers. A
    verb that says how far it goes stands behind it as a sign: 200번> for 200번 넘게.
    """
    plain = nfc(text)
    return [
        re.sub(r"[\s,]", "", match[0]) + _reach(plain, match.end())
        for match in _NUMBER.finditer(plain)
    ]


def unit_of(expression: str) -> str:
    """Return what an expression of `numbers` counts: 명남짓 of 서른명남짓, nothing of a bare 7."""
    return _COUNT.sub("", expression, count=1)


def _reach(text: str, at: int) -> str:
    found = _REACH.match(text, at)
    return _SIGNS[found.lastgroup or ""] if found else ""
