"""Have an alert put in words once for each category it reaches, within the month's budget."""

from __future__ import annotations

from sqlalchemy import Connection

from python_nodes import insights, log
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.speech import ENGLISH, current
from python_nodes.steps.services import Services
from python_nodes.store import alerts, deliveries, portfolio
from python_nodes.store import insights as store


def text(conn: Connection, alert: Alert, listing: ListingInfo | None, advice: str) -> str:
    """Return what was written, or the template's words with our own advice; nothing for an alert that has ended."""
    if alert.resolved_at is not None:
        return ""
    # The model is asked once an alert, in English: who reads another language gets the template's words.
    written = store.text_of(conn, alert) if current().tag == ENGLISH.tag else None
    return written or insights.template(insights.facts(alert, listing), advice)


def ensure(services: Services, tenant_id: int, delivery_id: int) -> None:
    """Ask for the words of a delivery's alert if nobody has; a failure leaves them to the template."""
    if services.openai is None:
        return
    with services.database.tenant(tenant_id) as lock:
        alert_id = deliveries.get(lock, delivery_id).alert_id
        if not store.hold(lock, alert_id):
            return
        with services.database.tenant(tenant_id) as conn:
            alert = alerts.get(conn, alert_id)
            if alert.resolved_at is not None or store.text_of(conn, alert) is not None:
                return
            told = insights.facts(alert, _listing(conn, alert))
            at, budget = services.clock(), services.openai.monthly_tokens
            event_id = store.reserve(conn, alert, insights.RESERVED_TOKENS, budget, at)
        if event_id is None:
            return
        with log.stage("in_words", tenant_id=tenant_id, alert_id=alert_id) as facts:
            written = insights.ask(told, services.openai)
            # "used" and not "tokens": what is called a token is taken out of logs.
            facts.update(used=written.tokens, result=written.reason)
        with services.database.tenant(tenant_id) as conn:
            store.settle(conn, event_id, alert, written.text, written.tokens, written.reason)


def _listing(conn: Connection, alert: Alert) -> ListingInfo | None:
    if alert.listing_id is None:
        return None
    return next((one for one in portfolio.load_listings(conn) if one.listing_id == alert.listing_id), None)
