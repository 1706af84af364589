# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of manifests does not concern services here: passed over, with a line for each reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, TypeVar

from ..problems import some
from ..values import OfIPv6

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    #: Gets the reason for which something of one document is passed over.
    Pass = Callable[[str], None]

EXTERNAL_NAMES = "services of type ExternalName, which are a matter of DNS"
IPV6_SERVICES = "services of IPv6 alone"
IPV6_ADDRESSES = "addresses of IPv6, which services here do not have"
IPV6_RANGES = "source ranges of IPv6 that stand alone, so that no client from outside is let in"
OTHER_SLICES = "EndpointSlices of another type than IPv4"
WITHOUT_SERVICE = "EndpointSlices without the label kubernetes.io/service-name"
SCTP_SERVICES = "services of SCTP alone, which is not balanced"
SCTP_PORTS = "ports of SCTP, which is not balanced"

_T = TypeVar("_T")


def of_ipv4(given: Iterable[_T | OfIPv6], pass_over: Pass) -> Iterator[_T]:
    """Yield what is not of IPv6; what is, is passed over."""
    for each in given:
        if isinstance(each, OfIPv6):
            pass_over(IPV6_ADDRESSES)
        else:
            yield each


def warnings(names: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield a line for each reason.

    :param names: kind and name of the documents, by the reason.
    """
    for reason, whose in names.items():
        yield f"Passed over are {reason}: {some(list(dict.fromkeys(whose)))}."
