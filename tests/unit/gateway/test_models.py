from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from fabula.errors import BadInput, KeyMissing
from fabula.gateway.models import Models
from fabula.settings import Settings


def test_an_agents_own_pin_wins_and_defaults_fill_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, google_api_key=SecretStr("k"), openai_api_key=SecretStr("k"))
    models = Models(settings, "cloud")
    classify, write = models.pinned("magazine.classify"), models.pinned("magazine.write_intro")
    assert (classify.provider, classify.max_output_tokens) == ("google_genai", 512)
    assert (write.provider, write.max_output_tokens, write.call_timeout_s) == ("openai", 4096, 120)


@pytest.mark.parametrize(
    ("profile", "agent", "variable"),
    [
        ("cloud", "magazine.classify", "FABULA_GOOGLE_API_KEY"),
        ("cloud", "magazine.write_intro", "FABULA_OPENAI_API_KEY"),
        ("local", "magazine.write_intro", "FABULA_LOCAL_BASE_URL"),
    ],
)
def test_a_missing_key_names_agent_variable_and_way_out(
    tmp_path: Path, profile: str, agent: str, variable: str
) -> None:
    with pytest.raises(KeyMissing) as caught:
        Models(Settings(home=tmp_path), profile).pinned(agent)
    for language in (caught.value.en, caught.value.ko):
        assert agent in language
        assert variable in language
        assert "--profile offline" in language


def test_local_takes_its_model_from_the_settings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, local_base_url="http://127.0.0.1:1/v1", local_model="m")
    model = Models(settings, "local").pinned("magazine.outline")
    assert (model.provider, model.name, model.price.input) == ("local", "m", 0)


def test_an_unknown_profile_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="offline, local, cloud"):
        Models(Settings(home=tmp_path), "clod")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("profiles: {p: {a: {model: gemini}}}", r"profiles\.p\.a\.model"),
        ("profiles: {p: {a: {model: 'x:y', temp: 1}}}", r"profiles\.p\.a\.temp"),
        ("profiles: {}\nhistory: [{date: x}]", r"history\.0"),
        ("other: 1", "profiles"),
    ],
)
def test_a_wrong_map_names_its_field(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / "agent_model_map.yaml").write_text(text)
    with pytest.raises(BadInput, match=field):
        Models(Settings(home=tmp_path, config_dir=tmp_path), "p")


def test_an_agent_without_a_pin_is_named(tmp_path: Path) -> None:
    (tmp_path / "agent_model_map.yaml").write_text("profiles: {p: {a: {model: 'offline:x'}}}")
    with pytest.raises(BadInput, match=r"profiles\.p\.b"):
        Models(Settings(home=tmp_path, config_dir=tmp_path), "p").pinned("b")
