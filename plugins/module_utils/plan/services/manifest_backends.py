# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backends of services out of Kubernetes' EndpointSlices and Endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...services import words
from .. import values
from ..values import Field, OfIPv6
from . import passed
from .model import Backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .passed import Pass

OF_SERVICE = "kubernetes.io/service-name"

NAMESPACE = Field(values.dns_label, "default")
_METADATA = {
    "name": Field(values.object_name, needed="a DNS-1123 name such as web"),
    "namespace": NAMESPACE,
}


class Backends:
    """What one EndpointSlice or Endpoints says of a service."""

    def __init__(self, service: str, whose: str, backends: list[Backend]) -> None:
        """Take the full name of the service, what the manifest is, and the backends."""
        self.service, self.whose, self.backends = service, whose, backends


def _slice_port(
    *, name: str, port: int | None, protocol: str
) -> tuple[tuple[str, str], int | None]:
    return (name, protocol), port


_SLICE_PORTS = values.list_of(
    values.excerpt(
        _slice_port,
        {
            "name": Field(values.label, ""),
            "port": Field(values.port),
            # A slice may hold ports of a protocol that its service is not balanced for.
            "protocol": Field(values.words, values.PROTOCOLS[0]),
        },
    )
)


def _state(*, ready: bool | None, serving: bool, terminating: bool) -> str:
    """Return the state that conditions mean; ready where nothing is said of it.

    One that terminates is ready where its service publishes those that are not, and says so.
    """
    if ready or (ready is None and not terminating):
        return words.ACTIVE
    return words.TERMINATING if terminating and serving else words.QUARANTINED


_CONDITIONS = values.excerpt(
    _state,
    {
        "ready": Field(values.truth),
        "serving": Field(values.truth, default=True),
        "terminating": Field(values.truth, default=False),
    },
)
_SLICE_METADATA = values.excerpt(
    dict,
    {
        **_METADATA,
        "labels": Field(
            values.excerpt(dict, {OF_SERVICE: Field(values.label)}), {OF_SERVICE: None}
        ),
    },
)
_SLICE = values.excerpt(
    dict,
    {
        "metadata": Field(_SLICE_METADATA, needed="a mapping with the slice's name"),
        "addressType": Field(values.words, "IPv4"),
        "ports": Field(_SLICE_PORTS, []),
    },
)
_SLICE_ENDPOINTS = values.excerpt(
    lambda endpoints: endpoints,
    {
        "endpoints": Field(
            values.list_of(
                values.excerpt(
                    dict,
                    {
                        "addresses": Field(values.list_of(values.address_of_either_family), []),
                        "conditions": Field(_CONDITIONS, words.ACTIVE),
                        "nodeName": Field(values.words),
                    },
                )
            ),
            [],
        )
    },
)


def of_slice(manifest: dict[str, Any], pass_over: Pass) -> Backends | None:
    """Read an EndpointSlice.

    :param pass_over: gets the reason for what is not read; None is returned where that is all.
    :raises Invalid: for a value that is none.
    """
    item = _SLICE(manifest)
    about = item["metadata"]
    service = about["labels"][OF_SERVICE]
    if service is None:
        pass_over(passed.WITHOUT_SERVICE)
        return None
    if item["addressType"] != "IPv4":  # a service of two families has a slice of each
        pass_over(passed.OTHER_SLICES)
        return None
    ports = _numbers(item["ports"])
    backends = [
        Backend(ip, each["nodeName"], each["conditions"], ports)
        for each in _SLICE_ENDPOINTS(manifest)
        # The API: others than the first mean nothing.
        for ip in passed.of_ipv4(each["addresses"][:1], pass_over)
    ]
    whose = f"EndpointSlice {about['namespace']}/{about['name']}"
    return Backends(f"{about['namespace']}/{service}", whose, backends)


def _numbers(
    ports: list[tuple[tuple[str, str], int | None]],
) -> Mapping[tuple[str, str], int]:
    return {key: port for key, port in ports if port is not None}


def _address(
    *,
    ip: int | OfIPv6,
    nodeName: str | None,  # noqa: N803 - Kubernetes' name
) -> tuple[int | OfIPv6, str | None]:
    return ip, nodeName


_ADDRESSES = values.list_of(
    values.excerpt(
        _address,
        {
            "ip": Field(values.address_of_either_family, needed="an IPv4 address"),
            "nodeName": Field(values.words),
        },
    )
)
_ENDPOINTS = values.excerpt(
    dict,
    {
        "metadata": Field(
            values.excerpt(dict, _METADATA), needed="a mapping with the service's name"
        ),
        "subsets": Field(
            values.list_of(
                values.excerpt(
                    dict,
                    {
                        "addresses": Field(_ADDRESSES, []),
                        "notReadyAddresses": Field(_ADDRESSES, []),
                        "ports": Field(_SLICE_PORTS, []),
                    },
                )
            ),
            [],
        ),
    },
)


def of_endpoints(manifest: dict[str, Any], pass_over: Pass) -> Backends:
    """Read Endpoints.

    :param pass_over: gets the reason for what is not read.
    :raises Invalid: for a value that is none.
    """
    item = _ENDPOINTS(manifest)
    name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
    backends = []
    for subset in item["subsets"]:
        ports = _numbers(subset["ports"])
        for key, state in (
            ("addresses", words.ACTIVE),
            ("notReadyAddresses", words.QUARANTINED),
        ):
            for either, node in subset[key]:
                for ip in passed.of_ipv4([either], pass_over):
                    backends.append(Backend(ip, node, state, ports))
    return Backends(name, f"Endpoints {name}", backends)
