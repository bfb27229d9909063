"""Generated pages of the documentation site, and links that lead out of it.

MkDocs calls the functions that begin with `on_` (`hooks` in `mkdocs.yml`). Pages of commands,
models and tables come from the declarations that the program itself reads, so that they cannot say
anything else.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from command_page import commands_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from model_pages import model_pages, models_page, page_of
from protocols_table import protocols_table
from reproduction_page import reproduction_page

from sirec.models import MODELS

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/sirec/sirec/blob/main/"
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
PROTOCOLS_HERE = "<!-- protocols -->"
MODELS_HERE, COMMANDS_HERE, TABLES_HERE = "models/index.md", "commands.md", "reproduction.md"
# Path in the repository -> the page that is made of it.
COPIED = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
GENERATED = {
    "sirec/models": MODELS_HERE,
    "sirec/cli/commands": COMMANDS_HERE,
    "results/report.md": TABLES_HERE,
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put a page for every model into the navigation.

    Args:
        config: configuration of MkDocs.

    Returns:
        The same configuration.
    """
    for place, entry in enumerate(config.nav or []):
        if entry == {"Models": MODELS_HERE}:
            config.nav[place] = {"Models": [MODELS_HERE, *map(page_of, MODELS)]}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages.

    Args:
        files: files of the site.
        config: configuration of MkDocs.

    Returns:
        The same files and those that are generated.
    """
    pages = {
        COMMANDS_HERE: commands_page(),
        MODELS_HERE: models_page(),
        TABLES_HERE: reproduction_page(ROOT / "results"),
        **model_pages(),
    }
    for path, page in COPIED.items():
        pages[page] = (ROOT / path).read_text(encoding="utf-8")
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to files that are in the repository and not on the site to the repository.

    Args:
        markdown: text of the page.
        page: the page.
        config: configuration of MkDocs.
        files: files of the site.

    Returns:
        The text with such links replaced.
    """
    source = page.file.src_uri
    documents = {target: path for path, target in COPIED.items()}
    document = documents.get(source, f"docs/{source}")
    known = {file.src_uri for file in files}

    def replaced(match: re.Match[str]) -> str:
        return f"]({site_link(match[1], document, source, known)}{match[2] or ''})"

    return LINK.sub(replaced, markdown.replace(PROTOCOLS_HERE, protocols_table()))


def site_link(link: str, document: str, page: str, known: set[str]) -> str:
    """Where a link of a document leads on the site.

    Args:
        link: the link, relative to the document.
        document: path of the document in the repository.
        page: path of its page on the site.
        known: paths of all files of the site.

    Returns:
        A link to a file of the site, relative to the page, or an address in the repository.
    """
    target = posixpath.normpath(posixpath.join(posixpath.dirname(document), link))
    inside = {**COPIED, **GENERATED}.get(target, target.removeprefix("docs/"))
    if inside in known:
        return posixpath.relpath(inside, posixpath.dirname(page) or ".")
    return REPOSITORY + target
