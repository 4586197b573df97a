"""Finds the Chromium that the browser tests drive, and gets one where there is none.

In this order: the one named by NEWSLETTER_CHROMIUM, the system's, the package manager's when we are root (Debian and
its relatives), Playwright's own. `python -m tests.chromium` does so and says plainly what to do when nothing worked.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

#: For headless use on a build machine: no sandbox when root, no traffic of the browser's own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find() -> str | None:
    """The path of a Chromium that can be started, or None."""
    named = os.environ.get("NEWSLETTER_CHROMIUM")
    candidates = [named] if named else [shutil.which(name) for name in NAMES]
    candidates.append(_playwrights_own())
    return next((path for path in candidates if path and os.access(path, os.X_OK)), None)


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _from_the_package_manager() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    sys.stdout.write("Installing Chromium with apt-get …\n")
    sys.stdout.flush()
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-liberation"]
    subprocess.run(command, check=False, **quiet)  # type: ignore[call-overload]


def _from_playwright() -> None:
    sys.stdout.write("Installing Playwright's Chromium …\n")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    for get in (None, _from_the_package_manager, _from_playwright):
        if get is not None:
            get()
        if find():
            return 0
    sys.stderr.write(
        "The browser tests need Chromium and none could be had.\n"
        "Install it (Debian: apt install chromium; macOS: brew install --cask chromium) or set NEWSLETTER_CHROMIUM to\n"
        "the path of a Chromium or Chrome, then run make test again.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
