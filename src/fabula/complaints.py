"""What is wrong with a value, in Korean: pydantic's own messages are English."""

from __future__ import annotations

from pydantic_core import ErrorDetails

_KOREAN = {
    "missing": "꼭 있어야 합니다",
    "string_type": "글자여야 합니다",
    "string_too_short": "비어 있거나 너무 짧습니다 (최소 {min_length}자)",
    "string_too_long": "너무 깁니다 (최대 {max_length}자)",
    "string_pattern_mismatch": "쓸 수 없는 글자가 있습니다 (형식: {pattern})",
    "string_unicode": "읽을 수 없는 글자가 있습니다",
    "int_type": "정수여야 합니다",
    "int_parsing": "정수여야 합니다",
    "int_from_float": "정수여야 합니다",
    "float_type": "수여야 합니다",
    "float_parsing": "수여야 합니다",
    "finite_number": "끝이 있는 수여야 합니다",
    "bool_type": "켜고 끄는 값이어야 합니다(true, 1, yes, on이나 false, 0, no, off)",
    "bool_parsing": "켜고 끄는 값이어야 합니다(true, 1, yes, on이나 false, 0, no, off)",
    "extra_forbidden": "없는 항목입니다",
    "greater_than_equal": "{ge} 이상이어야 합니다",
    "less_than_equal": "{le} 이하여야 합니다",
    "tuple_type": "목록이어야 합니다",
    "model_type": "`이름: 값` 꼴이어야 합니다",
    "date_type": "날짜여야 합니다 (예: 2026-03-01)",
    "date_parsing": "날짜여야 합니다 (예: 2026-03-01)",
    "date_from_datetime_parsing": "날짜여야 합니다 (예: 2026-03-01)",
    "date_from_datetime_inexact": "시각이 없는 날짜여야 합니다 (예: 2026-03-01)",
    "literal_error": "다음 가운데 하나여야 합니다: {expected}",
    "greater_than": "{gt}보다 커야 합니다",
    "less_than": "{lt}보다 작아야 합니다",
    "too_short": "너무 짧거나 적습니다 (최소 {min_length})",
    "path_type": "파일이나 폴더의 경로여야 합니다",
    "mapping_type": "`이름: 값` 꼴이어야 합니다",
}


def complaint(error: ErrorDetails) -> str:
    """Say in Korean what is wrong with a value."""
    wanted = _KOREAN.get(error["type"])
    said = {name: _listed(value) for name, value in error.get("ctx", {}).items()}
    return wanted.format(**said) if wanted else error["msg"]


def _listed(value: object) -> object:
    return value.replace(" or ", ", ") if isinstance(value, str) else value
