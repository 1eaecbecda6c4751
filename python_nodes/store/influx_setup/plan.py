"""The plan that a server is held against, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from python_nodes.errors import ConfigError

DEFAULT_PATH = Path(__file__).parent / "setup.toml"
DAY_S = 86_400
Right = Literal["read", "write"]


class Bucket(BaseModel):
    """One retention policy: how long it keeps what, and how much of it is one shard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str = Field(pattern=r"^[a-z_]*$")
    keep_days: int = Field(ge=1)
    shard_days: int = Field(ge=1)


class Token(BaseModel):
    """Somebody who may do so much with all buckets of the plan, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z_]+$")
    may: tuple[Right, ...] = Field(min_length=1)


class Plan(BaseModel):
    """All of a server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organisation: str = Field(min_length=1)
    buckets: tuple[Bucket, ...] = Field(min_length=1)
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """What is not as planned; ``mend`` makes it so, None where that must be somebody's decision: the words say."""

    words: str
    mend: Callable[[], None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the caller allows and where secrets go: without a folder no token is made."""

    tokens_folder: Path | None = None
    renew_tokens: bool = False
    may_shorten: bool = False


def read(path: Path = DEFAULT_PATH) -> Plan:
    """Read a plan, or say what is wrong with it."""
    try:
        return Plan.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
        raise ConfigError(f"{path}: {'; '.join(wrong)}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def retention_gap(name: str, kept_s: int, wanted: Bucket, wishes: Wishes, mend: Callable[[], None]) -> Gap | None:
    """Compare how long something keeps (0 for ever); to keep less destroys, and is done only where it was asked for."""
    wanted_s = wanted.keep_days * DAY_S
    if kept_s == wanted_s:
        return None
    kept = f"{kept_s // DAY_S} days" if kept_s else "for ever"
    words = f"{name} keeps {kept}, not {wanted.keep_days} days"
    if (kept_s == 0 or kept_s > wanted_s) and not wishes.may_shorten:
        return Gap(f"{words}: what is older would be deleted; --shorten does it", None)
    return Gap(words, mend)


def put_secret(folder: Path, name: str, secret: str) -> None:
    """Write a secret to a file that only its owner may read, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{name}.new"
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(secret, encoding="utf-8")
    fresh.replace(folder / name)


def secret_file(token: Token) -> str:
    """Return what a token's file is called."""
    return f"influx_{token.name}_token"
