"""Where outgoing webhooks may go: public addresses by HTTPS, and what the operator's own networks were opened to.

A subscriber's URL is a stranger's wish that our machine connect somewhere. So the URL is read by one narrow pattern and
by nothing else, the host is resolved once, every address that it has is looked at, and what is dialled is the address
that was looked at: a second answer of the name server (DNS rebinding) is never asked for.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from python_nodes.errors import PermanentError, RetryableError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""Tells all addresses of a host; raises OSError where it has none."""
MOST_CHARACTERS = 2000

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_URL = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://"
    rf"(?:\[(?P<six>[0-9A-Fa-f:.]{{2,45}})\]|(?P<host>{_LABEL}(?:\.{_LABEL})*)\.?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)",
)
# What `ipaddress` calls global and is not, or hides another address that nobody looked at.
_REFUSED_4 = tuple(
    ipaddress.IPv4Network(one)
    for one in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")  # the last: Azure's own services
)
_REFUSED_6 = tuple(ipaddress.IPv6Network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A subscriber's URL in its parts; ``host`` is a plain name or an address, ``target`` what follows it."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    target: str

    @property
    def is_usual(self) -> bool:
        """Tell whether the scheme is the one that strangers may use."""
        return self.scheme == "https"


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the machine's own resolver for every address of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def read(url: str) -> Place:
    """Read a URL, or refuse it with 422: no user, no fragment, no unicode, no number in place of a name."""
    found = _URL.fullmatch(url) if len(url) <= MOST_CHARACTERS else None
    if found is None:
        raise _refused(
            "must be https://host/path in plain ASCII: a name in its xn-- form, without user, password and fragment"
        )
    scheme: Literal["http", "https"] = "https" if found["scheme"].lower() == "https" else "http"
    port = int(found["port"]) if found["port"] else 443 if scheme == "https" else 80
    if not 1 <= port <= 65535:
        raise _refused("has a port that does not exist")
    target = found["target"] if found["target"].startswith("/") else f"/{found['target']}"
    return Place(scheme=scheme, host=_host((found["host"] or "").lower(), found["six"]), port=port, target=target)


def _host(name: str, six: str | None) -> str:
    try:
        if six is not None:
            return str(ipaddress.IPv6Address(six))
        # Some programs read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses: we read four plain numbers only.
        last = name.rpartition(".")[2]
        return str(ipaddress.IPv4Address(name)) if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last) else name
    except ValueError:
        raise _refused("has an address that is not written as four numbers or as IPv6") from None


def _refused(why: str) -> PermanentError:
    return PermanentError(f"url {why}", status=422, field="url")


def is_public(address: Address) -> bool:
    """Tell whether an address is a machine on the Internet, and no network's own, reserved, or another in disguise."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped
        if within is None and address in _NAT64:
            within = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if within is not None:
            return is_public(within)
        return address.is_global and address in _UNICAST_6 and not any(address in one for one in _REFUSED_6)
    unfit = address.is_multicast or address.is_reserved or any(address in one for one in _REFUSED_4)
    return address.is_global and not unfit


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Which addresses may be called: public ones by HTTPS on ``ports``, those within ``networks`` in any way."""

    ports: frozenset[int] = frozenset({443})
    networks: tuple[Network, ...] = ()
    resolver: Resolver = resolve

    def addresses(self, place: Place) -> list[str]:
        """Resolve once and return what may be dialled; one address that may not refuses the whole host.

        Raises PermanentError (422) where it may not be called, RetryableError where it has no address now.
        """
        try:
            told = [ipaddress.ip_address(one) for one in self.resolver(place.host, place.port)]
        except (OSError, UnicodeError) as error:
            raise RetryableError(f"url: its host has no address now ({type(error).__name__})") from None
        except ValueError:
            # An address with a zone, such as fe80::1%eth0, is one network's own.
            raise _refused("leads to an address that is not public") from None
        if not told:
            raise RetryableError("url: its host has no address now")
        if not all(self._is_open(one) for one in told):
            self._check_stranger(place, told)
        return [str(one) for one in told]

    def _is_open(self, address: Address) -> bool:
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self.networks if network.version == plain.version)

    def _check_stranger(self, place: Place, told: Iterable[Address]) -> None:
        if not place.is_usual:
            raise _refused("must begin with https://")
        if place.port not in self.ports:
            raise _refused(f"must use port {' or '.join(str(one) for one in sorted(self.ports))}")
        if not all(is_public(one) or self._is_open(one) for one in told):
            # Which address it was is nobody's business: it would tell what our name server knows.
            raise _refused("leads to an address that is not public")


def networks(told: str) -> tuple[Network, ...]:
    """Read a setting such as ``127.0.0.1/32,10.2.0.0/16``; raises ValueError naming what is none."""
    return tuple(ipaddress.ip_network(one.strip()) for one in told.split(",") if one.strip())
