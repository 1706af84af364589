# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clusters of tests/cluster."""

from tests.cluster.conftest import make_module_cluster

__all__ = ["make_module_cluster"]
