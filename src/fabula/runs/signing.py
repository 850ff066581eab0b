"""Sign webhooks: each owner has a secret of its own, made of the setting's."""

from __future__ import annotations

import hashlib
import hmac

from fabula.errors import BadInput
from fabula.settings import Settings

VERSION = "v1"


def webhook_secret_of(settings: Settings, owner: str) -> str:
    """Return the secret that an owner's webhooks are signed with; BadInput without the setting."""
    if settings.webhook_secret is None:
        raise BadInput(
            "webhook",
            "the service signs no webhooks: set FABULA_WEBHOOK_SECRET, 16 characters or more",
            "웹훅을 보낼 수 없습니다. FABULA_WEBHOOK_SECRET을 16자 이상으로 정하세요",
        )
    key = settings.webhook_secret.get_secret_value().encode()
    digest = hmac.new(key, f"fabula webhook {VERSION} {owner}".encode(), hashlib.sha256)
    return f"whsec_{digest.hexdigest()}"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the header's value: `v1=` and the HMAC-SHA256 of `timestamp.body`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"{VERSION}={digest.hexdigest()}"
