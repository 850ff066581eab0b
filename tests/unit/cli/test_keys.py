from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
SECRET = "a-secret-of-the-operators-own"


def test_a_key_is_shown_once_and_listed_without_its_secret(fabula_: Command) -> None:
    made = fabula_("keys", "create", "--owner", "ann", "--name", "노트북", "--rate", 30)
    token = made.out.strip()
    id_, secret = token.split("_")[1:]
    assert (made.code, token.startswith("fab_"), len(secret)) == (0, True, 64)
    listed = fabula_("keys", "list")
    assert id_ in listed.out
    assert "노트북" in listed.out
    assert secret not in listed.out + made.err
    (row,) = fabula_("keys", "list", "--json").json
    assert (row["id"], row["owner"], row["rate"], "hash" in row) == (id_, "ann", 30, False)


def test_a_revoked_key_says_since_when(fabula_: Command) -> None:
    made = fabula_("keys", "create", "--owner", "ann", "--json").json
    assert made["key"].startswith(f"fab_{made['id']}_")
    assert fabula_("keys", "revoke", made["id"]).code == 0
    (row,) = fabula_("keys", "list", "--owner", "ann", "--json").json
    assert row["revoked_at"] >= row["created_at"]
    assert fabula_("keys", "list", "--owner", "bob", "--json").json == []
    assert fabula_("keys", "revoke", "nothing").code == 2


def test_each_owner_has_a_webhook_secret_of_its_own(
    fabula_: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = fabula_("keys", "webhook-secret", "--owner", "ann")
    assert (refused.code, "FABULA_WEBHOOK_SECRET" in refused.err) == (2, True)
    monkeypatch.setenv("FABULA_WEBHOOK_SECRET", SECRET)
    ann, bob = (fabula_("keys", "webhook-secret", "--owner", who).out for who in ("ann", "bob"))
    assert ann == fabula_("keys", "webhook-secret", "--owner", "ann").out != bob
    assert ann.startswith("whsec_")
    assert SECRET not in ann + bob


def test_a_projects_number_is_set_and_listed(fabula_: Command, fabula_home: Path) -> None:
    done = fabula_("projects", "set", "book", "--concurrency", 2, "--owner", "ann")
    assert (done.code, "ann/book: 2" in done.out) == (0, True)
    (row,) = fabula_("projects", "list", "--json").json
    assert row == {"owner": "ann", "name": "book", "parts": 0, "concurrency": 2}
    fabula_("projects", "set", "book", "--owner", "ann")
    assert fabula_("projects", "list", "--json").json[0]["concurrency"] is None
    assert "제한 없음" in fabula_("projects", "list").out
