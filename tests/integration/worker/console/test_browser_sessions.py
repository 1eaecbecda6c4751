"""Logging in and out in a real Chromium, whose own rules decide which cookies travel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def elsewhere(worker: Worker) -> Iterator[str]:
    """Another site: it links to our pages, and posts to them as whoever looks at it."""
    link = f'<a href="{worker.url}/console/alerts">alerts</a>'
    form = f'<form method="post" action="{worker.url}/logout"><button>win a prize</button></form>'

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (link + form).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    # Another name of this machine is another site to a browser.
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def log_in(worker: Worker, page: Page) -> None:
    made = worker.post("/v1/keys", {"name": "ada", "role": "viewer"}).json()
    page.goto(f"{worker.url}/login")
    page.get_by_label("API key").fill(made["key"])
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("Alerts · Nightporter")


def test_a_key_opens_the_pages_and_logging_out_closes_them(worker: Worker, page: Page) -> None:
    log_in(worker, page)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    answer = page.goto(f"{worker.url}/console/alerts")
    assert answer is not None
    assert answer.status == 401


def test_a_link_on_another_site_opens_the_page_and_its_form_does_nothing(
    worker: Worker, page: Page, elsewhere: str
) -> None:
    log_in(worker, page)
    page.goto(elsewhere)
    page.get_by_role("link", name="alerts").click()
    # The cookie did not come with the first request; the page asked again by itself.
    expect(page).to_have_title("Alerts · Nightporter")
    page.goto(elsewhere)
    with page.expect_response(lambda answer: answer.url.endswith("/logout")) as sent:
        page.get_by_role("button", name="win a prize").click()
    assert sent.value.status == 401, "nobody's: the cookie did not travel"
    page.goto(f"{worker.url}/console/alerts")
    expect(page).to_have_title("Alerts · Nightporter")


def test_without_a_session_such_a_link_is_refused_and_asks_no_more(worker: Worker, page: Page, elsewhere: str) -> None:
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.url.startswith(worker.url) else None)
    page.goto(elsewhere)
    page.get_by_role("link", name="alerts").click()
    expect(page).to_have_title("Nothing to show · Nightporter")
    page.wait_for_timeout(500)
    assert len([one for one in asked if one.endswith("/console/alerts")]) == 2
