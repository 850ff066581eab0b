from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from fabula.errors import BadInput
from fabula.store.engine import Store
from fabula.store.keys import (
    BOOTSTRAP,
    create_key,
    ensure_key,
    find_key,
    keys_in_use,
    list_keys,
    revoke_key,
)
from fabula.store.tables import keys

BOOTSTRAP_TOKEN = f"fab_bootstrap_{'0a' * 32}"


async def test_a_key_is_found_by_its_token_and_nothing_else(store: Store) -> None:
    key, token = await create_key(store, owner="ann", name="laptop", rate=30)
    assert await find_key(store, token) == key
    assert (key.owner, key.name, key.rate, key.revoked_at) == ("ann", "laptop", 30, None)
    last = "0" if token[-1] != "0" else "1"
    for wrong in ("", token[:-1], token[:-1] + last, token.upper(), f"{token} ", f"fab_{key.id}_"):
        assert await find_key(store, wrong) is None


async def test_the_database_holds_the_hash_alone(store: Store) -> None:
    key, token = await create_key(store, owner="ann")
    row = (await store.read(select(keys))).one()
    secret = token.rpartition("_")[2]
    assert row.hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in repr(row)
    assert secret not in repr(key)
    assert len(secret) == 64


async def test_a_revoked_key_is_none_and_still_counts_as_in_use(store: Store) -> None:
    assert await keys_in_use(store) is False
    key, token = await create_key(store, owner="ann")
    first = await revoke_key(store, key.id)
    assert first.revoked_at is not None
    assert await find_key(store, token) is None
    assert await keys_in_use(store) is True
    assert await revoke_key(store, key.id) == first


async def test_keys_are_listed_by_owner(store: Store) -> None:
    made = [(await create_key(store, owner=owner))[0] for owner in ("ann", "bob", "ann")]
    assert {one.id for one in await list_keys(store)} == {one.id for one in made}
    assert {one.id for one in await list_keys(store, "ann")} == {made[0].id, made[2].id}


async def test_the_settings_key_takes_its_new_secret_and_stays_revoked(store: Store) -> None:
    await ensure_key(store, BOOTSTRAP_TOKEN)
    await ensure_key(store, BOOTSTRAP_TOKEN)
    found = await find_key(store, BOOTSTRAP_TOKEN)
    assert found
    assert found.owner == BOOTSTRAP
    changed = f"fab_bootstrap_{'0b' * 32}"
    await ensure_key(store, changed)
    assert await find_key(store, BOOTSTRAP_TOKEN) is None
    await revoke_key(store, BOOTSTRAP)
    await ensure_key(store, BOOTSTRAP_TOKEN)
    assert await find_key(store, BOOTSTRAP_TOKEN) is None
    assert len(await list_keys(store)) == 1


@pytest.mark.parametrize("token", ["", "secret", "fab_other_" + "0a" * 32, "fab_bootstrap_short"])
async def test_a_weak_settings_key_is_refused_without_telling_it(store: Store, token: str) -> None:
    with pytest.raises(BadInput, match="bootstrap_key") as raised:
        await ensure_key(store, token)
    assert not token or token not in raised.value.en


@pytest.mark.parametrize("owner", ["", "a b", "a/b", "-x", "a" * 65, "../x", "가"])
async def test_an_odd_owner_is_refused(store: Store, owner: str) -> None:
    with pytest.raises(BadInput, match="owner"):
        await create_key(store, owner=owner)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
async def test_a_rate_that_is_none_is_refused(store: Store, rate: float) -> None:
    with pytest.raises(BadInput, match="rate"):
        await create_key(store, owner="ann", rate=rate)


async def test_an_unknown_key_is_not_revoked(store: Store) -> None:
    with pytest.raises(BadInput, match="no key `nothing`"):
        await revoke_key(store, "nothing")
