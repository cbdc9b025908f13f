"""Hooks of mkdocs: add decisions to the navigation, and include files in pages.

`<!-- include PATH -->` on a page includes a file as code, by its path from the page's folder, and
`<!-- decisions -->` the list of decisions in the page's folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LANGUAGES = {
    ".sh": "sh",
    ".py": "python",
    ".mjs": "javascript",
    ".java": "java",
    ".go": "go",
    ".conf": "nginx",
    ".service": "ini",
    ".yaml": "yaml",
    "": "text",
}
_DECISIONS = "<!-- decisions -->"
_INCLUDE = re.compile(r"^( *)<!-- include ([\w./-]+) -->$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Called by mkdocs: add every decision, and remove pages that do not exist yet."""
    folder = Path(config["docs_dir"])
    decisions = sorted(path.name for path in folder.glob("decisions/[0-9]*.md"))
    for entry in config["nav"]:
        if "Decisions" in entry:
            entry["Decisions"] += [f"decisions/{name}" for name in decisions]
    config["nav"] = [entry for entry in config["nav"] if _is_written(entry, folder)]
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by mkdocs: the page with included files."""
    folder = Path(page.file.abs_src_path).parent

    def included(found: re.Match[str]) -> str:
        path = folder / found[2]
        code = f"```{LANGUAGES[path.suffix]}\n{path.read_text(encoding='utf-8').rstrip()}\n```"
        return "\n".join(found[1] + line if line else "" for line in code.splitlines())

    return _INCLUDE.sub(included, markdown).replace(_DECISIONS, _decision_list(folder))


def _decision_list(folder: Path) -> str:
    found = []
    for path in sorted(folder.glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        found.append(f"- [{title}]({path.name})")
    return "\n".join(found)


def _is_written(entry: Any, folder: Path) -> bool:
    pages = list(entry.values()) if isinstance(entry, dict) else [entry]
    return all((folder / page).is_file() for page in pages if isinstance(page, str))
