"""Finds the built files of the pages by their plain names: `pages.css` is served as `/static/pages-1a2b3c4d5e.css`."""

import json
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import newsletter
from newsletter.core.errors import ConfigurationError

_PACKAGE = Path(newsletter.__file__).parent


def first_directory(*candidates: Path) -> Path:
    """The first that exists: the repository's own, else the copy that an installed package carries."""
    return next((path for path in candidates if path.is_dir()), candidates[0])


TEMPLATES = first_directory(_PACKAGE.parent / "templates" / "pages", _PACKAGE / "_templates" / "pages")
BUILT = first_directory(_PACKAGE.parent / "static" / "built", _PACKAGE / "_static" / "built")


class Assets:
    """The manifest that `static/build.py` wrote."""

    def __init__(self, directory: Path = BUILT) -> None:
        try:
            manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ConfigurationError(
                "The style sheet and scripts of the pages have not been built. Run: make setup"
            ) from None
        self._files: dict[str, str] = manifest["files"]
        self.directory = directory

    def url(self, name: str) -> str:
        return f"/static/{self._files[name]}"


@cache
def built_assets() -> Assets:
    """What stands in `static/built`. Raises `ConfigurationError` when nothing does."""
    return Assets()


class HashedFiles(StaticFiles):
    """Files whose names change with their contents, so browsers may keep them for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response
