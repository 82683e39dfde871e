"""IP addresses: which are this machine's own, and which are the public internet's."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

#: All public addresses of IPv6 are in here; those that wrap an address of IPv4 mostly are not.
_PUBLIC_IPV6 = IPv6Network("2000::/3")
#: A public address that answers virtual machines of one cloud with what is theirs alone.
_PLATFORM = (IPv4Address("168.63.129.16"),)


def is_loopback(host: str) -> bool:
    """Whether an IP address is of 127.0.0.0/8 or ::1; no name is."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def is_local(server: tuple[str, int | None] | None) -> bool:
    """Whether a connection to ``server`` (of an ASGI scope) cannot have come from another machine.

    A server names the IP address that the caller reached. What is no IP address was reached by no network: a Unix
    socket's path, or the name in a test that calls the app in its own process.
    """
    if server is None:
        return False
    try:
        ip_address(server[0])
    except ValueError:
        return True
    return is_loopback(server[0])


def is_public(host: str) -> bool:
    """Whether an IP address is one of the public internet, and wraps no other address."""
    address = ip_address(host)
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_IPV6 or address.sixtofour or address.teredo):
        return False
    special = address.is_private or address.is_reserved or address.is_multicast or address.is_link_local
    return address.is_global and not special and address not in _PLATFORM
