"""What people do in Slack: is it Slack's, is it new, and what is wanted; Bolt finds who answers to it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slack_sdk.signature import Clock, SignatureVerifier

from python_nodes import actions
from python_nodes.domain.said import say
from python_nodes.domain.speech import speaking
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.notify import slack_form
from python_nodes.notify.senders import slack
from python_nodes.steps import alert_act, proposal_admin, slack_payload, slack_view, spoken
from python_nodes.steps.alert_act import Acted, Request
from python_nodes.steps.services import Services
from python_nodes.steps.slack_payload import Interaction

if TYPE_CHECKING:
    from slack_bolt import Ack, App

ENDPOINT = "/v1/slack/actions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Slack is answered; ``acted`` is None where nothing was to be done about an alert.

    ``body`` is Slack's own JSON for a form, None where a button was pressed.
    """

    acted: Acted | None = None
    at: datetime
    user_id: str = ""
    channel: str = ""
    is_told: bool = False
    """Whether the person has been told what came of it."""
    body: str | None = None


class _At(Clock):
    """The verifier's clock, at the moment it is given."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now.timestamp()


def verify(services: Services, raw: bytes, headers: Mapping[str, str], now: datetime) -> str:
    """Return the request's signature; a forged or late one is refused with 401, whatever it says."""
    secret = services.answers.slack_signing_secret
    if secret is None:
        raise PermanentError("slack: no signing secret is set, so no click can be believed", status=503)
    told = {name.lower(): value for name, value in headers.items()}
    signature, sent_at = told.get("x-slack-signature", ""), told.get("x-slack-request-timestamp", "")
    is_number = sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12
    try:
        is_slacks = is_number and SignatureVerifier(secret, _At(now)).is_valid(raw, sent_at, signature)
    except (UnicodeDecodeError, TypeError):
        # A body that is no text, or a signature that is no ASCII, is signed by nobody.
        is_slacks = False
    if not is_slacks:
        raise PermanentError("slack: the signature is wrong, or older than five minutes", status=401)
    return signature


def run(services: Services, tenant_id: int, raw: bytes, signature: str, now: datetime) -> Answer:
    """Do what a verified request asks for, once; the same signed request again is refused."""
    from slack_bolt import BoltRequest

    told = slack_payload.read(raw)
    desk = _Desk(services, tenant_id, Request(endpoint=ENDPOINT, key=signature, raw=raw), told, now, told.moment(now))
    asked = BoltRequest(body=raw.decode(), headers={"content-type": "application/x-www-form-urlencoded"})
    answered = _app(desk).dispatch(asked)
    if not desk.is_ours:
        return Answer(at=desk.at)
    channel = told.channel.id if told.channel else ""
    body = answered.body if told.view is not None else None
    return replace(desk.answer, user_id=told.user.id, channel=desk.answer.channel or channel, body=body)


@dataclass(slots=True)
class _Desk:
    """One request on its way through Bolt, and what came of it."""

    services: Services
    tenant_id: int
    request: Request
    told: Interaction
    now: datetime
    at: datetime
    is_ours: bool = False
    answer: Answer = field(init=False)

    def __post_init__(self) -> None:
        self.answer = Answer(at=self.at)

    def pressed(self, ack: Ack) -> None:
        """Carry out a button's choice."""
        press = self.told.actions[0]
        wish = actions.chosen(press.action_id, self.told.actor)
        with speaking(spoken.by(self.services, self.told.channel.id if self.told.channel else "")):
            self._done(self._act(_alert_id(press.value), wish))
        ack()

    def proposed(self, ack: Ack) -> None:
        """Decide on a proposal, which is about what alerts taught."""
        press = self.told.actions[0]
        with speaking(spoken.by(self.services, self.told.channel.id if self.told.channel else "")):
            done = proposal_admin.pressed(
                self.services, self.tenant_id, self.request, press.action_id, self.told.actor, self.at
            )  # fmt: skip
        self._done(Acted(alert_id=_alert_id(press.value), status=done.status, word=done.word, changed=False))
        ack()

    def asked_for_more(self, ack: Ack) -> None:
        """Open the form while Slack's trigger is good: for three seconds."""
        alert_id, channel = _alert_id(self.told.actions[0].value), self.told.channel
        behind_s = (self.now - self.at).total_seconds()
        about = slack_form.About(alert_id=alert_id, channel=channel.id if channel else "", behind_s=behind_s)
        view = slack_view.open_once(self.services, self.tenant_id, self.request, about)
        if view is None:
            with speaking(spoken.by(self.services, about.channel)):
                self._done(_gone(alert_id))
        else:
            slack.Sender(**self.services.senders["slack"]).open_form(self.told.trigger_id, view)
            self._done(Acted(alert_id=alert_id, status="opened", word="", changed=False), is_told=True)
        ack()

    def filled_in(self, ack: Ack, view: dict[str, Any]) -> None:
        """Carry out what the form says; what it lacks is told beside the field."""
        try:
            about = slack_form.about(view["private_metadata"])
            self.at = self.now - timedelta(seconds=about.behind_s)
            filled = slack_form.read(view["state"]["values"])
            wish = actions.chosen(
                filled.what, self.told.actor, note=filled.note, assignee=filled.assignee, until_at=filled.until_at,
                cause=filled.cause,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise PermanentError(f"slack: not our form: {type(error).__name__}", status=422, field="payload") from None
        with speaking(spoken.by(self.services, about.channel)):
            self._carry_out(ack, about, wish)

    def _carry_out(self, ack: Ack, about: slack_form.About, wish: actions.Wish) -> None:
        lacking = actions.lacks(wish, self.at)
        if lacking:
            self._done(Acted(alert_id=about.alert_id, status="incomplete", word="", changed=False), is_told=True)
            ack(response_action="errors", errors=lacking)
            return
        acted = self._act(about.alert_id, wish)
        is_refused = acted.status != "recorded"
        self._done(acted, is_told=True, channel=about.channel)
        # The form stays open with the word that says why, so that nobody thinks it was done.
        ack(response_action="errors", errors={slack_form.WHAT: acted.word}) if is_refused else ack()

    def _act(self, alert_id: int, wish: actions.Wish) -> Acted:
        try:
            acted, is_replay = alert_act.act_once(
                self.services, self.tenant_id, self.request, alert_id, wish, self.at
            )  # fmt: skip
        except NotFoundError:
            return _gone(alert_id)
        if is_replay:
            raise PermanentError(slack_view.REPLAYED, status=409)
        return acted

    def _done(self, acted: Acted, *, is_told: bool = False, channel: str = "") -> None:
        self.is_ours = True
        self.answer = Answer(acted=acted, at=self.at, is_told=is_told, channel=channel)


def _gone(alert_id: int) -> Acted:
    return Acted(alert_id=alert_id, status="refused", word=say("That alert is no longer here."), changed=False)


def _alert_id(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 15):
        raise PermanentError("slack: the button names no alert", status=422, field="payload")
    return int(value)


def _app(desk: _Desk) -> App:
    """Say who answers to what; made for each request, since it holds what the request is about."""
    from slack_bolt import App
    from slack_bolt.authorization import AuthorizeResult
    from slack_sdk import WebClient

    def bot(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)

    quiet = logging.getLogger("slack_bolt")
    quiet.setLevel(logging.ERROR)
    app = App(
        logger=quiet, client=WebClient(), authorize=bot, process_before_response=True,
        # The signature is checked before: by our clock, on the bytes as they came, and once each.
        request_verification_enabled=False,
    )  # fmt: skip
    for choice in actions.BUTTONS:
        app.action(choice)(desk.pressed)
    app.action(actions.MORE)(desk.asked_for_more)
    app.action(re.compile(f"^{proposal_admin.PREFIX}"))(desk.proposed)
    app.view(slack_form.CALLBACK)(desk.filled_in)
    app.error(_raise)
    return app


def _raise(error: Exception) -> None:
    """Let our own errors reach the endpoint, which answers them by kind."""
    raise error
