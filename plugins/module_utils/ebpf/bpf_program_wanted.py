# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs as a task asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine.bpf import hooks, objects, programs
from ..engine.bpf.compiler import Source
from ..engine.failure import Failure
from . import bpf_compile, bpf_object_file, mounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..engine.bpf.hooks import Place


@dataclass(frozen=True)
class Wanted:
    """One program as it is asked for.

    :param source: empty where it shall be absent.
    :param attach_type: hook that it must name when it is loaded, 0 for none.
    :param maps: name in the C -> pin.
    :param own_maps: those of them that the C seems to make itself.
    :param places: where it is attached; ``leave``: where it is not.
    """

    name: str
    pin: str
    folder: str
    present: bool
    source: Source
    function: str
    type: int
    attach_type: int
    maps: Mapping[str, str]
    own_maps: Sequence[str]
    places: Sequence[Place]
    leave: Sequence[Place]

    @property
    def key(self) -> str:
        """Key of the object that the compiler makes of it here."""
        return objects.key(self.source, self.maps, objects.machine())

    @property
    def digest(self) -> str:
        """Hash of what shall be loaded."""
        return programs.digest(
            self.source,
            self.function,
            self.type,
            attach_type=self.attach_type,
            map_pins=self.maps,
        )


def wanted(item: Mapping[str, Any], netns: str | None, sources: Mapping[str, Any]) -> Wanted:
    """Read one item of the module's option ``programs``.

    :param netns: namespace of devices that name none.
    :param sources: what the controller read: ``sources``, each with ``files``, ``main`` and
        ``include``; ``programs``, which of them each is made of; ``own_maps``, see
        :class:`Wanted`; ``standin``, the stand-in headers.
    :raises Failure: for what does not fit together.
    """
    name = item["name"]
    pin = item["pin"] or f"{names.PROGRAM_PINS}/{name}"
    folder = item["link_pins"] or names.LINK_PINS
    places: dict[str, list[Place]] = {"present": [], "absent": []}
    for entry in item["attach"]:
        places[entry["state"]] += _places(entry, netns, folder, name)
    rows = [hooks.HOOKS[entry["hook"]] for entry in item["attach"]]
    types = {hook.program for hook in rows} | ({item["type"]} if item["type"] else set())
    if len(types) != 1 and item["state"] == "present":
        raise Failure(
            f"program {name}: its type must be one that all its hooks take; "
            f"type and attach say {', '.join(sorted(types)) or 'nothing'}."
        )
    numbers = {hook.number for hook in rows if hook.loaded_for}
    if len(numbers) > 1:
        raise Failure(f"program {name}: a cgroup program is loaded for one hook; name it twice.")
    present = item["state"] == "present"
    source = Source("", {})
    own_maps: Sequence[str] = ()
    if present and item["remote_src"]:
        if not item["object"]:
            raise Failure(f"program {name}: remote_src is for an object, and object is not set.")
        source, own_maps = bpf_object_file.read(item["object"], name), list(item["maps"])
    elif present:
        source, own_maps = bpf_compile.unit(item, sources)[0], sources["own_maps"][name]
    return Wanted(
        name=name,
        pin=pin,
        folder=folder,
        present=present,
        source=source,
        function=item["function"] or name,
        type=programs.TYPES.get("".join(types), 0),
        attach_type=next(iter(numbers), 0),
        maps=item["maps"],
        own_maps=own_maps,
        places=places["present"],
        leave=places["absent"],
    )


def _places(entry: Mapping[str, Any], netns: str | None, folder: str, name: str) -> list[Place]:
    hook = entry["hook"]
    if hooks.HOOKS[hook].kind == "cgroup":
        root = mounts.cgroup2_root() or mounts.CGROUP2
        return [hooks.Place(hook, entry["cgroup"] or root, None, folder)]
    devices = [*([entry["device"]] if entry["device"] else []), *entry["devices"]]
    if not devices:
        raise Failure(f"program {name}: hook {hook} is attached to a device; give one.")
    return [hooks.Place(hook, device, entry["netns"] or netns, folder) for device in devices]
