"""Send one delivery, once: claim, render, send, finish."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.speech import speaking
from python_nodes.errors import NightporterError, NotFoundError, PermanentError, RetryableError
from python_nodes.notify import base, render
from python_nodes.steps import alert_context, answers, in_words, lateness, picture, places, spoken
from python_nodes.steps.services import Services
from python_nodes.store import alerts, deliveries, turns, undelivered

RETRY_AFTER_S = 5.0


def run(services: Services, tenant_id: int, delivery_id: int, as_of: datetime) -> dict[str, Any]:
    """Send unless it is sent; a permanent failure is told as one, a passing one asks to be tried again."""
    with (
        log.stage("delivery_send", tenant_id=tenant_id, delivery_id=delivery_id) as facts,
        services.database.tenant(tenant_id) as lock,
    ):
        # Held while sending: a delivery found `sending` under it was left by a process that died.
        if not deliveries.hold(lock, delivery_id, wait_s=turns.PATIENCE_S):
            raise RetryableError(f"delivery {delivery_id} is being sent", retry_after_s=RETRY_AFTER_S)
        in_words.ensure(services, tenant_id, delivery_id)
        _let_pass(services, tenant_id, delivery_id)
        with services.database.tenant(tenant_id) as conn:
            _wait_turn(conn, delivery_id)
            claimed = _claim(conn, delivery_id, services.clock())
            now = deliveries.get(conn, delivery_id)
            speech = spoken.by(services, now.recipient)
            with speaking(speech):
                message = _message(services, conn, now, as_of) if claimed else None
        if message is not None:
            facts["sender"] = now.sender
            with speaking(speech):
                now = _send(services, tenant_id, now, message)
            facts["lag_s"] = _lag_s(services, tenant_id, delivery_id)
        facts.update(status=now.status, sender=now.sender, attempts=now.attempts)
    return {"status": now.status, "provider_ref": now.provider_ref}


def _lag_s(services: Services, tenant_id: int, delivery_id: int) -> float:
    with services.database.tenant(tenant_id) as conn:
        return round(undelivered.waited_s(conn, delivery_id), 3)


def _let_pass(services: Services, tenant_id: int, delivery_id: int) -> None:
    """Wait while an earlier word is under way; nobody waits for a later one, so none wait for each other."""
    with services.database.tenant(tenant_id) as conn:
        first = _before(conn, delivery_id)
        if first is not None:
            deliveries.hold(conn, first, wait_s=turns.PATIENCE_S)


def _before(conn: Connection, delivery_id: int) -> int | None:
    wanted = deliveries.get(conn, delivery_id)
    return deliveries.earlier_unsent(conn, wanted, undelivered.hopeful()) if wanted.status != "sent" else None


def _wait_turn(conn: Connection, delivery_id: int) -> None:
    """Refuse for now what would overtake an earlier word on the same alert to the same recipient."""
    first = _before(conn, delivery_id)
    if first is not None:
        raise RetryableError(
            f"delivery {delivery_id} waits for {first}, planned before it", retry_after_s=RETRY_AFTER_S
        )


def _claim(conn: Connection, delivery_id: int, at: datetime) -> bool:
    deliveries.refuse_early(conn, delivery_id)
    if deliveries.get(conn, delivery_id).status == "sending":
        deliveries.finish(conn, delivery_id, at=at, error="interrupted")
    return deliveries.claim(conn, delivery_id) is not None


def _message(services: Services, conn: Connection, delivery: deliveries.Delivery, as_of: datetime) -> base.Message:
    alert = alerts.get(conn, delivery.alert_id)
    known = places.load(conn, alert)
    listing = next((one for one in known if one.listing_id == alert.listing_id), None)
    around = alert_context.of(conn, services, alert, known)
    earlier = [
        one.provider_ref
        for one in deliveries.list_for_alert(conn, alert.alert_id)
        if (one.sender, one.recipient, one.status) == (delivery.sender, delivery.recipient, "sent")
    ]
    sender = base.discover().get(delivery.sender)
    shows = sender is not None and sender.SHOWS_PICTURES
    key = picture.key(alert, listing) if shows else ""
    # What has been drawn and carried there before, for the same figures, need not be again.
    shown = next((ref for ref in reversed(earlier) if key and ref and ref.endswith(f":{key}")), "")
    chart = picture.of(conn, alert, listing, as_of) if shows and not shown else None
    advice = spoken.advice(alert, around) if alert.resolved_at is None else ()
    return render.render(
        alert,
        listing,
        chart,
        delivery_id=f"np-{delivery.delivery_id}",
        recipient=delivery.recipient,
        as_of=as_of,
        answers=answers.offered(services, conn, delivery, alert),
        in_words=in_words.text(conn, alert, listing, around.suggested_action),
        links=[base.Link(label=spoken.link(label), url=url) for label, url in around.links],
        more=(*lateness.said(conn, alert, delivery, as_of), *advice),
        update_ref=earlier[0] if earlier else None,
        is_retry=delivery.attempts > 1,
        chart_key=key,
        chart_ref=shown,
    )


def _send(
    services: Services, tenant_id: int, delivery: deliveries.Delivery, message: base.Message
) -> deliveries.Delivery:
    def leaves(within_s: float) -> None:
        with services.database.tenant(tenant_id) as conn:
            deliveries.leaves(conn, delivery, within_s)

    try:
        if delivery.sender not in services.senders:
            raise PermanentError(f"sender {delivery.sender} is not set up", status=422, field="sender")
        reference = base.build(delivery.sender, services.senders[delivery.sender]).send(message, leaves)
    except Exception as error:
        reason = str(log.redact(str(error))) if isinstance(error, NightporterError) else type(error).__name__
        _finish(
            services, tenant_id, delivery, error=reason, is_passing=isinstance(error, RetryableError),
            may_arrive=base.may_arrive(error),
        )  # fmt: skip
        raise
    return _finish(services, tenant_id, delivery, provider_ref=reference)


def _finish(services: Services, tenant_id: int, delivery: deliveries.Delivery, **end: Any) -> deliveries.Delivery:
    """Write down how this attempt ended, unless another has begun since: then that one's end counts."""
    with services.database.tenant(tenant_id) as conn:
        with suppress(NotFoundError):
            deliveries.finish(conn, delivery.delivery_id, at=services.clock(), attempt=delivery.attempts, **end)
        return deliveries.get(conn, delivery.delivery_id)
