"""Scrapy's settings. Per-portal facts are in portal.toml; importing this reads the environment and sets the clock."""

import logging

from pydantic import ValidationError
from pydantic_settings import SettingsError

from propspider import clock as _clock
from propspider import config as _environment
from propspider.config import Config


def _load() -> Config:
    try:
        config = _environment.load()
    except ValidationError as error:
        raise SystemExit(f"propspider: {_environment.complaints(error)}") from None
    except SettingsError as error:
        raise SystemExit(f"propspider: {error}") from None
    if config.log_level.upper() not in logging.getLevelNamesMapping():
        raise SystemExit(f"propspider: PROPSPIDER_LOG_LEVEL: {config.log_level!r} is not a level such as INFO or DEBUG")
    return config


_config = _load()
_clock.follow(_config.clock)

BOT_NAME = "propspider"
SPIDER_MODULES = ["propspider.spiders"]
NEWSPIDER_MODULE = "propspider.spiders"
COMMANDS_MODULE = "propspider.commands.scrapy"
USER_AGENT = _config.user_agent
TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"

# An item passes them from the lowest number to the highest. Only the last one writes.
ITEM_PIPELINES = {
    "propspider.pipelines.validation.ValidationPipeline": 100,  # required fields and types; a reject becomes an error row
    "propspider.pipelines.quality.QualityPipeline": 200,  # completeness 0.00 to 1.00
    "propspider.pipelines.diff.DiffPipeline": 300,  # content hash: unchanged, or a candidate
    "propspider.pipelines.postgres.PostgresPipeline": 400,  # one transaction per flush: staging, live, changes, queue
}
EXTENSIONS = {
    "propspider.extensions.run_record.RunRecord": 100,
}
# A request passes them downwards, its response upwards. What is not sent (reach, robots) waits for no pace.
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,  # reach.py holds dont_filter requests as well
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "propspider.middlewares.reach.ReachMiddleware": 90,
    "propspider.middlewares.robots.RobotsMiddleware": 100,
    "propspider.middlewares.user_agent.UserAgentsMiddleware": 490,  # before Scrapy's own at 500, which fills in what is left
    "propspider.middlewares.retry.BackoffRetryMiddleware": 550,  # where Scrapy's own is
    "propspider.middlewares.cookies.CookiesFileMiddleware": 700,  # below the redirects at 600: each hop is asked anew
    "propspider.middlewares.pacing.PacingMiddleware": 950,  # after HttpCache 900: a cached page costs the portal nothing
    "propspider.middlewares.fetched.FetchedAtMiddleware": 990,
}
SPIDER_MIDDLEWARES = {
    "propspider.middlewares.funnel.FunnelMiddleware": 10,  # outermost: sees what the other spider middlewares raise as well
}
_HANDLER = "propspider.middlewares.handler.OnceHandler"
DOWNLOAD_HANDLERS = {"http": _HANDLER, "https": _HANDLER, "data": None, "file": None, "ftp": None, "s3": None}

# The pace of a host is one row of host_pacing, shared by every process: no delays here.
DOWNLOAD_DELAY = 0
CONCURRENT_REQUESTS = 16
CONCURRENT_REQUESTS_PER_DOMAIN = 16
AUTOTHROTTLE_ENABLED = False
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = _config.user_agent  # whatever name a request goes by, the rules are those for us

# Statuses reach the spider, which judges them. With 429 and 503 the portal asks for time: pacing makes every process wait.
HTTPERROR_ALLOW_ALL = True
RETRY_TIMES = 3
RETRY_BACKOFF_SECONDS = 2.0  # before the first retry, doubled for each further one
RETRY_HTTP_CODES = [500, 502, 503, 504, 522, 524, 408, 429]
RETRY_GIVE_UP_LOG_LEVEL = "INFO"  # the error row tells
REDIRECT_MAX_TIMES = 3
METAREFRESH_ENABLED = False  # a page that sends its reader elsewhere is judged, not followed
DOWNLOAD_TIMEOUT = 30
DOWNLOAD_MAXSIZE = 16 * 1024 * 1024
DOWNLOAD_WARNSIZE = 8 * 1024 * 1024
DOWNLOAD_VERIFY_CERTIFICATES = True  # Scrapy's default is not to

COOKIES_ENABLED = False
REMOTE_CONTROL_ENABLED = False  # a server on localhost that runs code; on by default since Scrapy 2.19
TELNETCONSOLE_ENABLED = False

FEED_EXPORT_ENCODING = "utf-8"
CRAWL_LEASE_SECONDS = _config.patience.crawl_lease
HEARTBEAT_SECONDS = CRAWL_LEASE_SECONDS / 4  # a session without one for 10 minutes is found dead
STATS_DUMP = False  # the run's row holds them

LOG_FORMATTER = "propspider.crawl_logs.CrawlLog"
LOG_INSTALL_ROOT_HANDLER = False
LOG_LEVEL = _config.log_level.upper()
LOG_VERSIONS: list[str] = []
