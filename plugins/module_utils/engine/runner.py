# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Between a module's ``main()`` and the code that does its work.

The layers below raise :class:`Failure`; here, and nowhere else, it becomes ``fail_json``.
"""

from __future__ import annotations

import contextlib
import importlib
import platform
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from . import lock, pythons
from .failure import Failure
from .spec import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .spec import Spec

#: Modules that change no node but labs, each in a folder of its own, or that look on.
ELSEWHERE = ("lab", "lab_workloads", "observe")

#: Distribution package of each library, for the message when it is not there.
PACKAGES = {"pyroute2": "python3-pyroute2", "bcc": "python3-bpfcc (Debian) or python3-bcc (Fedora)"}


class _GoOn(BaseException):
    """Ends this process's part of the module: the rest of it runs under another Python.

    It leaves the lock behind on its way, for the other process takes it.
    """


def require(module: AnsibleModule, *libraries: str) -> None:
    """Make sure that ``libraries`` can be imported, under another Python if need be.

    Where this Python lacks one, the module is run again under one of the system's that has all.
    """
    for library in libraries:
        try:
            importlib.import_module(library)
        except ImportError as error:
            interpreter = pythons.that_has(*libraries) if pythons.may_go_on() else None
            if interpreter:
                raise _GoOn(interpreter) from error
            message = (
                f"{sys.executable} on {platform.node()} has no Python library {library}, and no "
                f"Python of the system has it: install {PACKAGES[library]} there."
            )
            module.fail_json(msg=message, exception=str(error))


def _writes(module: AnsibleModule) -> bool:
    """Say whether a run of a module changes the node that it runs on."""
    name = str(module._name).rpartition(".")[2]
    return not (module.check_mode or name.endswith("_info") or name in ELSEWHERE)


def run(
    module: AnsibleModule, work: Callable[[], Mapping[str, Any]], *, needs: Sequence[str] = ()
) -> None:
    """Do the work of a module and exit with what it returns.

    Those that change a node wait for each other (:mod:`lock`); those that read wait for nobody.

    :param work: does everything; returns what ``exit_json`` gets; raises :class:`Failure`.
    :param needs: libraries that ``work`` imports (keys of :data:`PACKAGES`).
    """
    try:
        require(module, *needs)
        with lock.held(module._name) if _writes(module) else contextlib.nullcontext():
            result = dict(work())
    except _GoOn as elsewhere:
        pythons.go_on(*elsewhere.args)
    except Failure as failure:
        module.fail_json(msg=failure.message, **failure.details)
    except PermissionError as error:
        module.fail_json(msg=f"This needs root: {error}. Run the task with become: true.")
    for text in result.pop("warnings", ()):
        module.warn(text)
    module.exit_json(**result)


def main(spec: Spec) -> None:
    """Be the module that ``spec`` describes, from its arguments to its exit."""
    module = AnsibleModule(
        argument_spec=spec.arguments, supports_check_mode=True, no_log=spec.no_log, **spec.rules
    )
    call = Call(module.check_mode, partial(require, module), module.warn)
    run(module, lambda: spec.work(module.params, call), needs=spec.needs)
