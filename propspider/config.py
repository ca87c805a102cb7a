"""The only reader of the environment. Portal facts live in portal.toml, tier facts in the tier table."""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from propspider.overrides import TierLevel, TierOverride, of_variables

ROOT_STATE_DIR = Path("/var/lib/propspider")


def _as_header(agent: str) -> str:
    if not agent or not agent.isprintable() or not agent.isascii():
        raise ValueError("a user agent is printable ASCII and not empty")
    return agent


def _split_agents(value: Any) -> Any:
    return [agent.strip() for agent in re.split(r"[|\n]", value.strip())] if isinstance(value, str) else value


def _split_urls(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


def _check_nodes(urls: SecretStr) -> SecretStr:
    """What it says shows no part of a value: that may be a password."""
    for url in (part.strip() for part in urls.get_secret_value().split(",")):
        try:
            parts = urlsplit(url)
            is_node = parts.scheme in {"http", "https"} and bool(parts.hostname) and not (parts.query or parts.fragment)
            is_node = is_node and parts.port != 0 and bool((parts.hostname or "").encode("idna"))
        except ValueError:
            is_node = False
        if not is_node:
            raise ValueError("not http(s)://user:password@host:port/ (several separated by commas; special characters as %40)")
    return urls


UserAgent = Annotated[str, AfterValidator(_as_header)]


class PortalOverride(BaseModel):
    """What an installation may change about a portal without editing its portal.toml; None leaves it alone."""

    base_url: str | None = None
    delay_seconds: float | None = Field(default=None, ge=0)
    obey_robots: bool | None = None
    page_cap: int | None = Field(default=None, gt=0)
    requests_per_day: int | None = Field(default=None, gt=0)
    queue_ceiling: int | None = Field(default=None, gt=0)
    rendering: Literal["http", "browser"] | None = None
    verify_method: Literal["head_get", "get"] | None = None
    cookies_file: Path | None = None
    """cookies.txt or a browser's JSON export, for pages that need a login."""
    tiers: dict[TierLevel, TierOverride] = Field(default_factory=dict)


class Patience(BaseModel):
    """Real seconds that processes wait for each other. A laboratory that kills them waits less."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_lease: int = Field(default=30, ge=2)
    """After so long without a beat a run is another's to take up, and the stand-by leads."""
    crawl_lease: int = Field(default=120, ge=4)
    """After so long without a heartbeat the scopes that a crawl walked are another's."""
    again: float = Field(default=5, gt=0)
    """Between two looks of the daemon whether a run that is in a tier's way is over."""
    order: float = Field(default=2, gt=0)
    """Between the beginnings of two tiers that are due at once."""
    look_round: float = Field(default=60, gt=0)
    """Between two looks of the daemon at all tiers."""


_FACTS = {"page_cap", "rendering", "delay_seconds", "requests_per_day", "queue_ceiling"}


class Config(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="PROPSPIDER_",
        env_nested_delimiter="__",
        frozen=True,
        populate_by_name=True,
        extra="ignore",
        env_ignore_empty=True,
    )

    database_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    database_direct_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_DIRECT_URL", "database_direct_url")
    )
    scrapyd_url: Annotated[SecretStr, AfterValidator(_check_nodes)] | None = Field(
        default=None, validation_alias=AliasChoices("SCRAPYD_URL", "scrapyd_url")
    )
    """Nodes that the steps of tiers are submitted to, separated by commas; None: they are processes of this machine."""
    database: str = Field(default="propspider", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    """Which database of the embedded server; ignored when DATABASE_URL is set."""
    pg_bin: Path | None = None
    """Directory with initdb, pg_ctl and postgres to use instead of the wheel's."""
    state_dir_override: Path | None = Field(default=None, validation_alias=AliasChoices("PROPSPIDER_STATE_DIR"))
    default_portal: str = "pincali"
    portals: dict[str, PortalOverride] = Field(default_factory=dict)
    allow_private: bool = False
    """Allow private and loopback addresses as a portal's base_url (laboratory, demo, tests)."""
    browser: Path | None = None
    """The Chromium or Chrome to render with, instead of the one that is found."""
    browser_timeout_seconds: float = Field(default=60, gt=0, le=600)
    """For one rendered page with all that it loads."""
    browsers_path: Path | None = Field(default=None, validation_alias=AliasChoices("PLAYWRIGHT_BROWSERS_PATH"))
    """Where `playwright install` puts its browsers; its own variable."""
    user_agent: UserAgent = "propspider/0.1 (property-listings sync)"
    user_agents: Annotated[tuple[UserAgent, ...], NoDecode, BeforeValidator(_split_agents)] = ()
    """Names that requests go by in turn instead of `user_agent`; robots.txt is asked for by, and obeyed for, that one."""
    alert_urls: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_urls)] = ()
    """Where alerts are sent, in Apprise's notation. They hold passwords and tokens."""
    tiers: dict[TierLevel, TierOverride] = Field(
        default_factory=lambda: of_variables(os.environ), validate_default=True, validation_alias="tiers"
    )
    """The variables TIER_1_PAGES and so on, for every portal."""
    patience: Patience = Patience()
    clock: Path | None = None
    """The socket of a laboratory's clock, which this process goes by instead of the real one."""
    log_level: str = "INFO"
    log_file: Path | None = None

    @cached_property
    def state_dir(self) -> Path:
        """Where the embedded server and the log live. Root gets a directory that the server's own account can reach."""
        if self.state_dir_override is not None:
            return self.state_dir_override.expanduser().absolute()
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            return ROOT_STATE_DIR
        return Path(platformdirs.user_state_dir("propspider")).absolute()

    @cached_property
    def log_path(self) -> Path:
        return self.log_file or self.state_dir / "logs" / "propspider.log"

    def facts_of(self, portal: str) -> dict[str, Any]:
        """What this installation says in the place of a portal's own portal.toml."""
        override = self.portals.get(portal)
        if override is None:
            return {}
        removal = {} if override.verify_method is None else {"removal": {"method": override.verify_method}}
        return override.model_dump(include=_FACTS, exclude_none=True) | removal


def complaints(error: ValidationError) -> str:
    """Names the variables at fault, never their values."""
    return "; ".join(f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors())


def _variable(place: tuple[int | str, ...]) -> str:
    """An aliased field's place is the variable itself, another's is the field."""
    if place and place[0] == "tiers":
        return "_".join(["TIER", *(str(part) for part in place[1:] if part != "[key]")]).upper()
    name = "__".join(str(part) for part in place).upper()
    return name if name.startswith(("PROPSPIDER_", "DATABASE_", "SCRAPYD_")) else f"PROPSPIDER_{name}"


def environment_with(**extra: str) -> dict[str, str]:
    """For a process to start: this one's, and more."""
    return {**os.environ, **extra}


def environment_of_its_own(**extra: str) -> dict[str, str]:
    """For a process to start: this one's without any setting of ours, and more."""
    ours = ("PROPSPIDER_", "DATABASE_", "SCRAPYD_", "TIER_")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, **extra}


def load() -> Config:
    """Read the environment now. Raises pydantic.ValidationError that names the variable at fault."""
    return Config()
