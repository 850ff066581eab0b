from __future__ import annotations

from pathlib import Path

import pytest

from fabula.errors import BadInput
from fabula.settings import Settings, flag_environment, flag_variables, parse_yaml, read_yaml


def config(tmp_path: Path, text: str) -> Path:
    (tmp_path / "settings.yaml").write_text(text)
    return tmp_path


def test_environment_wins_over_yaml_and_arguments_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = config(tmp_path, "profile: local\ntransport_tries: 2\nlease_s: 9\n")
    monkeypatch.setenv("FABULA_TRANSPORT_TRIES", "3")
    monkeypatch.setenv("FABULA_LEASE_S", "8")
    settings = Settings.load(config_dir=folder, lease_s=7)
    assert (settings.profile, settings.transport_tries, settings.lease_s) == ("local", 3, 7)


def test_says_where_each_setting_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = config(tmp_path, "profile: local\nlease_s: 9\ntransport_tries: 2\n")
    monkeypatch.setenv("FABULA_LEASE_S", "8")
    monkeypatch.setenv("FABULA_TRANSPORT_TRIES", "3")
    monkeypatch.setenv("GEMINI_API_KEY", "some key")
    origins = Settings.load(config_dir=folder, transport_tries=7).origins()
    assert origins["config_dir"] == origins["transport_tries"] == "argument"
    assert origins["lease_s"] == origins["google_api_key"] == "environment"
    assert origins["profile"] == "settings.yaml"
    assert origins["openai_api_key"] == origins["offline_faults"] == "default"
    assert origins.keys() == Settings.model_fields.keys()


def test_an_empty_variable_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FABULA_PROFILE", "FABULA_LEASE_S", "OPENAI_API_KEY", "FABULA_SITE_URL"):
        monkeypatch.setenv(name, "")
    settings = Settings.load(config_dir=config(tmp_path, "lease_s: 4\n"))
    assert (settings.profile, settings.lease_s) == ("offline", 4)
    assert (settings.openai_api_key, settings.site_url) == (None, None)
    assert settings.origins()["lease_s"] == "settings.yaml"


def test_an_unknown_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABULA_PROFIL", "local")
    with pytest.raises(BadInput, match="FABULA_PROFIL"):
        Settings.load()


@pytest.mark.parametrize(
    ("text", "field"),
    [("profil: local", "profil"), ("lease_s: fast", "lease_s"), ("- 1", "settings.yaml")],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(BadInput, match=field):
        Settings.load(config_dir=config(tmp_path, text))


def test_secrets_do_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    settings = Settings.load()
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-very-secret"
    assert "very-secret" not in repr(settings)


def test_flags_are_read_under_both_names_and_the_own_prefix_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: dict[str, tuple[str, ...]] = {"mode": ("MAGAZINE_PIPELINE_MODE",), "writers": ()}
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "single_call")
    monkeypatch.setenv("MAGAZINE_WRITERS", "5")
    monkeypatch.setenv("FABULA_MAGAZINE_WRITERS", "2")
    assert flag_environment("magazine", names) == {"mode": "single_call", "writers": "2"}
    assert flag_variables("magazine", names) == {
        "mode": "MAGAZINE_PIPELINE_MODE",
        "writers": "FABULA_MAGAZINE_WRITERS",
    }
    monkeypatch.setenv("FABULA_MAGAZINE_WRITERS", " ")
    assert flag_environment("magazine", names)["writers"] == "5"
    monkeypatch.setenv("FABULA_MAGAZINE_WRITER", "2")
    with pytest.raises(BadInput, match="FABULA_MAGAZINE_WRITER"):
        flag_environment("magazine", names)


@pytest.mark.parametrize("text", ["date: 2026-13-40", "a: " + "[" * 3000, "a: [", "a: &x 1\nb: *x"])
def test_yaml_that_cannot_be_read_names_its_file(text: str) -> None:
    with pytest.raises(BadInput, match=r"brief\.yaml"):
        parse_yaml(text, name="brief.yaml")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://example.com", "https://example.com/"),
        (" http://127.0.0.1:8080/blog// ", "http://127.0.0.1:8080/blog/"),
        ("https://한글.example/봄", "https://한글.example/봄/"),
        ("", None),
    ],
)
def test_a_sites_address_ends_with_a_slash(
    monkeypatch: pytest.MonkeyPatch, given: str, read: str | None
) -> None:
    monkeypatch.setenv("FABULA_SITE_URL", given)
    assert Settings.load().site_url == read


@pytest.mark.parametrize(
    "given", ["http://:word@x:6379", "localhost:6379", "redis://", "redis://:word@:6379", "[word"]
)
def test_what_is_no_address_of_a_redis_is_refused_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("FABULA_REDIS_URL", given)
    with pytest.raises(BadInput) as caught:
        Settings.load()
    assert caught.value.field == "environment FABULA_REDIS_URL"
    assert "redis://host:6379/0" in caught.value.en
    assert "word" not in f"{caught.value.en} {caught.value.ko}"


@pytest.mark.parametrize(
    "given", ["redis://localhost", "rediss://:word@host:6380/2", "unix:///run/redis.sock", ""]
)
def test_an_address_of_a_redis_is_taken(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("FABULA_REDIS_URL", given)
    found = Settings.load().redis_url
    assert (found.get_secret_value() if found else "") == given


@pytest.mark.parametrize(
    "given",
    [
        *("example.com", "ftp://example.com", "javascript:alert(1)", "https://", "http:///a"),
        *("https://a.b/?q=1", "https://a.b/#c", "https://a.b:99999", 'https://a.b/"><script>'),
        *("https://a.b/ c", "https://me:secret@a.b", "https://[a", "/blog"),
    ],
)
def test_what_is_no_sites_address_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("FABULA_SITE_URL", given)
    with pytest.raises(BadInput) as caught:
        Settings.load()
    assert caught.value.field == "environment FABULA_SITE_URL"
    assert "https://example.com/magazine" in caught.value.en
    assert "http(s) 주소" in caught.value.ko
    assert "secret" not in caught.value.en


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("127.0.0.1:18083", ("127.0.0.1:18083",)),
        ("wiki.corp, 10.0.0.5:8080,", ("wiki.corp", "10.0.0.5:8080")),
        ('["wiki.corp", "10.0.0.5:8080"]', ("wiki.corp", "10.0.0.5:8080")),
        ("[::1]:8080", ("[::1]:8080",)),
        ("[]", ()),
        (" ", ()),
    ],
)
def test_hosts_are_written_with_commas_or_as_json(
    monkeypatch: pytest.MonkeyPatch, given: str, read: tuple[str, ...]
) -> None:
    monkeypatch.setenv("FABULA_FETCH_PRIVATE_HOSTS", given)
    assert Settings.load().fetch_private_hosts == read


def test_one_host_is_enough_in_yaml_too(tmp_path: Path) -> None:
    settings = Settings.load(config_dir=config(tmp_path, "fetch_private_hosts: wiki.corp:80\n"))
    assert settings.fetch_private_hosts == ("wiki.corp:80",)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("FABULA_TRANSPORT_TRIES", "x", "정수여야 합니다"),
        ("FABULA_TRANSPORT_TRIES", "21", "20 이하여야 합니다"),
        ("FABULA_LEASE_S", "0", "0.1보다 커야 합니다"),
        ("FABULA_LEASE_S", "fast", "수여야 합니다"),
        ("FABULA_ARTIFACTS_URL", "s3://bucket", "file:// 주소여야 합니다"),
        ("FABULA_FETCH_PRIVATE_HOSTS", '["http://x/"]', "`호스트:포트`"),
        ("FABULA_FETCH_PRIVATE_HOSTS", '["a", ', "`호스트:포트`"),
        ("FABULA_FETCH_PRIVATE_HOSTS", "[1]", "`호스트:포트`"),
        ("FABULA_KOREAN_ANALYZER", "mecab", "다음 가운데 하나여야 합니다"),
        ("FABULA_FLAGS", "{", "제품별"),
        ("FABULA_CONFIG_DIR", "/nonexist", "폴더가 아닙니다"),
    ],
)
def test_a_wrong_variable_is_named_with_value_and_way_out(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput) as caught:
        Settings.load()
    error = caught.value
    assert error.field.startswith(f"environment {name}")
    # Of a list the first wrong part is shown.
    part = "http://x/" if "http" in value else value.strip("[], ").partition(",")[0]
    assert part in error.en
    assert part in error.ko
    assert wanted in error.ko
    assert ("without it the default" in error.en) or ("leave it out" in error.en)
    assert "지우" in error.ko


def test_a_wrong_secret_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABULA_WEBHOOK_SECRET", "short-secret")
    with pytest.raises(BadInput) as caught:
        Settings.load()
    assert caught.value.field == "environment FABULA_WEBHOOK_SECRET"
    assert "short-secret" not in caught.value.en + caught.value.ko
    monkeypatch.delenv("FABULA_WEBHOOK_SECRET")
    with pytest.raises(BadInput) as caught:
        Settings.load(config_dir=config(tmp_path, "openai_api_key: 12345\n"))
    assert caught.value.field == "settings.yaml: openai_api_key"
    assert "12345" not in caught.value.en + caught.value.ko


def test_a_wrong_argument_is_named_as_such() -> None:
    with pytest.raises(BadInput, match=r"^setting lease_s: got `0`"):
        Settings.load(lease_s=0)


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "brief.yaml").write_text("angle: 골목\nposts:\n  - {id: a}\nangle: 길\n", "utf-8")
    with pytest.raises(BadInput, match=r"`angle` is there twice \(line 4\)"):
        read_yaml(tmp_path / "brief.yaml")
