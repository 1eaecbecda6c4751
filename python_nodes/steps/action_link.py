"""The links in e-mails: signed, expiring, for one person, one alert and one choice."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from python_nodes.actions import BUTTONS, MORE
from python_nodes.domain.sealing import signing_keys
from python_nodes.errors import PermanentError
from python_nodes.steps.services import Services

SALT = "nightporter.action"
PATH = "/act"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLink:
    """What a link stands for."""

    tenant_id: int
    alert_id: int
    choice: str
    recipient: str


def url(services: Services, link: ActionLink) -> str:
    """Make the link's address."""
    token = URLSafeTimedSerializer(signing_keys(services.fernet_key), salt=SALT).dumps(asdict(link))
    return f"{services.base_url.rstrip('/')}{PATH}?token={token!s}"


def read(services: Services, token: str) -> ActionLink:
    """Read a link's token; a forged or expired one is refused with 401 and a word that fits."""
    signer = URLSafeTimedSerializer(signing_keys(services.fernet_key), salt=SALT)
    try:
        told = signer.loads(token, max_age=services.answers.link_max_age_s)
    except SignatureExpired:
        raise PermanentError("This link has expired; the alert's newest message has new ones.", status=401) from None
    except BadSignature:
        raise PermanentError("This link is not one of ours.", status=401) from None
    link = ActionLink(**told)
    if link.choice not in (*BUTTONS, MORE):
        raise PermanentError("This link offers what no longer exists.", status=410)
    return link
