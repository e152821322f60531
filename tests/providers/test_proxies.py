"""Which proxy requests go through, by the variables of the environment."""

import pytest

from providers.errors import BadProxy
from providers.proxies import find_proxy
from providers.secrets import redact_message

OPENAI, OWN = "https://api.openai.com/v1", "http://vllm.lab.example:8000/v1"
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def set_variables(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_variables


def shown(url):
    proxy = find_proxy(url)
    return proxy and proxy.shown


@pytest.mark.parametrize(
    ("variables", "of_openai", "of_own"),
    [
        ({}, None, None),
        ({"HTTPS_PROXY": "http://p:3128"}, "http://p:3128", None),
        ({"HTTP_PROXY": "http://p:3128"}, None, "http://p:3128"),
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://a:1", None),
        ({"https_proxy": "", "HTTPS_PROXY": "http://b:1"}, None, None),
        ({"ALL_PROXY": "http://p:1"}, "http://p:1", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:1"}, "http://q:1", "http://p:1"),
        ({"HTTPS_PROXY": "proxy.example:8080"}, "http://proxy.example:8080", None),
        ({"HTTPS_PROXY": "https://p"}, "https://p", None),
        ({"HTTPS_PROXY": " http://[::1]:3128/ "}, "http://[::1]:3128", None),
        ({"HTTP_PROXY": "http://evil:1", "REQUEST_METHOD": "GET"}, None, None),
        ({"http_proxy": "http://p:1", "REQUEST_METHOD": "GET"}, None, "http://p:1"),
    ],
)
def test_the_variable_of_the_scheme_decides(environment, variables, of_openai, of_own):
    environment(**variables)
    assert (shown(OPENAI), shown(OWN)) == (of_openai, of_own)


@pytest.mark.parametrize(
    ("listed", "url", "goes_direct"),
    [
        ("*", OPENAI, True),
        ("api.openai.com", OPENAI, True),
        ("openai.com", OPENAI, True),
        (".openai.com", OPENAI, True),
        ("*.openai.com", OPENAI, True),
        ("a.example, OPENAI.com", OPENAI, True),
        ("vllm.lab.example:8000", OWN, True),
        ("vllm.lab.example:9000", OWN, False),
        ("penai.com", OPENAI, False),
        ("openai.com.evil.example", OPENAI, False),
        ("", OPENAI, False),
        (",", OPENAI, False),
        ("10.0.0.0/8", "http://10.1.2.3:8000/v1", True),
        ("10.1.2.3", "http://10.1.2.3:8000/v1", True),
        ("10.0.0.0/8", "http://11.1.2.3:8000/v1", False),
        ("fd00::/8", "http://[fd00::1]:8000/v1", True),
    ],
)
def test_no_proxy_names_hosts_domains_addresses_and_ranges(environment, listed, url, goes_direct):
    environment(HTTP_PROXY="http://p:1", HTTPS_PROXY="http://p:1", NO_PROXY=listed)
    assert (find_proxy(url) is None) is goes_direct


def test_no_proxy_in_lower_case_comes_first(environment):
    environment(HTTPS_PROXY="http://p:1", NO_PROXY="*", no_proxy="other.example")
    assert find_proxy(OPENAI)


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "127.3.2.1", "[::1]:8000"])
def test_requests_to_this_machine_go_through_no_proxy(environment, host):
    environment(HTTP_PROXY="http://p:1", ALL_PROXY="http://p:1")
    assert find_proxy(f"http://{host}/v1") is None


@pytest.mark.parametrize(
    ("value", "url", "secret"),
    [
        ("http://me:s3cr3t-w0rd@p:1", "http://me:s3cr3t-w0rd@p:1", "s3cr3t-w0rd"),
        ("me:s3cr3t%2Dw0rd@p:1", "http://me:s3cr3t%2Dw0rd@p:1", "s3cr3t-w0rd"),
        ("http://token-0123456789@p:1", "http://token-0123456789@p:1", "token-0123456789"),
    ],
)
def test_the_password_of_a_proxy_goes_with_it_and_is_said_nowhere(environment, value, url, secret):
    environment(HTTPS_PROXY=value)
    proxy = find_proxy(OPENAI)
    assert (proxy.url, proxy.shown) == (url, "http://p:1")
    assert secret not in redact_message(f"407 for {secret}")


@pytest.mark.parametrize(
    "value",
    ["socks5://p:1080", "http://", "http://p:port", "http://p:99999", "ftp://p", "http://[::1"],
)
def test_a_proxy_that_cannot_be_used_is_refused_by_its_variable(environment, value):
    environment(HTTPS_PROXY=value)
    with pytest.raises(BadProxy, match=r"^HTTPS_PROXY is no proxy .* NO_PROXY"):
        find_proxy(OPENAI)
    assert find_proxy(OWN) is None


def test_a_refused_proxy_does_not_show_its_password(environment):
    environment(HTTPS_PROXY="socks5://me:s3cr3t-w0rd@p:1080")
    with pytest.raises(BadProxy) as refused:
        find_proxy(OPENAI)
    assert "s3cr3t" not in str(refused.value)
