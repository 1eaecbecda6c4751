"""How senders lay a message out, and how they are found."""

from __future__ import annotations

import json
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage

import pytest

from python_nodes.errors import ConfigError
from python_nodes.notify import base, slack_blocks
from python_nodes.notify.base import Choice, Field, Link, Message
from python_nodes.notify.senders import email, sms

PNG = b"\x89PNG\r\n\x1a\nrest"
MESSAGE = Message(
    delivery_id="d1", alert_id=1, recipient="ops@example.test", state="raised", category="high",
    title="Calendar closed: <!channel> & <b>Room</b>\r\nBcc: all@example.test", summary="About €42.50 a day.",
    fields=(Field(label="Listing", value="<@U1> <script>"),), evidence=("<!here> nights: 12",),
    links=(Link(label="Why & how", url="https://example.test/a?b=1&c=2"),), chart_png=PNG, chart_alt="Chart",
)  # fmt: skip
CHOICES = tuple(
    Choice(name=name, label=name.title(), url=f"https://example.test/act?token={name}&x=1")
    for name in ("acknowledge", "resolve", "false_alarm")
)
FROM = Address("Nightporter", addr_spec="porter@example.test")


def body(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    assert part is not None
    return str(part.get_content())


def test_nothing_in_a_message_can_ping_or_link_in_slack() -> None:
    laid = json.dumps(slack_blocks.blocks(MESSAGE, None), ensure_ascii=False)
    for control in ("<!channel>", "<!here>", "<@U1>"):
        assert control not in laid
    assert "&lt;!channel&gt; &amp;" in laid
    assert "<https://example.test/a?b=1&c=2|Why &amp; how>" in laid


def test_slack_blocks_keep_slack_s_limits_and_show_the_chart() -> None:
    long = replace(MESSAGE, title="x" * 400, evidence=("y" * 5000,), fields=MESSAGE.fields * 20)
    laid = slack_blocks.blocks(long, "F1")
    assert len(laid[0]["text"]["text"]) == 150
    assert all(len(block.get("fields", [])) <= 10 for block in laid)
    assert all(len(block["text"]["text"]) <= 3000 for block in laid if "text" in block)
    assert [block["slack_file"] for block in laid if block["type"] == "image"] == [{"id": "F1"}]
    assert not [block for block in slack_blocks.blocks(long, None) if block["type"] == "image"]


def test_slack_shows_every_field_and_sentences_across_the_whole_width() -> None:
    fields = (*(Field(label=f"L{n}", value=f"v{n}") for n in range(12)), Field(label="What to do", value="word " * 30))
    laid = slack_blocks.blocks(replace(MESSAGE, fields=fields), None)
    assert [len(block["fields"]) for block in laid if "fields" in block] == [10, 2]
    assert any(block.get("text", {}).get("text", "").startswith("*What to do*\nword") for block in laid)


def test_slack_offers_buttons_that_name_the_alert_and_only_if_there_are_any() -> None:
    laid = slack_blocks.blocks(
        replace(MESSAGE, choices=CHOICES, people=("By <@U1>",), in_words="<!here> It fell."), None
    )
    (row,) = [block for block in laid if block["type"] == "actions"]
    assert [(b["action_id"], b["value"]) for b in row["elements"]] == [(choice.name, "1") for choice in CHOICES]
    text = json.dumps(laid)
    assert "By &lt;@U1&gt;" in text
    assert "*In words:* &lt;!here&gt; It fell." in text
    assert not [block for block in slack_blocks.blocks(MESSAGE, None) if block["type"] == "actions"]


def test_a_mail_offers_links_in_both_its_forms() -> None:
    mail = email.compose(replace(MESSAGE, choices=CHOICES, in_words="<b>It</b> fell."), FROM)
    assert "https://example.test/act?token=resolve&x=1" in body(mail, "plain")
    assert 'href="https://example.test/act?token=resolve&amp;x=1"' in body(mail, "html")
    assert "&lt;b&gt;It&lt;/b&gt; fell." in body(mail, "html")
    assert "Answer" not in body(email.compose(MESSAGE, FROM), "plain")


def test_a_text_stays_short_and_keeps_its_answers_and_reference() -> None:
    long = replace(MESSAGE, title="x" * 400, summary="y\n" * 400, choices=CHOICES)
    text = sms.text(long)
    assert len(text) <= 306, "two parts of an SMS"
    assert text.endswith("Reply ACK 1, OK 1 or FALSE 1. [d1]")
    assert "\n" not in text
    assert "Reply" not in sms.text(MESSAGE)
    assert sms.text(replace(long, choices=CHOICES[1:])).endswith("Reply OK 1 or FALSE 1. [d1]")


def test_a_text_of_an_end_does_not_shout() -> None:
    ended = sms.text(replace(MESSAGE, state="resolved", title="Resolved: Closed"))
    assert ended.startswith("Resolved: Closed. About")


def test_a_mail_has_text_html_and_the_chart_inside_it() -> None:
    mail = email.compose(MESSAGE, FROM)
    assert mail["To"] == "ops@example.test"
    assert mail["Bcc"] is None, "a line break in a title must not become a header"
    html = body(mail, "html")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    (image,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert f"cid:{image['Content-ID'].strip('<>')}" in html
    assert "About €42.50 a day." in body(mail, "plain")


def test_a_mail_without_a_chart_has_no_image() -> None:
    mail = email.compose(replace(MESSAGE, chart_png=None), FROM)
    assert "cid:" not in body(mail, "html")


def test_message_id_is_the_delivery_s_and_updates_thread() -> None:
    first = email.compose(MESSAGE, FROM)
    assert first["Message-ID"] == email.compose(replace(MESSAGE, is_retry=True), FROM)["Message-ID"]
    later = email.compose(replace(MESSAGE, delivery_id="d2", update_ref=str(first["Message-ID"])), FROM)
    assert later["Message-ID"] != first["Message-ID"]
    assert later["References"] == first["Message-ID"]


def test_senders_are_found_by_name() -> None:
    assert {"slack", "email", "sms"} <= set(base.discover())
    assert base.build("slack", {"token": "xoxb-x"}).NAME == "slack"


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("pager", {}, "pager"),
        ("slack", {"token": "x", "tokn": "y"}, "tokn"),
        ("slack", {}, "token"),
        (
            "email",
            {"host": "h", "port": 25, "from_address": "a@b.test", "tls": "ssl3"},
            "tls",
        ),
        (
            "email",
            {
                "host": "h",
                "port": 25,
                "from_address": "a@b.test",
                "tls": "none",
                "username": "u",
            },
            "tls",
        ),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        base.build(name, settings)
