"""A new portal's folder, as string.Template texts, and the rules for its name."""

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


class NotWritten(ValueError):
    """The name or address does not do, or the folder is there already; nothing was written."""


def write(name: str, base_url: str, into: Path) -> Path:
    """Makes `<into>/<name>` with __init__.py, portal.toml and pages.py. Raises NotWritten, OSError."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise NotWritten(f"{name!r} cannot name a portal: 2 to 40 small letters, digits and _, a letter first")
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not re.fullmatch(r"[A-Za-z0-9.-]+", parts.hostname or ""):
        raise NotWritten(f"{base_url!r} is not an address such as https://www.example.com")
    if parts.netloc.lower() != parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise NotWritten(f"{base_url!r}: give the scheme and the host only, as in https://www.example.com")
    folder = into / name
    if folder.exists() or (into / f"{name}.py").exists():
        raise NotWritten(f"{folder} is there already")
    host = str(parts.hostname)
    hosts = dict.fromkeys((host, host.removeprefix("www.")))
    values = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "base_url": f"{parts.scheme}://{host}",
        "domains": ", ".join(f'"{host}"' for host in hosts),
    }
    folder.mkdir()
    (folder / "__init__.py").touch()
    for written in ("portal.toml", "pages.py"):
        text = Template(files(__package__).joinpath(f"{written}.txt").read_text(encoding="utf-8"))
        (folder / written).write_text(text.substitute(values), encoding="utf-8")
    return folder
