"""What a run of a tier came to, and how the schedule stands."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

RunStatus = Literal["running", "completed", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class QueueProcessResult:
    """Detail pages of a run."""

    processed: int
    succeeded: int
    failed: int
    duration_seconds: float


@dataclass(frozen=True, kw_only=True)
class TierResult:
    """`tier_level` None: a full sync. `status` running: handed back, to be taken up by whoever runs the tier next.
    `errors`: why it is no success; `notes`: what a reader of a success should know.
    """

    run_id: uuid.UUID
    portal: str
    tier_level: int | None
    tier_name: str
    status: RunStatus
    pages_scanned: int
    properties_in_manifest: int
    new_properties: int
    price_changes: int
    removals_detected: int
    removals_confirmed: int
    properties_queued: int
    properties_scraped: int
    duration_seconds: float
    queue: QueueProcessResult
    errors: list[str]
    notes: list[str]

    @property
    def success(self) -> bool:
        return self.status == "completed"


@dataclass(frozen=True, kw_only=True)
class TierSchedule:
    """`last_scheduled`: when its schedule last made it run. `next_run`: None for by hand or switched off, in the past when it is
    overdue. `running`: a run that somebody carries out now; `interrupted`: one that nobody does, to be taken up.
    """

    tier: str
    name: str
    trigger: str
    enabled: bool
    last_started: datetime | None
    last_status: str | None
    last_error: str | None
    last_scheduled: datetime | None
    next_run: datetime | None
    is_due: bool
    running: uuid.UUID | None
    interrupted: uuid.UUID | None
    step: str | None


@dataclass(frozen=True, kw_only=True)
class ScheduleStatus:
    """`current`: tiers that are running; `paused`: why nothing of the portal runs, None when it may."""

    portal: str
    time_zone: str
    tiers: list[TierSchedule]
    current: list[str]
    paused: str | None
