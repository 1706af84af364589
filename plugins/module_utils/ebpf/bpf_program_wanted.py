# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs as a task asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine.bpf import aim, hooks, objects, programs
from ..engine.bpf.compiler import Source
from ..engine.failure import Failure
from . import bpf_compile, bpf_object_file, mounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..engine.bpf.aim import Aim
    from ..engine.bpf.hooks import Place


@dataclass(frozen=True)
class Wanted:
    """One program as it is asked for.

    :param source: empty where it shall be absent.
    :param aim: what it must name when it is loaded.
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
    aim: Aim
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
            aim=self.aim,
            map_pins=self.maps,
        )

    def takes(self, place: Place) -> bool:
        """Say whether what is loaded is of a place's type, and for its target."""
        row = hooks.HOOKS[place.hook]
        same = row.kind != "tracing" or hooks.aim(place) == self.aim
        return same and programs.TYPES[row.program] == self.type


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
    present = item["state"] == "present"
    # Where it is not attached, too, a hook says what the program is.
    meant = places["present"] or places["absent"]
    types = {hooks.HOOKS[place.hook].program for place in meant} | set(filter(None, [item["type"]]))
    aims = {hooks.aim(place) for place in meant if hooks.HOOKS[place.hook].loaded_for}
    if present:
        _check(item, types, aims, meant)
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
        aim=next(iter(aims), aim.ANY),
        maps=item["maps"],
        own_maps=own_maps,
        places=places["present"],
        leave=places["absent"],
    )


def _check(
    item: Mapping[str, Any], types: set[str], aims: set[Aim], meant: Sequence[Place]
) -> None:
    """Refuse a program whose hooks do not go together."""
    name = item["name"]
    if len(types) != 1:
        raise Failure(
            f"program {name}: its type must be one that all its hooks take; "
            f"type and attach say {', '.join(sorted(types)) or 'nothing'}."
        )
    if len(aims) > 1:
        raise Failure(
            f"program {name}: a program of type {''.join(types)} is loaded for one hook, and "
            f"attach says {', '.join(map(str, meant))}; give each a program of its own name."
        )
    if "tracing" in types and not aims:
        raise Failure(f"program {name}: type tracing is loaded for a hook; attach names none.")
    if "tracing" in types and item["dialect"] == "bcc" and not item["object"]:
        raise Failure(
            f"program {name}: {meant[0].hook} is no hook of dialect 'bcc'; valid are dialect "
            "libbpf and an object, and for tracepoints the hooks tracepoint and raw_tracepoint."
        )


#: Options of which a hook takes one.
_TARGETS = ("device", "devices", "cgroup", "tracepoint", "kernel_function")


def _places(entry: Mapping[str, Any], netns: str | None, folder: str, name: str) -> list[Place]:
    hook = entry["hook"]
    target = hooks.HOOKS[hook].target
    others = [option for option in _TARGETS if entry[option] and not option.startswith(target)]
    if others:
        raise Failure(f"program {name}: hook {hook} takes {target}, not {', '.join(others)}.")
    if target in ("tracepoint", "kernel_function"):
        if not entry[target]:
            raise Failure(f"program {name}: hook {hook} is attached to a {target}; give one.")
        return [hooks.Place(hook, entry[target], None, folder)]
    if target == "cgroup":
        root = mounts.cgroup2_root() or mounts.CGROUP2
        return [hooks.Place(hook, entry["cgroup"] or root, None, folder)]
    devices = [*([entry["device"]] if entry["device"] else []), *entry["devices"]]
    if not devices:
        raise Failure(f"program {name}: hook {hook} is attached to a device; give one.")
    return [hooks.Place(hook, device, entry["netns"] or netns, folder) for device in devices]
