"""One Chromium for the browser tests: find the one that is there, or install one.

`find_chromium()` only looks; `install_chromium()` installs one first if none is there. Neither gives up in silence:
a machine without a browser fails the tests with one clear line, it never skips them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

ENVIRONMENT = "HAPPYHORSE_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOAD_LIMIT = 300  # seconds for Playwright's own download
PACKAGE_LIMIT = 600  # seconds for each step of the system's package manager

#: What Playwright itself turns off. The last --disable-features counts alone, so ours has to say it again.
_OFF_FOR_PLAYWRIGHT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
)
#: What the address bar drops down is two more pages for each of ours, though nobody sees it: 1.2 s of a core each time.
_UNSEEN = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")
#: How tests and benchmarks start it.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    # Without these a Chromium that is not allowed onto the network tries to reach it many times a second.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join((*_OFF_FOR_PLAYWRIGHT, *_UNSEEN))}",
)

_ASK_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright\n"
    "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
)


class NoChromium(RuntimeError):
    """No Chromium that starts, and no way to install one."""


def find_chromium() -> str:
    """The path of a Chromium that starts: HAPPYHORSE_CHROMIUM, else one on PATH, else Playwright's.

    Raises NoChromium if there is none, or if HAPPYHORSE_CHROMIUM names one that does not start.
    """
    chosen = os.environ.get(ENVIRONMENT)
    if chosen:
        if not _starts(chosen):
            raise NoChromium(f"{ENVIRONMENT}={chosen} is not a Chromium that starts")
        return chosen
    for name in NAMES:
        path = shutil.which(name)
        if path and _starts(path):
            return path
    path = _playwrights()
    if path and _starts(path):
        return path
    raise NoChromium(
        "no Chromium found: run `python -m tests` once, install chromium or google-chrome, "
        f"or set {ENVIRONMENT} to its path"
    )


def install_chromium() -> str:
    """What `find_chromium` finds, after installing Playwright's Chromium or, as root, Debian's where none is there.

    Raises NoChromium if all of that fails.
    """
    if os.environ.get(ENVIRONMENT):
        return find_chromium()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for steps, limit in ((), 0), (_playwright_steps(), DOWNLOAD_LIMIT), (_apt_steps(), PACKAGE_LIMIT):
        for step in steps:
            print(f"no Chromium yet: {' '.join(step)}", flush=True)
            if not _runs(step, limit=limit, environment=environment):
                break
        try:
            return find_chromium()
        except NoChromium:
            continue
    raise NoChromium(
        "no Chromium found, and neither `playwright install chromium` nor (as root) "
        f"`apt-get install chromium` gave one: install one, or set {ENVIRONMENT} to its path"
    )


def _playwright_steps() -> tuple[list[str], ...]:
    return ([sys.executable, "-m", "playwright", "install", "chromium"],)


def _apt_steps() -> tuple[list[str], ...]:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return ()
    return (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"],
    )


def _playwrights() -> str | None:
    """Where Playwright keeps its Chromium, asked in a process of its own: its API refuses to start inside a loop."""
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _ASK_PLAYWRIGHT], capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return asked.stdout.strip() or None


def _starts(path: str) -> bool:
    """Whether the program runs at all: a snap's stub and a download without its libraries do not."""
    return _runs([path, "--version"], limit=60, quiet=True)


def _runs(
    command: list[str], *, limit: float, environment: dict[str, str] | None = None, quiet: bool = False
) -> bool:
    output = subprocess.DEVNULL if quiet else None
    try:
        return (
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=limit,
                env=environment,
                check=False,
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
