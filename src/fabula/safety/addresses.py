"""Which hosts of the web may be asked: public ones, written in the ordinary way.

The tables are our own: what `ipaddress` calls global differs between Python versions, and on 3.11
it holds NAT64 (64:ff9b::/96), 6to4 and multicast addresses for public.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NOT_PUBLIC_4 = tuple(
    ip_network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure answers its machines here
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_UNICAST_6 = ip_network("2000::/3")
"""Everything outside is local, mapped, translated (64:ff9b::), multicast or not given out."""
_NOT_PUBLIC_6 = tuple(
    ip_network(net)
    for net in (
        "2001::/23",  # Teredo, ORCHID and their like carry other addresses
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address
        "3fff::/20",
    )
)
_LOCAL_NAMES = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_MOST_NAME = 253


def is_public(address: str) -> bool:
    """Say whether an IP address belongs to the public internet; what is none does not."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in _NOT_PUBLIC_4)
    # A zone (fe80::1%eth0) names an interface of this machine.
    if ip.scope_id is not None or ip not in _UNICAST_6:
        return False
    return not any(ip in net for net in _NOT_PUBLIC_6)


def as_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host is, in its one ordinary spelling; None for a name.

    ValueError for a number that only some resolvers take for an address: 2130706433, 0x7f000001,
    0177.0.0.1, 127.1.
    """
    if ":" in host:
        return ip_address(host)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return IPv4Address(host)
    return None


def is_name(host: str) -> bool:
    """Say whether a host is a well-formed name (punycode, no trailing dot)."""
    return len(host) <= _MOST_NAME and all(_LABEL.fullmatch(part) for part in host.split("."))


def is_local_name(host: str) -> bool:
    """Say whether a name can only mean this machine or this network."""
    return "." not in host or any(host == one or host.endswith(f".{one}") for one in _LOCAL_NAMES)
