"""The [slack] part of the settings: where verdicts are told and when, and how much of a report may be shown there."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from bot.hours import Quiet
from bot.routing import DIGEST, Routes
from bot.sections import Clock, Duration, Secret, Section, Zone, clock, duration, loopback
from classifiers.terms import Disposition

CHANNEL = r"[CGD][A-Z0-9]{1,30}"

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
What = Literal["in_scope", "needs_review", "out_of_scope", "incomplete", "not_a_report"]


def _span(value: object) -> tuple[time, time] | None:
    if value == "":
        return None
    ends = [clock(part) for part in value.split("-")] if isinstance(value, str) else []
    if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[0] == ends[1]:
        raise ValueError('is no span of hours; write "19:00-08:00", or "" for none')
    return ends[0], ends[1]


def _or_never(value: object) -> timedelta | None:
    return None if value == "" else duration(value)


class QuietHours(Section):
    """When nothing that can wait is said."""

    hours: Annotated[tuple[time, time] | None, BeforeValidator(_span)] = None
    days: tuple[Day, ...] = Field(default=(), strict=False, max_length=6)  # quiet altogether
    always: tuple[What, ...] = Field(default=("in_scope",), strict=False)  # is told at once all the same


class Routing(Section):
    """Where a verdict is told: a channel's id, "digest", or "" for slack.channel."""

    in_scope: str = Field(default="", pattern=f"^({CHANNEL})?$")
    needs_review: str = Field(default="", pattern=f"^({CHANNEL})?$")
    out_of_scope: str = Field(default="", pattern=f"^({CHANNEL}|digest)?$")
    incomplete: str = Field(default="", pattern=f"^({CHANNEL}|digest)?$")
    not_a_report: str = Field(default="digest", pattern=f"^({CHANNEL}|digest)?$")
    categories: dict[str, Annotated[str, Field(pattern=f"^({CHANNEL}|digest)$")]] = Field(
        default={}
    )  # of what is out of scope

    def place(self, disposition: Disposition) -> str:
        return str(getattr(self, disposition.value))

    def in_one(self, channel: str) -> Routing:
        """The same, but that whatever has a channel of its own goes to this one."""

        def there(place: str) -> str:
            return place if place in {"", DIGEST} else channel

        moved = {d.value: there(self.place(d)) for d in Disposition}
        return Routing(**moved, categories={c: there(place) for c, place in self.categories.items()})


class Slack(Section):
    """Where verdicts are told, and how much of a report may be shown there."""

    channel: str = Field(pattern=f"^{CHANNEL}$")
    bot_token: Secret
    app_token: Secret | None = None  # None: no Socket Mode, cards without buttons
    allowed_users: tuple[Annotated[str, Field(pattern=r"^([UW][A-Z0-9]{1,30}|\*)$")], ...] = Field(
        default=(), strict=False
    )
    allowed_groups: tuple[Annotated[str, Field(pattern=r"^S[A-Z0-9]{1,30}$")], ...] = Field(default=(), strict=False)
    tier: Literal["full", "reduced", "ids"] = "reduced"
    base_url: str = Field(default="https://slack.com/api/", pattern=r"^https?://[^\s]+/$")
    timeout: Duration = timedelta(seconds=20)
    grace: Duration = timedelta(seconds=60)
    remind_after: Annotated[timedelta | None, BeforeValidator(_or_never)] = timedelta(hours=8)
    remind_group: str = Field(default="", pattern=r"^(S[A-Z0-9]{1,30})?$")
    digest_at: Clock = time(9, 0)
    weekly_on: Literal["", Day] = "mon"
    timezone: Zone = "UTC"
    quiet: QuietHours = QuietHours()
    routes: Routing = Routing()

    @property
    def routed(self) -> Routes:
        """Where and when verdicts are told."""
        places = {d: self.routes.place(d) for d in Disposition}
        return Routes(
            channel=self.channel,
            dispositions={d: place for d, place in places.items() if place},
            categories=self.routes.categories,
            quiet=Quiet(hours=self.quiet.hours, days=frozenset(self.quiet.days), zone=ZoneInfo(self.timezone)),
            always=frozenset(map(Disposition, self.quiet.always)),
        )

    @model_validator(mode="after")
    def _encrypted(self) -> Slack:
        host = re.sub(r"^https?://(\[[^]]*\]|[^/:]*).*", r"\1", self.base_url).strip("[]")
        if self.base_url.startswith("http://") and not loopback(host):
            raise ValueError("base_url without TLS is for loopback only; write https://")
        return self

    @model_validator(mode="after")
    def _somebody(self) -> Slack:
        if self.app_token and not self.allowed_users and not self.allowed_groups:
            raise ValueError(
                "app_token brings buttons, but nobody may press them: name people in allowed_users (U…), user groups in "
                'allowed_groups (S…), or write allowed_users = ["*"] for everybody who sees the channel'
            )
        return self
