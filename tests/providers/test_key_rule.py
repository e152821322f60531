"""The key rule: a key goes unasked only where it belongs, by the host that a client would reach."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from urllib3.util import parse_url
from yarl import URL

from experiment.definition import ProviderFields, check_base_url
from providers.addresses import find_host, find_service, is_loopback, is_unencrypted
from providers.key_rule import find_key_to_confirm, goes_as_built_in, list_keys_to_confirm
from providers.registry import builtin_providers, list_changed_fields, load_providers

HERE = "http://127.0.0.1:8000/v1"
AWAY = "https://helper.example/v1"

LOOPBACK = [
    "http://localhost",
    "http://localhost:8000/v1",
    "http://LocalHost/v1",
    "http://lab.localhost:1/v1",
    "http://127.0.0.1/v1",
    "http://127.1.2.3:9/v1",
    "http://[::1]:8000/v1",
    "http://[0:0:0:0:0:0:0:1]/v1",
    "https://localhost/v1",
]
ELSEWHERE = [
    "http://localhost.evil.com/v1",
    "http://evil-localhost/v1",
    "http://localhostx/v1",
    "http://127.0.0.1.evil.com/v1",
    "http://localhost./v1",
    "http://127.0.0.1./v1",
    "http://2130706433/v1",
    "http://0x7f000001/v1",
    "http://0x7f.0.0.1/v1",
    "http://0177.0.0.1/v1",
    "http://127.1/v1",
    "http://0.0.0.0/v1",
    "http://128.0.0.1/v1",
    "http://[::]/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "http://[::ffff:8.8.8.8]/v1",
    "http://[2001:db8::1]/v1",
    "http://xn--lclhst-8va2c.example/v1",
    "https://api.openai.com/v1",
]
REFUSED = [
    "http://127.0.0.1@evil.com/v1",
    "http://user:password@localhost/v1",
    "http://localhost:80@evil.com/v1",
    "http://localhost\\@evil.com/v1",
    "http://evil.com\\.localhost/v1",
    "http://localhost\t.evil.com/v1",
    "http://localhost\n/v1",
    "http://localhost/v1\r\nX-A: b",
    "http://local host/v1",
    " http://localhost/v1",
    "http://localhost/v1 ",
    "http://localhost/\x1b[2J",
    "http://localhost/\u202ev1",
    "http://ｌｏｃａｌｈｏｓｔ/v1",
    "http://１２７.0.0.1/v1",
    "http://localhost。evil.com/v1",
    "http://exämple.com/v1",
    "http://localhost/v1?key=1",
    "http://localhost?@evil.com",
    "http://localhost#@evil.com/v1",
    "http://localhost/v1#x",
    "http://",
    "http:///v1",
    "http://:80/v1",
    "http://localhost:/v1",
    "http://localhost:99999/v1",
    "http://localhost:0/v1",
    "http://localhost:80:80/v1",
    "http://localhost:8x/v1",
    "http://[::1/v1",
    "http://::1]/v1",
    "http://::1/v1",
    "http://[::1]evil.com/v1",
    "http://[fe80::1%25eth0]/v1",
    "http://.localhost/v1",
    "http://a..localhost/v1",
    "http://localhost%2eevil.com/v1",
    "http://%6cocalhost/v1",
    "http://localhost/v1%zz",
    "http://localhost/{model}",
    "ftp://localhost/v1",
    "file:///etc/passwd",
    "HTTP://localhost/v1",
    "//localhost/v1",
    "localhost:8000/v1",
    "http://" + "a" * 3_000,
]  # fmt: skip


@pytest.mark.parametrize("url", LOOPBACK)
def test_this_machine_by_its_own_names_is_loopback(url):
    assert check_base_url(url) == url
    assert is_loopback(url)
    assert not is_unencrypted(url)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_what_only_a_resolver_could_lead_here_is_elsewhere(url):
    assert check_base_url(url) == url
    assert not is_loopback(url)
    assert is_unencrypted(url) == url.startswith("http:")


@pytest.mark.parametrize("url", [*LOOPBACK, *ELSEWHERE])
def test_both_http_clients_reach_the_host_that_is_judged(url):
    judged = as_reached(find_host(url))
    assert judged
    assert as_reached(URL(f"{url}/models").raw_host) == judged  # aiohttp's, which runs
    assert as_reached(parse_url(f"{url}/models").host) == judged  # requests', which counts


def as_reached(host: str) -> object:
    """Return a host as it is looked up; an IPv6 address however it is written."""
    bare = host.strip("[]").lower()
    return ip_address(bare) if ":" in bare else bare


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_clients_may_read_in_two_ways_is_refused(url):
    with pytest.raises(ValueError, match=r"."):
        check_base_url(url)
    assert find_host(url) == ""
    assert not is_loopback(url)


def added(url: str, variable: str | None = None, kind: str = "openai"):
    fields = ProviderFields(kind=kind, base_url=url, api_key_env=variable)
    return load_providers({"helper": fields})["helper"]


def changed(name: str, **fields: str):
    return load_providers({name: ProviderFields(**fields)})[name]


@pytest.mark.parametrize("name", sorted(builtin_providers()))
def test_a_built_in_provider_as_it_is_needs_no_confirmation(name):
    assert list_keys_to_confirm(builtin_providers()[name]) == ()
    assert goes_as_built_in(builtin_providers()[name])


@pytest.mark.parametrize(
    ("provider", "keys"),
    [
        (added(AWAY, "AWS_SECRET_ACCESS_KEY", "anthropic"), ("AWS_SECRET_ACCESS_KEY",)),
        (added(AWAY, "MY_LAB_KEY"), ("MY_LAB_KEY",)),
        (added(AWAY), ()),
        (changed("anthropic", base_url=AWAY), ("ANTHROPIC_API_KEY",)),
        (changed("deepinfra", api_key_env="OPENAI_API_KEY"), ("OPENAI_API_KEY",)),
        (changed("deepinfra", api_key_env="DEEPINFRA_TOKEN"), ()),
        (changed("deepinfra", base_url=AWAY), ("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN")),
        (changed("openai", api_key_env="MY_KEY"), ("MY_KEY",)),
        (changed("openai", base_url="https://eu.api.openai.com/v1"), ("OPENAI_API_KEY",)),
        (changed("openai", base_url="http://api.openai.com/v1"), ("OPENAI_API_KEY",)),
        (changed("openai", base_url="https://api.openai.com/v1"), ()),
        (changed("openai", base_url="https://api.openai.com.evil.com/v1"), ("OPENAI_API_KEY",)),
        (changed("vllm", base_url=AWAY, api_key_env="VLLM_KEY"), ("VLLM_KEY",)),
        (changed("aws", kind="openai", base_url=AWAY, api_key_env="X"), ("X",)),
        (added("https://api.openai.com/v1", "OPENAI_API_KEY"), ("OPENAI_API_KEY",)),
        # On this machine: a key of its own, or one that is not known to belong elsewhere.
        (added(HERE, "MY_LAB_KEY"), ()),
        (added(HERE), ()),
        (changed("openai", base_url=HERE), ()),
        (changed("vllm", api_key_env="VLLM_KEY"), ()),
        (changed("ollama", api_key_env="OPENAI_API_KEY"), ("OPENAI_API_KEY",)),
        (changed("deepinfra", base_url=HERE, api_key_env="MY_LAB_KEY"), ()),
        (changed("anthropic", base_url=HERE, api_key_env="OPENAI_API_KEY"), ("OPENAI_API_KEY",)),
        (added("http://2130706433/v1", "MY_LAB_KEY"), ("MY_LAB_KEY",)),
    ],
)  # fmt: skip
def test_which_keys_are_confirmed_first(provider, keys):
    assert list_keys_to_confirm(provider) == keys


@pytest.mark.parametrize(
    "variable",
    [
        "OPENAI_API_KEY", "openai_api_key", "OPENAI_ADMIN_KEY", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "GITHUB_TOKEN", "GH_TOKEN", "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN", "PGPASSWORD", "DATABASE_URL", "GOOGLE_APPLICATION_CREDENTIALS",
        "SLACK_BOT_TOKEN", "MY_DB_PASSWORD", "TOKEN", "_GITHUB_TOKEN", "AFCOST_LEDGER_KEY",
        "SSH_AUTH_SOCK", "APP_SECRET",
    ],
)  # fmt: skip
def test_a_known_secret_does_not_go_unasked_even_on_this_machine(variable):
    assert list_keys_to_confirm(added(HERE, variable)) == (variable,)


@pytest.mark.parametrize("variable", ["", "A B", "A=B", "1KEY", "KEY\n", "K\x1b[2J", "$HOME", "é"])
def test_a_variable_must_have_the_name_of_one(variable):
    with pytest.raises(ValueError, match="name of an environment variable"):
        ProviderFields(api_key_env=variable)


def test_a_built_in_provider_that_is_spoken_to_in_another_way_is_not_as_built_in():
    assert not goes_as_built_in(changed("openai", kind="anthropic"))
    assert list_changed_fields(changed("openai", kind="anthropic")) == ("kind",)
    assert goes_as_built_in(changed("anthropic", prefill="none"))
    assert list_changed_fields(added(HERE)) == ()


def test_only_the_key_that_would_go_is_asked_about(monkeypatch):
    elsewhere = changed("deepinfra", base_url=AWAY)
    for variable in elsewhere.api_key_env:
        monkeypatch.delenv(variable, raising=False)
    assert find_key_to_confirm(elsewhere) is None
    monkeypatch.setenv("DEEPINFRA_TOKEN", "x")
    assert find_key_to_confirm(elsewhere) == "DEEPINFRA_TOKEN"
    assert find_key_to_confirm(builtin_providers()["deepinfra"]) is None


@pytest.mark.parametrize(
    ("provider", "service"),
    [
        (builtin_providers()["openai"], "openai"),
        (builtin_providers()["vllm"], None),
        (changed("openai", base_url="https://eu.api.openai.com/v1"), "openai"),
        (changed("openai", base_url="https://API.OpenAI.com:443/v1/"), "openai"),
        (changed("openai", base_url="https://api.openai.com./v1"), "openai"),
        (changed("openai", base_url=HERE), None),
        (changed("openai", base_url=AWAY), None),
        (changed("together", base_url="https://us-api.together.xyz/v1"), "together"),
        (added("https://api.openai.com/v1"), "openai"),
        (added("https://notapi.openai.com.example/v1"), None),
        (changed("vllm", base_url="https://api.groq.com/openai/v1"), "groq"),
    ],
)
def test_whose_service_an_address_reaches(provider, service):
    assert find_service(provider) == service


@pytest.mark.parametrize("kind", ["google", "openai"])
def test_googles_key_goes_to_its_address_in_openais_form_as_well(kind):
    own = changed(
        "google",
        kind=kind,
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
    )
    assert list_keys_to_confirm(own) == ()
    assert goes_as_built_in(own) is (kind == "google")
    assert find_service(own) == "google"
