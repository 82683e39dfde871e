"""Settings of the pages: ``make docs`` builds them into ``build/docs``, with warnings as errors and without a network.

The source folder is the checkout, not ``docs/``, so that README, cards and pages link to each other by the same
relative paths on a code host and in the pages.
"""

project = "Memeguard"
project_copyright = "the authors of Memeguard; Apache-2.0"
extensions = ["myst_parser", "sphinx_copybutton"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "data_cards/*.md", "serving/CONFIGURATION.md"]
exclude_patterns = ["data_cards/*.prose.md", ".venv", ".git", "build", "dist", "runs", "shared", "**/.*"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "Memeguard"
html_extra_path = ["_extra"]
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False
html_copy_source = False
