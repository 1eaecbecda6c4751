"""The links of e-mails: ours, whole, in time, and no other token of ours."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from python_nodes import config, wiring
from python_nodes.errors import PermanentError
from python_nodes.login import login_token
from python_nodes.steps import action_link
from python_nodes.steps.action_link import ActionLink
from python_nodes.steps.services import Answers, Services

LINK = ActionLink(tenant_id=1, alert_id=12, choice="resolve", recipient="ops@example.test")


@pytest.fixture(scope="module")
def services() -> Services:
    return wiring.build_services(config.documentation())


def token(services: Services, link: ActionLink = LINK) -> str:
    return parse_qs(urlsplit(action_link.url(services, link)).query)["token"][0]


def test_a_link_says_what_it_was_made_for(services: Services) -> None:
    assert action_link.read(services, token(services)) == LINK


def test_an_old_link_is_refused_with_a_word_of_its_own(services: Services) -> None:
    impatient = replace(services, answers=Answers(link_max_age_s=-1))
    with pytest.raises(PermanentError, match="expired") as refusal:
        action_link.read(impatient, token(services))
    assert refusal.value.status == 401


def test_a_changed_link_or_another_token_of_ours_is_refused(services: Services) -> None:
    other = token(services, replace(LINK, alert_id=13))
    forged = [
        token(services).replace(token(services).split(".")[0], other.split(".")[0]), token(services)[:-1], "", "a.b.c",
        login_token(services.fernet_key, 1), token(replace(services, fernet_key="another")),
    ]  # fmt: skip
    for one in forged:
        with pytest.raises(PermanentError, match="not one of ours"):
            action_link.read(services, one)


def test_a_choice_that_is_no_longer_offered_is_gone(services: Services) -> None:
    with pytest.raises(PermanentError) as refusal:
        action_link.read(services, token(services, replace(LINK, choice="snooze")))
    assert refusal.value.status == 410
