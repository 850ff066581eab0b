"""Build the adapter that a pinned model names, once for each run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fabula.errors import BadInput
from fabula.gateway.models import Model
from fabula.gateway.provider import ChatProvider, ChatRequest, Recipe
from fabula.settings import Settings


class Providers:
    """The adapters of one run; `given` stands in for the adapter of a provider by its name."""

    def __init__(
        self,
        settings: Settings,
        *,
        recipes: Callable[[], Mapping[str, Recipe]],
        given: Mapping[str, ChatProvider] | None = None,
    ) -> None:
        self._settings = settings
        self._recipes = recipes
        self._made: dict[tuple[str, str], ChatProvider] = {}
        self._given = dict(given or {})

    def of(self, model: Model) -> ChatProvider:
        """Return the model's adapter; BadInput for a provider that fabula has none for."""
        if model.provider in self._given:
            return self._given[model.provider]
        key = (model.provider, model.name)
        if key not in self._made:
            self._made[key] = self._make(model)
        return self._made[key]

    def _make(self, model: Model) -> ChatProvider:
        settings = self._settings
        if model.provider == "offline":
            return self._offline()
        if model.provider in ("openai", "local"):
            from fabula.gateway.openai import openai_provider

            local = model.provider == "local"
            key = settings.local_api_key if local else settings.openai_api_key
            return openai_provider(
                model=model.name,
                api_key=key.get_secret_value() if key else "none",
                base_url=settings.local_base_url if local else settings.openai_base_url,
                timeout_s=model.call_timeout_s,
            )
        if model.provider == "google_genai":
            from fabula.gateway.gemini import gemini_provider

            google_key = settings.google_api_key
            return gemini_provider(
                model=model.name,
                api_key=google_key.get_secret_value() if google_key else "none",
                base_url=settings.google_base_url,
                timeout_s=model.call_timeout_s,
            )
        raise BadInput(
            f"agent_model_map.yaml: {model.provider}:{model.name}",
            f"this version has no adapter for the provider `{model.provider}`: pin the agent to "
            "openai, google_genai or local in your own agent_model_map.yaml (FABULA_CONFIG_DIR)",
            f"`{model.provider}` 어댑터가 없습니다. openai, google_genai나 local 모델을 지정하세요",
        )

    def _offline(self) -> ChatProvider:
        from fabula.gateway.langchain import LangChainProvider
        from fabula.gateway.offline import OfflineModel

        model = OfflineModel(recipes=self._recipes(), faults=self._settings.offline_faults)
        return LangChainProvider(model, bind=_whole_request)


def _whole_request(request: ChatRequest) -> Mapping[str, Any]:
    return {"request": request}
