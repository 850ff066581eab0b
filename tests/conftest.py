"""What every test stands on: a data folder of its own and an environment that says nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from fabula.testing.servers import PostgresServer, RedisServer, ServerMissing

CLEARED = ("FABULA_", "OPENAI_", "GOOGLE_", "GEMINI_", "MAGAZINE_", "LANGCHAIN_", "LANGSMITH_")

# How long an example takes says more of the machine than of the code.
hypothesis_settings.register_profile("fabula", deadline=None)
hypothesis_settings.load_profile("fabula")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear everything that settings or a provider's client would read."""
    for name in [name for name in os.environ if name.upper().startswith(CLEARED)]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def fabula_home(
    bare_environment: None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Point FABULA_HOME at a fresh folder, so that no test touches the user's own data."""
    home = tmp_path_factory.mktemp("fabula-home")
    monkeypatch.setenv("FABULA_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Start the Redis that the tests share; a test that stops it takes one of its own."""
    try:
        server = RedisServer()
    except ServerMissing as missing:
        pytest.skip(missing.en)
    with server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Empty the shared Redis and say where it is."""
    from redis import Redis

    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start the PostgreSQL that the tests share; a test that stops it takes one of its own."""
    try:
        server = PostgresServer()
    except ServerMissing as missing:
        pytest.skip(missing.en)
    with server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """Make the tables once, for each test's own database to be copied from."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from fabula.store.engine import create_or_check

    url = postgres_server.create_database("template_of_tests")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.begin() as connection:
        create_or_check(connection)
    return "template_of_tests"


_NUMBERS = count(1)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Make a database with empty tables and say where it is."""
    name = f"test_{next(_NUMBERS)}"
    yield postgres_server.create_database(name, template=postgres_template)
    postgres_server.drop_database(name)


@pytest.fixture
def bare_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Make a database without any table and say where it is."""
    name = f"bare_{next(_NUMBERS)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Name each database that the store runs on; None is SQLite in the settings' own home."""
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
