"""Cookies files (Netscape cookies.txt, or JSON as browsers export it). No value ever reaches a message, a log or a repr."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from propspider import clock

MAX_BYTES = 4 * 1024 * 1024
_HTTP_ONLY = "#HttpOnly_"
_MILLISECONDS = 100_000_000_000  # as seconds, this is the year 5138: some exports count in milliseconds
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f;]")


class CookiesFileError(ValueError):
    """A cookies file that cannot be used; the message names the file and the reason."""


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """`domain` has no leading dot; `expires` is a Unix time, None = until the browser closes."""

    name: str
    value: str = field(repr=False)
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    expires: float | None

    def is_for(self, host: str) -> bool:
        return host == self.domain or (not self.host_only and host.endswith(f".{self.domain}"))


@dataclass(frozen=True, kw_only=True)
class CookiesFile:
    """`cookies` are those that may still be sent; the others are only counted."""

    path: Path
    cookies: tuple[Cookie, ...] = field(repr=False)
    expired: int
    other_sites: int


class _Malformed(ValueError):
    """Says what is wrong with one line or entry, without a value."""


def load(path: Path, hosts: Iterable[str]) -> CookiesFile:
    """The cookies for `hosts` (netlocs; a cookie knows no port). Raises CookiesFileError, also when none may be sent."""
    path = path.expanduser()
    names = sorted({urlsplit(f"//{host}").hostname or "" for host in hosts})
    text = _read(path)
    try:
        found = list(_from_json(text) if text.lstrip()[:1] in {"[", "{"} else _from_lines(text))
    except _Malformed as error:
        raise CookiesFileError(f"cookies file {path}: {error}") from None
    own = [cookie for cookie in found if any(cookie.is_for(host) for host in names)]
    now = clock.now().timestamp()
    valid = tuple(cookie for cookie in own if cookie.expires is None or cookie.expires > now)
    if not own:
        reason = f"none of its {len(found)} cookies is for {' or '.join(names)}" if found else "it has no cookies"
        raise CookiesFileError(f"cookies file {path}: {reason}")
    if not valid:
        raise CookiesFileError(f"cookies file {path}: all {len(own)} cookies for {' or '.join(names)} have expired")
    return CookiesFile(path=path, cookies=valid, expired=len(own) - len(valid), other_sites=len(found) - len(own))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CookiesFileError(f"cookies file {path}: {error.strerror or type(error).__name__}") from None
    if len(raw) > MAX_BYTES:
        raise CookiesFileError(f"cookies file {path}: larger than {MAX_BYTES // 1024 // 1024} MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CookiesFileError(f"cookies file {path}: not a text file in UTF-8") from None


def _from_lines(text: str) -> Iterator[Cookie]:
    for number, line in enumerate(re.split(r"\r?\n", text), start=1):
        if not line.strip() or (line.startswith("#") and not line.startswith(_HTTP_ONLY)):
            continue
        fields = line.removeprefix(_HTTP_ONLY).split("\t")
        if len(fields) == 6:
            fields.append("")  # an editor that strips trailing blanks takes the tab before an empty value
        if len(fields) != 7:
            raise _Malformed(f"neither JSON nor cookies.txt (line {number} has not seven tab-separated fields)")
        domain, subdomains, path, secure, expires, name, value = fields
        yield _cookie(
            f"line {number}",
            name=name,
            value=value,
            domain=domain,
            host_only=not (domain.startswith(".") or subdomains.upper() == "TRUE"),
            path=path,
            secure=secure.upper() == "TRUE",
            http_only=line.startswith(_HTTP_ONLY),
            expires=expires,
        )


def _from_json(text: str) -> Iterator[Cookie]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise _Malformed("begins like JSON and is none") from None
    entries = data.get("cookies") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise _Malformed("its JSON is not a list of cookies")
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise _Malformed(f"entry {number} is not an object")
        domain = entry.get("domain")
        yield _cookie(
            f"entry {number}",
            name=entry.get("name"),
            value=entry.get("value"),
            domain=domain,
            host_only=entry.get("hostOnly", not str(domain).startswith(".")) is True,
            path=entry.get("path") or "/",
            secure=entry.get("secure") is True,
            http_only=entry.get("httpOnly") is True,
            expires=entry.get("expirationDate", entry.get("expires")),
        )


def _cookie(
    place: str, *, name: Any, value: Any, domain: Any, host_only: bool, path: Any, secure: bool, http_only: bool, expires: Any
) -> Cookie:
    texts = {"name": name, "value": value, "domain": domain, "path": path}
    for key, text in texts.items():
        if not isinstance(text, str) or (not text and key in {"name", "domain"}):
            raise _Malformed(f"{place} has no {key}")
        if _UNFIT.search(text):
            raise _Malformed(f"{place} has a {key} with characters that no cookie may have")
    return Cookie(
        name=name,
        value=value,
        domain=domain.lower().removeprefix("."),
        host_only=host_only,
        path=path if path.startswith("/") else "/",
        secure=secure,
        http_only=http_only,
        expires=_moment(place, expires),
    )


def _moment(place: str, stated: Any) -> float | None:
    """None for what ends with the session, which exports write as nothing, 0 or -1."""
    if stated is None or stated in ("", "session", "Session"):  # a tuple: a list has no hash
        return None
    try:
        seconds = float(stated)
    except (TypeError, ValueError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise _Malformed(f"{place} has an expiry that is not a number")
    if seconds <= 0:
        return None
    return seconds / 1000 if seconds > _MILLISECONDS else seconds
