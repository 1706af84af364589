# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objects that a test compiles, kept where runs of Ansible keep theirs: one of the two compiles.

Apart from the collection's own reading and writing, which is Ansible's part: modules run in forks
of these processes, and would hand their warnings to a controller there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.ebpf.bpf_sources import without_texts
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import objects
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: Names the folder; without it nothing is kept.
CACHE = "PODNET_OBJECT_CACHE"


def found(keys: Iterable[str]) -> dict[str, Any]:
    """Return by its key each object that somebody has compiled before."""
    known = {}
    for key in keys if CACHE in os.environ else ():
        try:
            data = json.loads(_file(key).read_text())
            objects.read(data, key)
        except (OSError, ValueError, Failure):  # not there, or spoiled
            continue
        known[key] = data
    return known


def keep(made: Mapping[str, Any]) -> None:
    """Keep objects by their keys."""
    for key, data in made.items() if CACHE in os.environ else ():
        path = _file(key)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(data))
        new.rename(path)  # nobody reads half of it


def answered(
    ask: Callable[[dict[str, Any]], Any], gathered: Mapping[str, Any], known: dict[str, Any]
) -> Any:
    """Return the answer of who may lack objects of the collection's programs, as a run asks him.

    :param ask: asks with these sources.
    :param known: objects by their keys; what was kept or is compiled for the answer comes to them.
    """
    answer = ask({**without_texts(gathered), "objects": known})
    if "lacks" not in answer:
        return answer
    known |= found(answer["lacks"]["programs"].values())
    answer = ask({**gathered, "objects": known})
    keep({key: made for key, made in answer["objects"].items() if key not in known})
    known |= answer["objects"]
    return answer


def _file(key: str) -> Path:
    return Path(os.environ[CACHE], f"{key}.json")
