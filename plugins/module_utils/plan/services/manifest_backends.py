# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backends of services out of Kubernetes' EndpointSlices and Endpoints."""

from __future__ import annotations

from typing import Any

from ...services import words
from .. import values
from ..values import NOT_SET, Field, Invalid
from .model import Backend

OF_SERVICE = "kubernetes.io/service-name"

METADATA = {
    "name": Field(values.dns_label, needed="a DNS-1123 label such as web"),
    "namespace": Field(values.dns_label, "default"),
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
            "name": Field(values.dns_label, ""),
            "port": Field(values.port),
            # A slice may hold ports of a protocol that its service is not balanced for.
            "protocol": Field(values.words, values.PROTOCOLS[0]),
        },
    )
)


def _state(*, ready: bool, terminating: bool, **_serving: bool) -> str:
    """Return the state that conditions mean; ready where nothing is said of it."""
    if terminating:
        return words.TERMINATING
    return words.ACTIVE if ready else words.QUARANTINED


_CONDITIONS = values.excerpt(
    _state,
    {
        "ready": Field(values.truth, default=True),
        "serving": Field(values.truth, default=True),
        "terminating": Field(values.truth, default=False),
    },
)
_SLICE_METADATA = values.excerpt(
    dict,
    {
        **METADATA,
        "labels": Field(
            values.excerpt(dict, {OF_SERVICE: Field(values.dns_label)}), {OF_SERVICE: None}
        ),
    },
)
_SLICE = values.excerpt(
    dict,
    {
        "metadata": Field(_SLICE_METADATA, needed="a mapping with the label " + OF_SERVICE),
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
                        "addresses": Field(
                            values.list_of(values.address), needed="a list of addresses"
                        ),
                        "conditions": Field(_CONDITIONS, words.ACTIVE),
                        "nodeName": Field(values.words),
                    },
                )
            ),
            [],
        )
    },
)


def of_slice(manifest: dict[str, Any]) -> Backends:
    """Read an EndpointSlice.

    :raises Invalid: for a value that is none.
    """
    item = _SLICE(manifest)
    about = item["metadata"]
    whose = f"EndpointSlice {about['namespace']}/{about['name']}"
    service = about["labels"][OF_SERVICE]
    if service is None:
        raise Invalid(NOT_SET, "the name of its service", f".metadata.labels.{OF_SERVICE}")
    backends = []
    if item["addressType"] == "IPv4":  # a service of two families has a slice of each
        ports = {key: port for key, port in item["ports"] if port is not None}
        backends = [
            Backend(ip, each["nodeName"], each["conditions"], ports)
            for each in _SLICE_ENDPOINTS(manifest)
            for ip in each["addresses"][:1]  # the API: others than the first mean nothing
        ]
    return Backends(f"{about['namespace']}/{service}", whose, backends)


def _address(*, ip: int, nodeName: str | None) -> tuple[int, str | None]:  # noqa: N803
    return ip, nodeName


_ADDRESSES = values.list_of(
    values.excerpt(
        _address,
        {
            "ip": Field(values.address, needed="an IPv4 address"),
            "nodeName": Field(values.words),
        },
    )
)
_ENDPOINTS = values.excerpt(
    dict,
    {
        "metadata": Field(
            values.excerpt(dict, METADATA), needed="a mapping with the service's name"
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


def of_endpoints(manifest: dict[str, Any]) -> Backends:
    """Read Endpoints.

    :raises Invalid: for a value that is none.
    """
    item = _ENDPOINTS(manifest)
    name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
    backends = []
    for subset in item["subsets"]:
        ports = {key: port for key, port in subset["ports"] if port is not None}
        backends += [Backend(ip, node, words.ACTIVE, ports) for ip, node in subset["addresses"]]
        backends += [
            Backend(ip, node, words.QUARANTINED, ports) for ip, node in subset["notReadyAddresses"]
        ]
    return Backends(name, f"Endpoints {name}", backends)
