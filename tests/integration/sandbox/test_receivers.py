"""Slack's and the mail server's counterparts, and the page that shows what arrived."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

import httpx2
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf5000000301010"
    "0c9fe92ef0000000049454e44ae426082"
)
PAGE = {"Authorization": "Bearer page-of-the-test"}


@pytest.fixture
def slack(sandbox: Any) -> WebClient:
    return WebClient(token="xoxb-sandbox", base_url=f"{str(sandbox.public.base_url).rstrip('/')}/slack/api/")


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def test_a_wrong_token_is_refused_in_slacks_words(sandbox: Any) -> None:
    path = "/slack/api/chat.postMessage"
    body = {"channel": "#alerts", "text": "x"}
    wrong = sandbox.public.post(path, json=body, headers={"Authorization": "Bearer xoxb-other"})
    assert wrong.json() == {"ok": False, "error": "invalid_auth"}
    bare = httpx2.post(f"{str(sandbox.public.base_url).rstrip('/')}{path}", json=body, trust_env=False)
    assert bare.json() == {"ok": False, "error": "not_authed"}


@pytest.mark.parametrize(
    "blocks",
    [
        [section("x")] * 51,
        [section("x" * 3001)],
        [section("")],
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "image", "image_url": "https://example.org/a.png"}],
        [{"type": "surprise"}],
    ],
)
def test_blocks_beyond_slacks_limits_are_refused(slack: WebClient, blocks: list[dict[str, Any]]) -> None:
    with pytest.raises(SlackApiError) as caught:
        slack.chat_postMessage(channel="#limits", text="x", blocks=blocks)
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"]


def test_blocks_at_slacks_limits_are_taken(slack: WebClient) -> None:
    head = {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}
    assert slack.chat_postMessage(channel="#limits", text="x", blocks=[head, *[section("x" * 3000)] * 49])["ok"]


def test_a_message_is_updated_in_place(slack: WebClient) -> None:
    sent = slack.chat_postMessage(channel="#updates", text="first")
    slack.chat_update(channel=sent["channel"], ts=sent["ts"], text="second")
    history = slack.conversations_history(channel=sent["channel"])["messages"]
    assert [message["text"] for message in history] == ["second"]
    with pytest.raises(SlackApiError, match="message_not_found"):
        slack.chat_update(channel=sent["channel"], ts="1.0", text="x")
    with pytest.raises(SlackApiError, match="channel_not_found"):
        slack.chat_update(channel="#updates", ts=sent["ts"], text="x")


def test_an_upload_lands_in_the_thread_and_on_the_page(sandbox: Any, slack: WebClient) -> None:
    sent = slack.chat_postMessage(channel="#charts", text="with a chart")
    slack.files_upload_v2(channel=sent["channel"], thread_ts=sent["ts"], content=PNG, filename="c.png", title="Chart")
    posts = sandbox.public.get("/messages.json", headers=PAGE).json()["slack"]
    reply = next(post for post in posts if post["thread_ts"] == sent["ts"])
    picture = sandbox.public.get(f"/files/{reply['file_ids'][0]}", headers=PAGE)
    assert (picture.content, picture.headers["Content-Type"]) == (PNG, "image/png")


def test_the_page_opens_by_its_link_only_and_escapes_what_it_shows(sandbox: Any, slack: WebClient) -> None:
    head = {"type": "header", "text": {"type": "plain_text", "text": ":red_circle: <b>Loft</b>"}}
    blocks = [head, section("*Loss* of <https://example.org/a?b=1&c=2|this listing> <script>alert(1)</script>")]
    slack.chat_postMessage(channel="#page", text="x", blocks=blocks)
    with httpx2.Client(base_url=sandbox.public.base_url, trust_env=False, follow_redirects=True) as browser:
        assert browser.get("/messages").status_code == 401
        assert browser.get("/messages.json").status_code == 401
        page = browser.get("/messages", params={"token": "page-of-the-test"})
        assert page.status_code == 200
        assert "token" not in str(page.url)
        assert "Simulated" in page.text
        assert "<strong>Loss</strong>" in page.text
        assert '<a href="https://example.org/a?b=1&amp;c=2" rel="noreferrer">this listing</a>' in page.text
        assert "<script>" not in page.text
        assert '<span class="dot red"></span> &lt;b&gt;Loft' in page.text
        assert browser.get("/messages").status_code == 200


def test_mail_arrives_with_its_picture_inside_a_sandboxed_frame(sandbox: Any) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "night@example.org", "ops@example.org", "Critical: Harbour Loft"
    mail.set_content("plain words")
    mail.add_alternative('<p>rich <b>words</b></p><img src="cid:chart">', subtype="html")
    rich = mail.get_body(("html",))
    assert isinstance(rich, EmailMessage)
    rich.add_related(PNG, maintype="image", subtype="png", cid="<chart>")
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=10) as server:
        server.send_message(mail)
    got = sandbox.public.get("/messages.json", headers=PAGE).json()["emails"][0]
    assert (got["subject"], got["rcpt_to"]) == ("Critical: Harbour Loft", ["ops@example.org"])
    assert "plain words" in got["text"]
    assert "data:image/png;base64," in got["html"]
    page = sandbox.public.get("/messages", headers=PAGE).text
    assert '<iframe sandbox="allow-popups allow-popups-to-escape-sandbox"' in page, "no scripts, no forms"
    assert "<p>rich" not in page, "an e-mail's HTML stands only in the frame's escaped source"
    assert "&lt;p&gt;rich" in page


def test_the_front_page_says_what_is_assumed(sandbox: Any) -> None:
    page = sandbox.public.get("/").text
    for word in ("Fitted", "Simulated", "Assumed", "X-Sandbox-Assumption"):
        assert word in page
