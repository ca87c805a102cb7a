"""One set of processors for structlog and for stdlib logging (Scrapy, SQLAlchemy): people read a console, programs JSON lines."""

import logging
import logging.handlers
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr
from rich.console import Console
from structlog.typing import EventDict, Processor, WrappedLogger

from propspider.config import Config

_REDACTED = "***"
_SECRET_KEYS = re.compile(r"(?i)(?:password|passwd|secret|token|cookie|authorization|api_?key|database(?:_direct)?_url)$")
_SECRET_TEXTS = (
    (re.compile(r"(?<=://)([^\s/@:]*):[^\s/@]+(?=@)"), r"\1:" + _REDACTED),
    (re.compile(r"(?i)(\bpassword\s*=\s*)('[^']*'|\S+)"), r"\1" + _REDACTED),
    (
        re.compile(r"(?i)((?:set-)?cookie|(?:proxy-)?authorization)(['\"]?\s*[:=]\s*)(?:\[?b?'[^']*'|\[?b?\"[^\"]*\"|[^\r\n]+)"),
        rf"\1\2{_REDACTED}",
    ),
)
# Objects that Scrapy hangs on its records. An item may hold somebody's name and telephone number: logs have no retention period.
# The last two are left on a record by other handlers' formatters.
_DROPPED_KEYS = frozenset({"item", "crawler", "failure", "response", "message", "asctime"})
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TRACEBACK_CONTROLS = re.compile(_CONTROLS.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
# On a handler, not as levels of the loggers: Scrapy's own configure_logging() resets those.
_FLOORS = {
    "scrapy.addons": logging.WARNING,
    "scrapy.crawler": logging.WARNING,
    "scrapy.downloadermiddlewares.robotstxt": logging.CRITICAL,  # a page of traceback for what robots.py says in a line
    "scrapy.middleware": logging.WARNING,
    "scrapy.utils.log": logging.WARNING,
    "tldextract": logging.CRITICAL,
    "filelock": logging.WARNING,
    "asyncio": logging.WARNING,
}

_installed: list[logging.Handler] = []


def is_configured() -> bool:
    return any(handler in logging.root.handlers for handler in _installed)


def configure(config: Config, *, console: bool = True, level: str | None = None, path: Path | None = None) -> None:
    """Replace what an earlier call installed. `level` and `path` stand for the config's own.

    A log file that cannot be written leaves the console, on even if it was not asked for, and one warning.
    """
    threshold = logging.getLevelNamesMapping()[(level or config.log_level).upper()]
    path = path or config.log_path
    redact = redactor(config)
    trouble: OSError | None = None
    handlers: list[logging.Handler] = []
    try:
        handlers.append(_file_handler(path, redact))
    except OSError as error:
        trouble = error
    if console or trouble:
        handlers.append(_console_handler(redact))
    _install(handlers, threshold)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(True)
    if trouble:
        structlog.get_logger(__name__).warning("no log file", path=str(path), reason=trouble.strerror)


def remove() -> None:
    """Take out what `configure` put in, and close the file."""
    while _installed:
        handler = _installed.pop()
        logging.root.removeHandler(handler)
        handler.close()


def _install(handlers: list[logging.Handler], threshold: int) -> None:
    remove()
    for handler in handlers:
        handler.setLevel(threshold)
        handler.addFilter(_is_wanted)
        logging.root.addHandler(handler)
    _installed.extend(handlers)
    logging.root.setLevel(threshold)


def _is_wanted(record: logging.LogRecord) -> bool:
    for name, floor in _FLOORS.items():
        if record.levelno < floor and (record.name == name or record.name.startswith(name + ".")):
            return False
    return True


def _console_handler(redact: Processor) -> logging.Handler:
    terminal = Console(stderr=True)
    handler = logging.StreamHandler()
    if terminal.is_terminal:
        # structlog's own default prints the local variables of every frame.
        renderer = structlog.dev.ConsoleRenderer(
            colors=terminal.color_system is not None and not terminal.no_color,
            exception_formatter=structlog.dev.plain_traceback,
        )
        handler.setFormatter(_formatter([structlog.processors.format_exc_info, redact, neutralise, renderer]))
    else:
        handler.setFormatter(_json_formatter(redact))
    return handler


def _file_handler(path: Path, redact: Processor) -> logging.Handler:
    # exist_ok is checked first: a folder that is already there keeps its mode.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = logging.handlers.WatchedFileHandler(path, encoding="utf-8")
    handler.setFormatter(_json_formatter(redact))
    return handler


def _json_formatter(redact: Processor) -> logging.Formatter:
    return _formatter([structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()])


def _formatter(processors: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, plain, *processors],
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def plain(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """JSON values only; a spider by its name."""
    kept = {key: value for key, value in event.items() if key not in _DROPPED_KEYS}
    if "spider" in kept:
        kept["spider"] = getattr(kept["spider"], "name", kept["spider"])
    return {key: value if key == "exc_info" else _plain(value) for key, value in kept.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)


def redactor(config: Config) -> Processor:
    """Hides what looks like a credential, and the configured ones wherever they turn up."""
    literals = _literals(config.database_url) | _literals(config.database_direct_url)
    literals |= {url.get_secret_value() for url in config.alert_urls}

    def text(value: str) -> str:
        for literal in literals:
            value = value.replace(literal, _REDACTED)
        for pattern, replacement in _SECRET_TEXTS:
            value = pattern.sub(replacement, value)
        return value

    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: _redacted(key, value, text) for key, value in event.items()}

    return redact


def _redacted(key: str, value: Any, text: Callable[[str], str]) -> Any:
    if value is not None and _SECRET_KEYS.search(key):
        return _REDACTED
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {name: _redacted(name, item, text) for name, item in value.items()}
    if isinstance(value, list):
        return [_redacted(key, item, text) for item in value]
    return value


def _literals(dsn: SecretStr | None) -> frozenset[str]:
    """A password as a word of its own. Short ones are left to the patterns: they would blot out innocent text."""
    if dsn is None:
        return frozenset()
    import psycopg

    try:
        password = psycopg.conninfo.conninfo_to_dict(dsn.get_secret_value()).get("password")
    except psycopg.ProgrammingError:
        return frozenset()
    return frozenset({str(password)}) if password and len(str(password)) >= 6 else frozenset()


def neutralise(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """No escape sequence of a scraped page reaches the terminal, no line break forges a log line: tracebacks are indented."""
    shown = {key: _neutral(value, _CONTROLS) for key, value in event.items() if key != "exception"}
    if "exception" in event:
        shown["exception"] = textwrap.indent(_neutral(event["exception"], _TRACEBACK_CONTROLS), "  ")
    return shown


def _neutral(value: Any, controls: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return controls.sub(lambda match: ascii(match[0])[1:-1], value)
    if isinstance(value, dict):
        return {_neutral(key, controls): _neutral(item, controls) for key, item in value.items()}
    if isinstance(value, list):
        return [_neutral(item, controls) for item in value]
    return value
