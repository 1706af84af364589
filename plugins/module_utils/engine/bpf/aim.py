# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a program must name when it is loaded; apart from hooks, which compilers need not import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    """What a program must name when it is loaded.

    :param attach_type: enum bpf_attach_type, 0 for none.
    :param target: tracepoint or function of the kernel, "" for none.
    """

    attach_type: int = 0
    target: str = ""


#: Of programs that are attached wherever there is a hook of their type.
ANY = Aim()
