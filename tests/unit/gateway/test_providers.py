from pathlib import Path

import pytest
from pydantic import SecretStr

from fabula.errors import BadInput
from fabula.gateway.models import Model
from fabula.gateway.prices import Price
from fabula.gateway.provider import ChatRequest, Message
from fabula.gateway.providers import Providers
from fabula.settings import Settings
from fabula.testing.loopback import LoopbackServer

KEY = "-".join(("loopback", "key", "0123456789"))


def _model(provider: str, name: str = "some-model") -> Model:
    return Model(provider, name, Price(input=1, output=1), 0.5, 100, 5.0)


def _request(name: str = "some-model") -> ChatRequest:
    messages = (Message("user", "물음"),)
    return ChatRequest("a.b", "item", 0, name, messages, {}, "a_b", 1, 100, 0.5)


@pytest.mark.parametrize("provider", ["google_genai", "openai", "local"])
async def test_an_adapter_asks_at_the_base_url_with_the_key_of_its_provider(
    provider: str, tmp_path: Path
) -> None:
    with LoopbackServer(api_key=KEY, answer=lambda _: "답") as server:
        settings = Settings(
            home=tmp_path,
            google_base_url=server.google_base_url,
            google_api_key=SecretStr(KEY),
            openai_base_url=server.base_url,
            openai_api_key=SecretStr(KEY),
            local_base_url=server.base_url,
            local_api_key=SecretStr(KEY),
        )
        adapter = Providers(settings, recipes=dict).of(_model(provider))
        assert (await adapter.complete(_request())).text == "답"
        assert server.stats()["paid"] == 1


def test_an_adapter_is_made_once_for_each_model(tmp_path: Path) -> None:
    providers = Providers(Settings(home=tmp_path), recipes=dict)
    one = providers.of(_model("google_genai", "gemini-2.5-pro"))
    assert providers.of(_model("google_genai", "gemini-2.5-pro")) is one
    assert providers.of(_model("google_genai", "gemini-2.5-flash")) is not one


def test_a_provider_without_an_adapter_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="google_vertexai") as caught:
        Providers(Settings(home=tmp_path), recipes=dict).of(_model("google_vertexai"))
    assert "google_genai" in caught.value.en
