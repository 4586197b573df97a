"""What keeps the house in order: who commits, who writes a delivery's state, names, imports, twins of templates."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("newsletter", "subscribers", "scheduler")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

#: Names that say nothing, so that everything ends up in them.
EMPTY_NAMES = {
    "util",
    "utils",
    "helper",
    "helpers",
    "service",
    "services",
    "common",
    "crud",
    "manager",
    "managers",
    "misc",
}


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', '?')}"


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def test_there_is_a_house() -> None:
    assert len(MODULES) > 50


def test_only_the_edge_commits() -> None:
    """`Database.transaction` commits when its block ends. Whoever commits below it tears somebody's work in two."""
    found = [
        where(path, node)
        for path in MODULES
        if path != ROOT / "newsletter/core/db.py"
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    assert found == []


def test_transactions_are_opened_at_the_edge_alone() -> None:
    """In domains a function takes a session; it never opens one. The delivery loop is the stated exception."""
    domains = (
        "newsletter/content",
        "newsletter/feedback",
        "newsletter/editions",
        "newsletter/staff",
        "newsletter/rendering",
        "subscribers",
    )
    inside = [path for path in MODULES if str(path.relative_to(ROOT)).startswith(domains)]
    inside += [
        path for path in (ROOT / "newsletter/delivery").glob("*.py") if path.name not in ("sending.py", "copies.py")
    ]
    found = [
        where(path, node)
        for path in inside
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("transaction", "reading")
    ]
    assert found == []


def test_only_the_ledger_writes_the_state_of_a_delivery() -> None:
    """Nobody else assigns to `state` of a delivery, nor gives one to an UPDATE or INSERT of deliveries. Its statements
    stand in a module of their own, which only the ledger and its batches and counts import."""
    found = []
    writers = {f"newsletter/delivery/{name}.py" for name in ("ledger", "models", "statements", "batches", "counting")}
    for path in MODULES:
        if path.relative_to(ROOT).as_posix() in writers:
            continue
        assert "delivery.statements" not in path.read_text(), path
        assert "import statements" not in path.read_text(), path
        for node in nodes(path):
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                value = ast.unparse(node.value) if node.value is not None else ""
                for target in targets:
                    names_delivery = "deliver" in ast.unparse(target).lower() or "DeliveryState" in value
                    if isinstance(target, ast.Attribute) and target.attr == "state" and names_delivery:
                        found.append(where(path, node))
            elif isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                given = next((keyword.value for keyword in node.keywords if keyword.arg == "state"), None)
                if given is None:
                    continue
                is_delivery = called.rsplit(".", 1)[-1] == "Delivery" or "DeliveryState" in ast.unparse(given)
                if is_delivery and called.endswith((".values", "Delivery")):
                    found.append(where(path, node))
    assert found == []


def test_no_module_has_an_empty_name() -> None:
    names = {path.relative_to(ROOT): {*path.relative_to(ROOT).parts[:-1], path.stem} for path in MODULES}
    assert [str(path) for path, parts in names.items() if parts & EMPTY_NAMES] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_models_do_not_postpone_their_annotations() -> None:
    """SQLModel cannot resolve `list["X"]` of a relationship that was turned into text."""
    models = [path for path in MODULES if path.name == "models.py"]
    assert len(models) >= 4
    assert [str(path) for path in models if "from __future__ import annotations" in path.read_text()] == []


def test_every_table_is_known_where_the_metadata_is_gathered() -> None:
    gathered = (ROOT / "newsletter/tables.py").read_text()
    for path in MODULES:
        if "table=True" in path.read_text():
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            assert f"import {module}" in gathered, module


def test_imports_only_go_down() -> None:
    """The contracts in `pyproject.toml`, checked from scratch."""
    linter = Path(sys.executable).parent / "lint-imports"
    ended = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout


def test_every_mail_template_has_its_text_twin() -> None:
    directory = ROOT / "templates/email"
    mails = {path.stem for path in directory.glob("*.mjml") if path.stem != "layout"}
    texts = {path.stem for path in directory.glob("*.txt") if path.stem != "layout"}
    assert mails
    assert mails == texts


def tracked() -> list[str]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive has no history to look into
        return []
    return [name for name in listed.stdout.split("\0") if name]


def test_no_file_of_somebody_else_is_tracked() -> None:
    """Third-party code is installed, never committed; what is built is built anew."""
    foreign = re.compile(
        r"(^|/)(node_modules|site-packages|vendor|third_party|\.venv|built|dist)/|\.min\.(js|css)$|\.(woff2?|ttf|otf|whl)$|\.pyc$"
    )
    assert [name for name in tracked() if foreign.search(name)] == []


def test_no_secret_or_database_is_tracked() -> None:
    private = re.compile(r"(^|/)(\.env|secret\.key)$|\.(db|sqlite3?|pem|key)$")
    assert [name for name in tracked() if private.search(name)] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_prints_or_names_a_real_address(path: Path) -> None:
    """The only addresses in code are at example.org and example.com."""
    found = re.findall(r"[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", path.read_text(encoding="utf-8"))
    assert [domain for domain in found if not domain.endswith(("example.org", "example.com", "example"))] == []
