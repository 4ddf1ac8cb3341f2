#===- conf.py - The documentation as a site -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Settings of Sphinx. `make docs` builds the site into build/site; `nav.py` says which pages it has.

The root of the sources is the repository, so that a link between pages, such as ../benchmarks/README.md, is the same file here as it
is in an editor or on a code host. Nothing on the pages is loaded from the network, and they work from files.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "python")]

project = "E.T."
version = release = re.search(r"project\(\w+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
html_title = f"E.T. {version}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "et_site"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "docs/reference/*.md", "benchmarks/README.md", "benchmarks/results/*.md", "CONTRIBUTING.md", "CHANGELOG.md"]
# Folders that are large: they are not even walked through.
exclude_patterns = ["build*", ".*", "shared", "test", "lib", "include", "unittests"]

# Anchors of headings are those of code hosts. "attrs_block" and the like are off: the pages are plain Markdown.
myst_heading_anchors = 5
myst_enable_extensions = []

# "--" is an option, not a dash; and what says no language is text.
smartquotes = False
highlight_language = "text"
# Excerpts with "..." do not lex; and one name may be that of several classes (et.Report, et.check's Report).
suppress_warnings = ["misc.highlighting_failure", "ref.python"]

# Docstrings are text for people: single backticks are code.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"top_of_page_buttons": []}
# Excerpts of results are fetched, which browsers refuse on file://.
html_show_search_summary = False
