# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services without a plan: all that they need was given, and what is left open stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..problems import refuse
from . import manifests, read
from .allocate import Allocated
from .around import Around
from .model import Given
from .settle import Settled, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .model import Service


def settled(loaded: Iterable[Mapping[str, Any]]) -> Settled:
    """Return the services of files: manifests, or lists in the form of ``podnet_services``.

    :param loaded: ``{"source": file, "documents": [...]}`` of each file.
    :raises Failure: with a sentence for everything that is wrong.
    """
    problems: list[str] = []
    services: list[Service] = []
    others = []
    for file in loaded:
        for document in file["documents"]:
            listed = document
            if isinstance(document, dict) and read.SERVICES in document:
                listed = document[read.SERVICES]  # a file of variables
            if isinstance(listed, list) and not any("kind" in each for each in listed):
                services += read.items(listed, file["source"], problems)
            else:
                others.append({"source": file["source"], "documents": [document]})
    found = manifests.read(others, services, problems)
    refuse(problems)
    given = Given(services=tuple(found.services), warnings=tuple(found.warnings))
    result = settle(given, Around(allocates=False), Allocated())
    refuse(result.problems)
    return result
