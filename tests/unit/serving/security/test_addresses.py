import pytest

from serving.security.addresses import is_local, is_loopback, is_public


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_loopback_addresses_are_this_machines(address: str) -> None:
    assert is_loopback(address)
    assert is_local((address, 3000))


@pytest.mark.parametrize("address", ["::", "10.0.0.1", "192.168.1.1", "8.8.8.8", "::ffff:10.0.0.1", "fd00::2"])
def test_other_addresses_are_not(address: str) -> None:
    assert not is_loopback(address)
    assert not is_local((address, 3000))


def test_what_no_network_reaches_is_local_and_what_is_unknown_is_not() -> None:
    assert is_local(("/run/memeguard.sock", None))
    assert is_local(("testserver", 80))
    assert not is_local(None)
    assert not is_loopback("localhost")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:8.8.8.8",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_addresses_of_no_public_machine_are_not_public(address: str) -> None:
    assert not is_public(address)
