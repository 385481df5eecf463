"""How the documentation is built. Nothing is fetched: the build works without a network."""

import importlib.metadata
import pathlib
import re
import shutil

project = "latentatlas"
author = "The latentatlas founders"
copyright = "The latentatlas founders, MIT licence"
release = version = importlib.metadata.version("latentatlas")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "myst_parser"]
exclude_patterns = ["_build", "results/*.notes.md"]
templates_path = ["_templates"]
default_role = "code"
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_ignore_module_all = False  # the public names of a family are its __all__, wherever they are defined
autosummary_imported_members = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {
    "members": True,
    "exclude-members": "set_fit_request, set_partial_fit_request, set_score_request, set_transform_request, "
    "set_inverse_transform_request",
}
maximum_signature_line_length = 80
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # shapes such as "n *features" would be taken for markup

html_theme = "pydata_sphinx_theme"
html_title = "latentatlas"
html_static_path = ["_static"]
html_css_files = ["latentatlas.css"]
html_extra_path = ["../llms.txt"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "latentatlas"},
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {page: [] for page in ("index", "start", "parameters", "architecture", "run-folder")}


def setup(app):
    """Corrections to what is read from the code, and the pages as llms.txt links them."""
    app.connect("autodoc-process-docstring", _loosen)
    app.connect("autodoc-skip-member", _skip_aliases)
    app.connect("build-finished", _keep_sources)


def _loosen(app, what, name, obj, options, lines):
    """Let a superscript follow code, as in `scale`², where the markup wants a space; and let |x| be a size."""
    lines[:] = [_sizes(re.sub("`(?=[²³⁻ᵀ])", r"`\\ ", line)) for line in lines]


def _sizes(line):
    """The line with bars that are no markup, outside of code."""
    if line.lstrip().startswith(">>>"):
        return line
    parts = line.split("`")
    parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
    return "`".join(parts)


def _skip_aliases(app, what, name, obj, skip, options):
    """Leave out the fields of named tuples, which the docstring of the class describes."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field number") else None


def _keep_sources(app, exception):
    """Pages as they are written, beside llms.txt."""
    for page in app.env.found_docs if exception is None and app.builder.name == "html" else ():
        source = pathlib.Path(app.env.doc2path(page))
        if source.suffix == ".md":
            target = pathlib.Path(app.outdir, "docs", source.relative_to(app.srcdir))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
