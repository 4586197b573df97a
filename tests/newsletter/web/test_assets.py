"""The built files: named by what is in them, and a plain sentence when they are not there."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from newsletter.core.errors import ConfigurationError
from newsletter.web.assets import BUILT, Assets

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("static_build", ROOT / "static" / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_missing_files_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Run: make setup"):
        Assets(tmp_path)


def test_names_change_with_contents(build: ModuleType, tmp_path: Path) -> None:
    first = build.write_hashed(tmp_path, "pages.css", b"a{}")
    second = build.write_hashed(tmp_path, "pages.css", b"b{}")
    assert re.fullmatch(r"pages-[0-9a-f]{10}\.css", first)
    assert first != second


def test_a_build_that_is_not_whole_is_built_again(build: ModuleType, tmp_path: Path) -> None:
    assert build.stamp_of(tmp_path) is None
    manifest = {"stamp": "now", "files": {"pages.css": build.write_hashed(tmp_path, "pages.css", b"a{}")}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert build.stamp_of(tmp_path) == "now"
    (tmp_path / manifest["files"]["pages.css"]).unlink()  # type: ignore[index]
    assert build.stamp_of(tmp_path) is None


def test_the_style_sheet_has_no_licensed_font_and_asks_nobody_for_anything() -> None:
    (sheet,) = BUILT.glob("pages-*.css")
    text = sheet.read_text()
    assert "GDS Transport" not in text
    assert not re.search(r"url\((?!['\"]?(?:data:|/static/))", text)
    assert "#00594c" in text
