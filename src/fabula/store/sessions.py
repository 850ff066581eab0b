"""What a browser's session is signed with: the hash of the key that it was opened with.

A session ends with its key, and every process that reads the database knows both.
"""

from __future__ import annotations

from sqlalchemy import select

from fabula.store.engine import Store
from fabula.store.keys import Key
from fabula.store.tables import keys


async def signing_key(store: Store, id_: str) -> tuple[Key, bytes] | None:
    """Return a key that counts, and the secret that its sessions are signed with."""
    query = select(keys).where(keys.c.id == id_, keys.c.revoked_at.is_(None))
    row = (await store.read(query)).one_or_none()
    if row is None:
        return None
    key = Key(**{name: getattr(row, name) for name in Key.__dataclass_fields__})
    return key, bytes.fromhex(row.hash)
