"""What the documents show can be done: commands parse, examples name what exists, links lead somewhere."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import fissura
from fissura.cli import app
from fissura.learning.recipe import recipe_names

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/*.md"))
COMMAND = typer.main.get_command(app)
VERBS = sorted(COMMAND.commands)


def _fences(page: Path, language: str) -> Iterator[str]:
    for found in re.finditer(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        yield found.group(1)


def _commands(page: Path) -> list[str]:
    """Give the ``fissura ...`` lines of a page's shell blocks, with continued lines joined."""
    lines = [line.strip() for block in _fences(page, "sh") for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("fissura ")]


SHOWN = [(page.name, command) for page in PAGES for command in _commands(page)]


@pytest.mark.parametrize(("page", "command"), SHOWN)
def test_a_command_shown_is_understood_by_the_command_line(page: str, command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    group = COMMAND.make_context("fissura", list(words), resilient_parsing=True)
    name, verb, arguments = COMMAND.resolve_command(group, words)
    assert verb is not None, f"{page}: there is no verb {name}"
    verb.make_context(name, arguments, parent=group)  # raises a usage error where an option does not exist


def test_the_guide_shows_every_verb() -> None:
    assert {command.split()[1] for name, command in SHOWN if name == "guide.md"} == set(VERBS)


def test_the_guide_names_what_is_called_otherwise_in_python() -> None:
    section = (ROOT / "docs/guide.md").read_text("utf-8").partition("\n## In Python\n")[2].partition("\n## ")[0]
    others = {"import": "import_checkpoint", "measure": "measure_job"}
    for name, verb in COMMAND.commands.items():
        if name == "demo":
            continue
        function = others.get(name, name.replace("-", "_"))
        assert name not in others or f"| `{name}` | `fissura.{function}`" in section
        known = inspect.signature(getattr(fissura, function)).parameters
        unlike = [option for one in verb.params if one.name not in known for option in one.opts]
        assert [option for option in unlike if f"`{option}" not in section] == [], name


def test_the_guide_and_the_method_name_every_recipe() -> None:
    for page in ("guide.md", "method.md"):
        text = (ROOT / "docs" / page).read_text("utf-8")
        assert [name for name in recipe_names() if f"`{name}`" not in text] == []


EXAMPLES = [(page.name, block) for page in PAGES for block in _fences(page, "python")]


@pytest.mark.parametrize(("page", "example"), EXAMPLES)
def test_a_python_example_imports_and_calls_what_exists(page: str, example: str) -> None:
    names: dict[str, object] = {}
    tree = ast.parse(example)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), page, "exec"), names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "fissura":
            assert node.attr in fissura.__all__, f"{page}: fissura.{node.attr} does not exist"
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("fissura."):
            verb = getattr(fissura, ast.unparse(node.func).removeprefix("fissura."))
            keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg}
            inspect.signature(verb).bind(*node.args, **keywords)  # raises where an argument does not fit


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_of_the_repository(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    local = [link for link in links if not link.startswith(("http:", "https:"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"^make (\w+)", readme, re.MULTILINE)) <= targets
