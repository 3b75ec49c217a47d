"""How Sphinx builds the documentation; `make docs`."""

from sphinx.application import Sphinx

import perdure

project = "Perdure"
version = release = perdure.__version__
copyright = "the Perdure authors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"Perdure {release}"
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Source", "notes_style")]
napoleon_use_rtype = False

nitpicky = True
# What is documented elsewhere cannot be linked without fetching its index from the network.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!perdure\.).*"),
    # Internal rooms that a public signature mentions but the reference does not describe.
    (r"py:.*", r"perdure\.app\.(F|HookT)"),
    (r"py:.*", r"perdure\.(ingress|lifecycle|routing|timescape|manifest|modules|gtype|context)\..*"),
]


def setup(app: Sphinx) -> None:
    """Bend what napoleon makes of our docstrings."""
    attributes: dict[str, list[str]] = {}

    def before_napoleon(_: Sphinx, what: str, name: str, __: object, ___: object, lines: list[str]) -> None:
        if what == "module":  # these speak to who reads the code
            lines.clear()
        elif what == "attribute":
            attributes[name] = list(lines)

    def after_napoleon(_: Sphinx, what: str, name: str, __: object, ___: object, lines: list[str]) -> None:
        if what == "attribute":  # napoleon takes what stands before a colon for a type
            lines[:] = attributes[name]

    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
