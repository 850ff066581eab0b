"""Words that look like an ending and are none, and stems that make a syllable an ending.

The plain rule reads the last word of a sentence without a dictionary. Where a syllable closes
nearly always an ending (다, 요), a list names the nouns that are the exception; where it closes
many nouns too (지, 야, 어, 해, 자 …), a list names the stems that make it an ending. A word in
neither list stays neutral: a wrong alarm costs a rewrite, a missed one a look.

A tuple is matched at the end of a word, so that compounds are covered (밤바다); a frozenset is
matched whole, where the tail would swallow other words (가수다, 담요).
"""

from __future__ import annotations


def _tails(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _whole(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A sentence that is one of these words alone answers or calls; it has no ending.
INTERJECTIONS = _whole(
    "네 넵 예 옙 응 어 음 아 와 야 자 아니 아니요 아니오 아뇨 글쎄 글쎄요 이야 우와 어라 오"
    " 안녕 그래"
)

# --- nouns that end like an ending ---------------------------------------------------------------
DA_TAILS = _tails(
    "바다 캐나다 베란다 우간다 르완다 아나콘다 네바다 그라나다 프라다 하네다 야마다 요시다"
    " 후쿠다 이케다 마에다 마쓰다 스코다 아젠다 어젠다 아만다 프리다 와칸다 레모네이다 마다"
)
DA_WHOLE = _whole(
    "다 소다 판다 자이언트판다 레서판다 수다 사이다 혼다 린다 완다 람다 요다 부다 다다 칸다"
    " 살사다 에이다 브렌다 파고다 크림소다 레몬소다 멜론소다 탄산소다 베이킹소다 여기에다"
    " 거기에다"
)
BODA_PRONOUNS = _whole("나 너 저")
PSIDA_TAILS = _tails("접시 입시 맵시")
YO_TAILS = _tails(
    "필요 수요 동요 민요 주요 중요 강요 긴요 대중가요 인기가요 사업개요 작품개요 행사개요"
    " 참치마요 치킨마요 요기요"
)
YO_WHOLE = _whole("개요 고요 소요 요요 담요 무릎담요 전기담요 요")
COUNTING = _whole("몇 한 두 세 네 다섯 여섯 일곱 여덟 아홉 열 여러")
NE_TAILS = _tails("언니네 누나네 오빠네 이모네 엄마네 아빠네 마네 모네")
HAE_TAILS = _tails(
    "이해 동해 서해 남해 북해 지중해 오해 피해 방해 새해 올해 한해 그해 첫해 이듬해 지난해"
    " 공해 손해 견해 저해 화해 항해 근해 심해 침해 자해 유해 대해 통해 위해 향해 인해 의해"
    " 관해 비해 더해"
)
YEAR_WORDS = _whole("한 두 세 몇 이 그 올 지난 다음 새 첫 매 새로운 붉은 둥근 아침 지는 뜨는")
YA_TAILS = _tails(
    "분야 시야 심야 평야 광야 철야 초야 전야 재야 임야 어야 아야 여야 해야 서야 래야 제야"
    " 져야 워야 와야 봐야 줘야 돼야 둬야 켜야 려야 쳐야 가야 놔야 펴야 겨야 셔야 춰야 꿔야"
)
YA_WHOLE = _whole("야 자야 내야 커야 써야 떠야 퍼야 사야")
GA_TAILS = _tails("원가 단가 본가 친가 전가 연가 분가 산가 번가 만가 관가 문가")
RAE_TAILS = _tails("빨래 몰래 갈래")
DAE_TAILS = _tails("군대 현대 연대 한대 전대 근대 관대 온대 안대 본대 분대 선대 반대 난대")
LGE_TAILS = _tails(
    "길게 멀게 달게 둥글게 가늘게 힘들게 거칠게 서툴게 드물게 낯설게 잘게 알게 만들게 물게 어질게"
)
NYA_TAILS = _tails("에스파냐 케냐 카탈루냐")
NI_TAILS = _tails("어머니 할머니 언니 주머니 비키니 미니 더니 으니 아니 테니 바이올리니")
LA_WHOLE = _whole("리라 사하라 아라 어라 으라 노라 여라 더라")
WEO_TAILS = _tails("파워 타워 샤워 플라워 아워 팔로워 뷰워 브루워")
PAGE_TAILS = _tails("페이지 베이지 세이지 데이지 이미지 게이지 케이지")

# --- 반말 ----------------------------------------------------------------------------------------
A_STEMS = frozenset(
    "잡알살팔날갈작막닫앉높낮남담참감닮볶꽂놓쌓낳닿달말몰놀돌녹솟좁뽑곧깎닦밟밝맑낡얇짧삶찮잖"
)
EO_STEMS = frozenset(
    "없싫먹적읽믿싶늦넣깊웃붙죽길들울열줄걸물벌멀늘덜썰풀틀입얻걷듣묻씻벗빗젖잊잃찢쉬뛰되"
    "튀널떨늙굵넓붉긁끓뚫싣뜯식썩익찍"
)
NE_STEMS = frozenset("이하가오되크쁘나지르주보리니기치싸프파시드켜져려여서세워")
JI_STEMS = frozenset("쉽렵덥춥맵맙답롭볍겁갑")
JI_TAILS = _tails(
    "뭐지 누구지 어디지 언제지 그러지 비싸지 어쩌지 쁘지 하지 되지 이지 르지 니지 거지 먹지"
    " 힘들지 드시지"
)
# With 면, 야, 도 … before them these close a sentence; alone they are nouns or connectives.
JI_VERBS = _whole("하지 되지 이지 가지 오지 보지 주지")
YA_VOCATIVE_SAFE = _tails(
    "거야 뭐야 아니야 누구야 어디야 여기야 거기야 언제야 걔야 얘야 때문이야 이야"
)
BANMAL_TAILS = _tails(
    "거든 돼 봐 줘 둬 놔 춰 꿔 져 쳐 켜 몰라 달라 골라 빨라 불러 걸려 달려 들려 열려 알려"
    " 돌려 풀려 올려 내려 버려 보여 줄여 예뻐 바빠 아파 기뻐 슬퍼 고파 나빠 어때 더라고 그러네"
    " 하얘 빨개 파래 는걸 인걸 은걸 던걸 다녀와 가져와 돌아와 들어와 데려와 들어가 돌아가 올라가"
    " 내려가 드셔 가셔 오셔 하셔 계셔"
)
# Verbs of one or two syllables: an ending only where something stands before them.
BANMAL_AFTER_WORD = _whole("가 와 커 써 꺼 타 사 나와 나가 그래 이래")
SLEEP_AFTER = _whole("잘 푹 그만 빨리 일찍 어서 더")

# --- 해라체 --------------------------------------------------------------------------------------
JA_TAILS = _tails(
    "나가자 들어가자 돌아가자 올라가자 내려가자 걸어가자 찾아가자 떠나자 만나자 먹자 걷자"
    " 읽자 찾자 말자 놀자 웃자 믿자 듣자 쉬자 두자 되자 마시자 즐기자 느끼자 기다리자 나누자"
    " 지키자 남기자 맡기자 옮기자 챙기자 만들자 열자 걸자 풀자 앉자 잊자 놓자 고르자 모으자"
    " 따르자 부르자 서두르자 말하자 시작하자 기억하자 생각하자 이야기하자 출발하자 주목하자"
    " 상상하자 함께하자 사랑하자 살자 알자 있자 달리자 버리자 던지자 멈추자 바꾸자 꿈꾸자"
    " 배우자 그리자 오르자 내리자 돌리자 맞이하자"
)
JA_AFTER_OBJECT = _whole("하자 보자 오자 사자 타자 두자 주자")
LA_TAILS = _tails(
    "어라 아라 여라 해라 거라 너라 더라 으라 하라 봐라 와라 줘라 둬라 져라 려라 켜라 쳐라"
    " 돼라 노라 리라 써라 꺼라 워라 떠나라 들어가라 나가라 돌아가라 올라가라 내려가라"
    " 걸어가라 멈추라 즐기라"
)
LA_AFTER_OBJECT = _whole("보라 가라 오라 마라 말라 하라 거라")

# --- 하오체 --------------------------------------------------------------------------------------
SO_STEMS = frozenset("좋많않같싶맞먹옳싫없높깊낮늦맙갑렵쉽롭답겁섭찮렇")
O_TAILS = _tails(
    "하오 시오 으오 되오 주오 모르오 다르오 오르오 부르오 흐르오 이르오 마오 보내오"
    " 기다리오 드리오 이오 아니오"
)
O_NOUNS = _tails("바이오 파시오 라이오 타이오 트리오")

# --- what may be said after the ending -----------------------------------------------------------
AFTERTHOUGHTS = _whole(
    "정말 정말로 진짜 진짜로 너무 참 그냥 아주 매우 완전 무척 제발 얼른 어서 빨리 꼭 다"
    " 다들 모두 또 아직 벌써 오늘 오늘은 오늘도 내일 지금 이제 이제는 아까 어제 역시 솔직히"
    " 사실 여러분 얘들아 우리 우리는 우리도 저는 나는 난 전 저도 나도 넌 너는 너도 제가 내가"
    " 그게 이게 저게 그건 이건 저건 거기 여기 여긴 거긴 거기서 여기서 이곳은 이곳이 이 그 저"
    " 집 집은 집이 언니 오빠 누나 형 선생님 사장님 하하 호호 헤헤 히히 아마 아마도 혼자 같이"
    " 함께 조금 좀 많이"
)
AFTERTHOUGHT_TAILS = _tails(
    "님 님들 씨 여러분 적으로 천천히 조용히 솔직히 분명히 확실히 당연히 열심히 영원히"
)
