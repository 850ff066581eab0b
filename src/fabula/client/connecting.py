"""What both clients are made of: the address, the key and whom it is shown to, requests."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Any

import httpx
from pydantic import SecretStr

from fabula.client.exchange import Ask, Retry, checked_url, is_loopback, same_service
from fabula.client.operations import Operations
from fabula.errors import BadInput
from fabula.settings import Settings

DEFAULT_URL = "http://127.0.0.1:8000"
_OCTETS = "application/octet-stream"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class Connecting:
    """Base of the clients: everything but how requests are sent and waited for."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | SecretStr | None = None,
        retry: Retry | None = None,
        timeout_s: float = 30.0,
        transport: Any = None,
    ) -> None:
        """Name a service; the key is the setting `api_key` (`FABULA_API_KEY`) where none is given.

        `timeout_s` is for each sign of life, `transport` one of httpx's own.
        """
        self._url = checked_url(url)
        self._key = _checked_key(api_key)
        self._retry = retry or Retry()
        self._operations = Operations(self._retry)
        self._timeout_s = timeout_s
        self._transport = transport

    @property
    def url(self) -> str:
        """The service's address, without a slash behind it."""
        return str(self._url).rstrip("/")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _options(self) -> dict[str, Any]:
        return {
            "base_url": self._url,
            "auth": _Shown(self._key, self._url),
            "headers": {"User-Agent": "fabula"},
            "follow_redirects": False,
            "transport": self._transport,
            # A proxy of the environment leads to no service of this machine.
            "trust_env": not is_loopback(self._url),
        }

    def _request(self, http: httpx.Client | httpx.AsyncClient, ask: Ask, held: ExitStack) -> Any:
        """Make the request; a file that it sends stays open until `held` ends."""
        files = None
        if ask.file:
            name, path = ask.file
            files = {"file": (name, held.enter_context(path.open("rb")), _OCTETS)}
        read_s = self._timeout_s if ask.read_s is None else ask.read_s
        return http.build_request(
            ask.method,
            ask.path.lstrip("/"),
            params=dict(ask.params) or None,
            json=ask.json,
            headers={"Accept": "application/json", **ask.headers},
            files=files,
            timeout=httpx.Timeout(self._timeout_s, read=read_s),
        )


class _Shown(httpx.Auth):
    """Shows the key to one service and to no other."""

    def __init__(self, key: SecretStr | None, service: httpx.URL) -> None:
        self._key = key
        self._service = service

    def auth_flow(self, request: httpx.Request) -> Any:
        if self._key is not None and same_service(self._service, request.url):
            request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        yield request


def _checked_key(given: str | SecretStr | None) -> SecretStr | None:
    if given is None:
        given = Settings.load().api_key
    if given is None:
        return None
    key = given if isinstance(given, SecretStr) else SecretStr(given)
    if not _PRINTABLE.fullmatch(key.get_secret_value()):
        # A library that cannot send it would show it in its complaint.
        raise BadInput(
            "api_key",
            "holds spaces, breaks or letters that no key has; give it as `fabula keys` printed it",
            "키에 없는 글자가 들어 있습니다. `fabula keys`가 보여 준 그대로 주세요",
        )
    return key
