# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs for an image: a lab has no images, and a table of commands instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def workloads(
    endpoints: Sequence[Mapping[str, Any]], images: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Return what runs in the pods of a node, as M(podnet.fabric.lab_workloads) takes it.

    :param endpoints: of the node's slice; a container's own command goes before that of its image.
    :param images: command by image: by the whole name, that without tag and digest, or its last
        part.
    :raises Failure: for an image that the table does not have.
    """
    return [
        {
            "pod": pod["name"],
            "containers": [
                {"name": each["name"], "command": _command(pod["name"], each, images)}
                for each in pod["containers"]
            ],
        }
        for pod in endpoints
        if pod["containers"]
    ]


def _command(
    pod: str, container: Mapping[str, Any], images: Mapping[str, Sequence[str]]
) -> list[str]:
    if container.get("command"):
        return list(container["command"])
    image = str(container.get("image") or "")
    for name in _names(image):
        if name in images:
            return [*images[name], *container.get("args", ())]
    shown = f"the image {image!r}" if image else "no image"
    raise Failure(
        f"lab_images has no command for {shown} of container {container['name']} of pod {pod}; "
        "valid is an item for each image, such as {nginx: [nginx, -g, daemon off;]}."
    )


def _names(image: str) -> Iterator[str]:
    yield image
    plain = image.partition("@")[0]
    folder, slash, last = plain.rpartition("/")  # a colon before the last slash is a port
    last = last.partition(":")[0]
    yield f"{folder}{slash}{last}"
    yield last
