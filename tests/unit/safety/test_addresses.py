from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from fabula.safety.addresses import as_address, is_local_name, is_name, is_public

NOT_PUBLIC = (
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:2800:220::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
    "",
)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_local_reserved_or_translated_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:2800:220:1::1", "2a00:1450::5"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "1.2.3.4.5",
        "08.1.1.1",
    ],
)
def test_an_address_spelled_oddly_is_refused_whatever_it_means(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        as_address(host)


def test_an_address_and_a_name_are_told_apart() -> None:
    assert as_address("127.0.0.1") == IPv4Address("127.0.0.1")
    assert as_address("::1") == IPv6Address("::1")
    assert as_address("example.com") is None
    assert as_address("1.example.com") is None


@pytest.mark.parametrize("host", ["example.com", "xn--bj0bj06e.com", "a_b.example.co.kr"])
def test_public_names(host: str) -> None:
    assert is_name(host)
    assert not is_local_name(host)


@pytest.mark.parametrize(
    "host", ["", "a..b", "-a.com", "a-.com", "a%00.com", "a b.com", f"{'a' * 64}.com", "a." * 130]
)
def test_malformed_names(host: str) -> None:
    assert not is_name(host)


@pytest.mark.parametrize(
    "host", ["localhost", "db", "a.localhost", "printer.local", "metadata.google.internal"]
)
def test_names_of_this_machine_and_network(host: str) -> None:
    assert is_local_name(host)
