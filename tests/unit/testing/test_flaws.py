import json

import pytest

from fabula.testing.flaws import NO_SUCH_ID, malformed, truncated, wrong_ids


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0, 2.0])
def test_a_truncated_answer_is_never_whole(share: float) -> None:
    text = '{"a": 1}'
    assert text.startswith(truncated(text, share))
    with pytest.raises(json.JSONDecodeError):
        json.loads(truncated(text, share))


@pytest.mark.parametrize("text", ['{"a": 1}', "[]", '"말"', "1", ""])
def test_a_malformed_answer_is_no_json(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(malformed(text))


def test_every_field_of_ids_gets_one_that_was_never_offered() -> None:
    value = {
        "template_id": "t1",
        "body": [{"post_ids": ["p1", "p2"], "text": "글"}, {"post_ids": [], "idea": "생각"}],
        "id": 7,
    }
    assert wrong_ids(value) == {
        "template_id": NO_SUCH_ID,
        "body": [
            {"post_ids": [NO_SUCH_ID, NO_SUCH_ID], "text": "글"},
            {"post_ids": [NO_SUCH_ID], "idea": "생각"},
        ],
        "id": 7,
    }
