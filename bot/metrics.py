"""The door to Prometheus: what the bot did, in figures. Not a word of a mail, no name but accounts and categories' ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.audit import live_rate
from bot.ports import VerdictKind
from bot.store import Store
from bot.waits import BOUNDS, Waits
from bot.watch import Watch
from bot.worker import Worker
from classifiers.errors import StoreError


class Metrics:
    """Collects when it is asked; `page` is the text that Prometheus reads."""

    def __init__(self, store: Store, worker: Worker, watch: Watch, waits: Waits, accounts: Sequence[str]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Parts(worker, watch, waits))
        self._registry.register(_Kept(store, accounts))

    def page(self) -> bytes:
        return generate_latest(self._registry)


class _Parts(Collector):
    """What this process knows since it started."""

    def __init__(self, worker: Worker, watch: Watch, waits: Waits) -> None:
        self._worker, self._watch, self._waits = worker, watch, waits

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "triage_worker_deaths", "Judging processes that died or were ended", value=self._worker.deaths
        )
        yield GaugeMetricFamily("triage_failing", "Jobs that failed last", value=len(self._watch.troubles()))
        sums = accumulate(self._waits.counts)
        buckets = [(bound, float(n)) for bound, n in zip((*(f"{b}.0" for b in BOUNDS), "+Inf"), sums, strict=True)]
        yield HistogramMetricFamily(
            "triage_arrival_to_card_seconds",
            "From a mail's arrival at the mail server, which counts whole seconds, to its card",
            buckets=buckets,
            sum_value=self._waits.total,
        )


class _Kept(Collector):
    """What the store knows. Of several copies of the bot on one database each tells the same."""

    def __init__(self, store: Store, accounts: Sequence[str]) -> None:
        self._store, self._accounts = store, accounts

    def collect(self) -> Iterator[Metric]:
        try:
            found = [m for part in (self._polls, self._queue, self._verdicts, self._audits) for m in part()]
        except StoreError:
            found = []
        yield GaugeMetricFamily("triage_store_up", "Whether the database could be read", value=bool(found))
        yield from found

    def _polls(self) -> list[Metric]:
        told = GaugeMetricFamily(
            "triage_last_poll_timestamp_seconds", "When the account was last read without a fault", labels=["account"]
        )
        for name in self._accounts:
            if (polled := self._store.last_beat(f"poll:{name}")) is not None:
                told.add_metric([name], polled.timestamp())
        return [told]

    def _queue(self) -> list[Metric]:
        counts = self._store.counts()
        told = [
            ("triage_reports_waiting", "Reports that wait to be judged", counts["waiting"]),
            ("triage_notices_due", "What is still to be said in Slack", counts["notices_due"]),
            ("triage_notices_stuck", "Of those, what was tried five times", counts["notices_stuck"]),
            ("triage_digest_lines", "Lines that wait for the digest", counts["for_the_digest"]),
        ]
        reports = CounterMetricFamily("triage_reports", "Reports that were kept", value=counts["reports"])
        return [reports, *(GaugeMetricFamily(name, what, value=value) for name, what, value in told)]

    def _verdicts(self) -> list[Metric]:
        """Of audits without their dispositions: nothing of an open one is told."""
        told = CounterMetricFamily("triage_verdicts", "Verdicts that were recorded", labels=["kind", "disposition"])
        audits = 0
        for (kind, disposition), n in sorted(self._store.spoken().items()):
            if kind is VerdictKind.AUDIT:
                audits += n
            else:
                told.add_metric([kind.value, disposition.value], n)
        told.add_metric([VerdictKind.AUDIT.value, ""], audits)
        corrections = CounterMetricFamily(
            "triage_corrections", "Decisions of people that differ from the bot's", value=self._store.corrected()
        )
        return [told, corrections]

    def _audits(self) -> list[Metric]:
        audits = self._store.audits()
        rate = live_rate(audits)
        told = [
            ("triage_audits_open", "Audits without an answer", float(len(audits) - rate.whole)),
            ("triage_audits_answered", "Audits that a person answered", float(rate.whole)),
            ("triage_audits_false_dismissals", "Of those, false dismissals", float(rate.part)),
        ]
        return [GaugeMetricFamily(name, what, value=value) for name, what, value in told]
