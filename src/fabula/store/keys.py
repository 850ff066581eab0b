"""API keys: made once, shown once, kept as a hash, revoked and never deleted."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.errors import BadInput
from fabula.store.engine import Store, insert_into
from fabula.store.tables import db_now, keys

BOOTSTRAP = "bootstrap"
"""The id and the owner of the key that the settings name."""
_TOKEN = re.compile(r"fab_([a-z0-9]{1,16})_([0-9a-f]{64})")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_NAME_LENGTH = 64
_MOST_RATE = 1e6


@dataclass(frozen=True)
class Key:
    """A key without its secret; `rate` is in requests a minute, None: the setting's."""

    id: str
    owner: str
    name: str
    rate: float | None
    created_at: float
    revoked_at: float | None


async def create_key(
    store: Store, *, owner: str, name: str = "", rate: float | None = None
) -> tuple[Key, str]:
    """Make a key; return it and the token `fab_<id>_<secret>`, which nothing can tell again."""
    check_owner(owner)
    _check(name, rate)
    id_, secret = secrets.token_hex(8), secrets.token_hex(32)
    values = {
        "id": id_,
        "owner": owner,
        "name": name,
        "hash": _hash(secret),
        "rate": rate,
        "created_at": db_now(),
    }

    async def write(connection: AsyncConnection) -> None:
        await connection.execute(insert_into(connection, keys).values(**values))

    await store.write(write)
    return await _get(store, id_), f"fab_{id_}_{secret}"


async def ensure_key(store: Store, token: str) -> None:
    """Make the key that the settings name, or give it its new secret; a revoked one stays so."""
    found = _TOKEN.fullmatch(token)
    if found is None or found[1] != BOOTSTRAP:
        raise BadInput(
            "setting bootstrap_key",
            "is not `fab_bootstrap_` and 64 hex digits, such as `openssl rand -hex 32` writes",
            "`fab_bootstrap_`와 16진수 64자리여야 합니다(`openssl rand -hex 32`)",
        )
    values = {
        "id": BOOTSTRAP,
        "owner": BOOTSTRAP,
        "name": "FABULA_BOOTSTRAP_KEY",
        "hash": _hash(found[2]),
        "created_at": db_now(),
    }

    async def write(connection: AsyncConnection) -> None:
        insert = insert_into(connection, keys).values(**values)
        await connection.execute(
            insert.on_conflict_do_update(
                index_elements=["id"],
                set_={"hash": insert.excluded.hash},
                where=keys.c.revoked_at.is_(None),
            )
        )

    await store.write(write)


async def find_key(store: Store, token: str) -> Key | None:
    """Return the key that a token is; None where it is none, or was revoked."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    row = (await store.read(select(keys).where(keys.c.id == found[1]))).one_or_none()
    # An unknown id is compared with as much work as a known one.
    same = hmac.compare_digest(row.hash if row else _hash(""), _hash(found[2]))
    return _key(row) if row and same and row.revoked_at is None else None


async def keys_in_use(store: Store) -> bool:
    """Say whether any key was ever made: revoking the last one opens nothing."""
    found = await store.read(select(func.count()).select_from(keys))
    return int(found.scalar_one()) > 0


async def list_keys(store: Store, owner: str | None = None) -> Sequence[Key]:
    """Return the keys, of one owner or of all, oldest first."""
    query = select(keys).order_by(keys.c.created_at, keys.c.id)
    if owner is not None:
        query = query.where(keys.c.owner == owner)
    return [_key(row) for row in await store.read(query)]


async def revoke_key(store: Store, id_: str) -> Key:
    """Revoke a key for good; BadInput where there is none. The second time changes nothing."""
    key = await _get(store, id_)
    statement = (
        update(keys)
        .where(keys.c.id == key.id)
        .values(revoked_at=func.coalesce(keys.c.revoked_at, db_now()))
    )
    await store.write_row(statement)
    return await _get(store, id_)


def check_owner(owner: str) -> None:
    """Refuse a name that no account may have."""
    if not _OWNER.fullmatch(owner):
        raise BadInput(
            "owner",
            f"got {owner[:80]!r}, wanted up to 64 of letters, digits and . _ @ -",
            f"{owner[:80]!r}는 쓸 수 없습니다. 영문자, 숫자와 . _ @ - 로 64자까지입니다",
        )


async def _get(store: Store, id_: str) -> Key:
    row = (await store.read(select(keys).where(keys.c.id == id_))).one_or_none()
    if row is None:
        raise BadInput(
            "key",
            f"there is no key `{id_[:80]}`; `fabula keys list` lists them",
            f"`{id_[:80]}` 키가 없습니다. `fabula keys list`로 목록을 보세요",
        )
    return _key(row)


def _check(name: str, rate: float | None) -> None:
    if len(name) > _NAME_LENGTH or any(ord(one) < ord(" ") for one in name):
        raise BadInput(
            "name",
            f"wanted at most {_NAME_LENGTH} characters on one line",
            f"한 줄로 {_NAME_LENGTH}자까지입니다",
        )
    if rate is not None and not 0 < rate <= _MOST_RATE:
        raise BadInput(
            "rate",
            f"got {rate:g}, wanted more than 0 and at most 1,000,000 requests a minute",
            f"{rate:g}은 쓸 수 없습니다. 분당 0보다 크고 1,000,000 이하여야 합니다",
        )


def _key(row: Any) -> Key:
    names = Key.__dataclass_fields__
    return Key(**{name: getattr(row, name) for name in names})


def _hash(secret: str) -> str:
    # Plain SHA-256 is right here: 256 random bits cannot be guessed, however fast the hash. Slow
    # hashes are for what people make up.
    return hashlib.sha256(secret.encode()).hexdigest()
