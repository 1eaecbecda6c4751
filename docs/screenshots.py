"""Takes the README's pictures from a running system: `make screenshots` beside a `make run` that has alerts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from docs import flow_edits
from python_nodes.errors import NightporterError
from python_nodes.local import n8n_rest, processes
from python_nodes.local.n8n_rest import Rest
from python_nodes.local.state import Saved, state_dir
from python_nodes.login import login_token

IMAGES = Path(__file__).parent / "images"
FLOWS = tuple(sorted(path.stem for path in (Path(__file__).parents[1] / "workflows").glob("*.json")))
CHROMIUM = Path("/usr/bin/chromium")
# Nothing may leave the machine, and root has no sandbox of its own.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 40_000
SETTLE_MS = 1500


def main() -> int:
    """Take every picture; 2 with a reason where there is nothing to take them from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state-dir", type=Path, default=None, help="as given to `nightporter up`")
    parser.add_argument("--out-dir", type=Path, default=IMAGES)
    parser.add_argument(
        "--only", choices=("", "messages", "console", "flows", "edits"), default="", help="some of them"
    )
    arguments = parser.parse_args()
    try:
        saved = state_dir(arguments.state_dir).load()
    except NightporterError as error:
        return _refuse(str(error))
    if not processes.answers(f"{saved.worker_url}/healthz"):
        return _refuse(f"nothing answers at {saved.worker_url}: start `make run` first")
    if not CHROMIUM.exists():
        return _refuse(f"{CHROMIUM} is missing: install Debian's package chromium")
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        for taken in (_messages, _console, _flows, _edits):
            if arguments.only in ("", taken.__name__.strip("_")):
                taken(browser, saved, arguments.out_dir)
        browser.close()
    return 0


def _refuse(reason: str) -> int:
    print(f"screenshots: {reason}", file=sys.stderr)
    return 2


def _messages(browser: Browser, saved: Saved, out: Path) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(f"{saved.sandbox_url}/messages?token={saved.page_token}")
    card = page.locator("article.slack").first
    card.wait_for(timeout=PATIENCE_MS)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=out / "messages.png")
    card.screenshot(path=out / "alert.png")
    page.close()


def _console(browser: Browser, saved: Saved, out: Path) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
    page.goto(f"{saved.worker_url}/login?token={login_token(saved.secret_key, saved.tenant_id)}")
    page.goto(f"{saved.worker_url}/console/alerts")
    page.locator("article").first.wait_for(timeout=PATIENCE_MS)
    page.screenshot(path=out / "console.png")
    page.locator("article:has(.sent):has(.suppressed)").first.screenshot(path=out / "console-told.png")
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(f"{saved.worker_url}/console/portfolio")
    _settled(page)
    page.screenshot(path=out / "console-portfolio.png")
    worst = page.locator("#card-worst tbody a").first.get_attribute("href")
    page.goto(f"{saved.worker_url}{worst}")
    _settled(page)
    page.screenshot(path=out / "console-listing.png")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{saved.worker_url}/console/portfolio")
    _settled(page)
    page.screenshot(path=out / "console-portfolio-dark.png")
    page.close()


def _settled(page: Page) -> None:
    """Wait until no card that can be seen is still asked for."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('[aria-busy]')]"
        ".every((one) => !one.checkVisibility({ contentVisibilityAuto: true }))",
        timeout=PATIENCE_MS,
    )


def _flows(browser: Browser, saved: Saved, out: Path) -> None:
    page = _editor(browser, saved)
    for name in FLOWS:
        _flow(page, saved, name, out / f"n8n-{name}.png")
    page.close()


def _edits(browser: Browser, saved: Saved, out: Path) -> None:
    """Edit flows as docs/flows.md says, without publishing, and put back what was there."""
    page = _editor(browser, saved)
    with Rest(saved.ports.n8n, saved.n8n_owner_password) as rest:
        for picture, (name, edit) in flow_edits.EDITS.items():
            held = rest.workflow(name)
            if held is None:
                raise NightporterError(f"n8n holds no flow {name}")
            held["tags"] = [tag["id"] for tag in held.get("tags") or []]
            edited = edit(held)
            known = rest.credential_ids()
            for used in (one for node in edited["nodes"] for one in (node.get("credentials") or {}).values()):
                used["id"] = known[used["name"]]
            try:
                rest.save_workflow(edited, is_new=False)
                _flow(page, saved, name, out / f"n8n-edit-{picture}.png")
            finally:
                rest.publish(name, rest.save_workflow(held, is_new=False))
    page.close()


def _editor(browser: Browser, saved: Saved) -> Page:
    """Sign in to n8n's editor."""
    page = browser.new_page(viewport={"width": 1700, "height": 900})
    page.goto(f"{_editor_url(saved)}/signin", timeout=PATIENCE_MS)
    page.fill("input[type=email]", n8n_rest.OWNER_EMAIL, timeout=PATIENCE_MS)
    page.fill("input[type=password]", saved.n8n_owner_password)
    page.click("button:has-text('Sign in')")
    page.wait_for_url(lambda url: "/signin" not in url, timeout=PATIENCE_MS)
    return page


def _editor_url(saved: Saved) -> str:
    return f"http://127.0.0.1:{saved.ports.n8n}"


def _flow(page: Page, saved: Saved, name: str, picture: Path) -> None:
    page.goto(f"{_editor_url(saved)}/workflow/{name}", timeout=PATIENCE_MS)
    page.wait_for_selector(".vue-flow__node", timeout=PATIENCE_MS)
    page.wait_for_timeout(SETTLE_MS)
    # Escape closes what n8n may show over the canvas; 1 is its key for "fit the view".
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=picture)


if __name__ == "__main__":
    sys.exit(main())
