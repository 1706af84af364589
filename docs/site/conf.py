# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How `make docs` renders the pages of this documentation and the reference of the plugins."""

project = "podnet.fabric"
author = "The podnet.fabric developers"
copyright = f"2026, {author}"  # noqa: A001

extensions = ["myst_parser", "sphinx_antsibull_ext"]
# Blocks that name no language are commands and what they print.
highlight_language = "none"
myst_heading_anchors = 3
exclude_patterns = ["README.md"]  # part of the index
suppress_warnings = ["myst.header"]  # a page of listings may begin a section at any level

html_theme = "alabaster"
html_theme_options = {
    "page_width": "70rem",
    "sidebar_width": "16rem",
    "description": "A pod network for plain Linux hosts",
}
html_show_sphinx = False
html_copy_source = False
