"""How far the run in progress has come: DATA/progress.json, renewed every few seconds while oc-mirror runs.

It is there for people only. No run reads it, a run that was killed leaves it, and a volume that cannot be
written costs nothing but the display.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.records import Record
from steps.mirroring.store.runs import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steps.mirroring.ocmirror.output import Counter

log = logging.getLogger(__name__)

INTERVAL: Final = 10.0
"""Seconds between two writings. Each waits for the disk, in a thread of its own."""
INTERFACES: Final = Path("/proc/net/dev")


class RunProgress(Record):
    """How far oc-mirror has come. Times are RFC 3339 in UTC.

    `done` of `total` images are mirrored or have failed, since `began`. `archiving`: they are being written
    into the archive. `moved` is when one of these changed last, `written` when this was written. `received`
    and `sent` are bytes on the network since `began`: in a pod the pod's, elsewhere the whole machine's.
    `rate` is bytes a second, both ways, between the last two writings.
    """

    began: str
    moved: str
    written: str
    total: int = 0
    done: int = 0
    archiving: bool = False
    received: int = 0
    sent: int = 0
    rate: float = 0.0

    @property
    def images_a_second(self) -> float:
        """The average since `began`; 0.0 where no image is done yet."""
        passed = (_time(self.written) - _time(self.began)).total_seconds()
        return self.done / passed if passed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the other images take at this rate; None where that cannot be told."""
        if not self.images_a_second or self.archiving or self.done >= self.total:
            return None
        return (self.total - self.done) / self.images_a_second


class ProgressFile:
    """DATA/progress.json."""

    def __init__(self, root: Path) -> None:
        """Work with the file in the data directory `root`."""
        self._path = root / "progress.json"

    def read(self) -> RunProgress | None:
        """Return how far the run in progress has come; None where that is not known."""
        try:
            return records.parse(RunProgress, self._path.read_bytes())
        except (OSError, ValueError):
            return None

    @contextmanager
    def kept(self, counter: Counter, *, interval: float = INTERVAL) -> Iterator[None]:
        """Write how `counter` stands every `interval` seconds, and remove the file at the end."""
        ended = threading.Event()
        writer = threading.Thread(
            target=self._keep, args=(counter, ended, interval), daemon=True, name="progress-file"
        )
        writer.start()
        try:
            yield
        finally:
            ended.set()
            writer.join()

    def _keep(self, counter: Counter, ended: threading.Event, interval: float) -> None:
        meter, written = _Meter(counter), False
        try:
            while not ended.wait(interval):
                write_atomically(self._path, meter.read().as_json(indent=None))
                written = True
            if written:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            log.debug("%s cannot be written: %s", self._path, error.strerror)


class _Meter:
    """Reads a counter and the network, and remembers what was read before."""

    def __init__(
        self,
        counter: Counter,
        *,
        network: Callable[[], tuple[int, int]] = lambda: network_bytes(INTERFACES),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._counter, self._network, self._clock = counter, network, clock
        self._began = self._changed = self._at = clock()
        self._state = (0, 0, False)
        self._first = self._last = network()

    def read(self) -> RunProgress:
        """Return how things stand now."""
        counter, now = self._counter, self._clock()
        state = (counter.total, counter.done, counter.archiving)
        if state != self._state:
            if state[0] != self._state[0]:
                self._began = now
            self._state, self._changed = state, now
        received, sent = self._network()
        passed, arrived = now - self._at, received + sent - sum(self._last)
        self._at, self._last = now, (received, sent)
        return RunProgress(
            began=_text(self._began),
            moved=_text(self._changed),
            written=_text(now),
            total=counter.total,
            done=counter.done,
            archiving=counter.archiving,
            received=max(received - self._first[0], 0),
            sent=max(sent - self._first[1], 0),
            rate=round(max(arrived, 0) / passed, 1) if passed > 0 else 0.0,
        )


def network_bytes(interfaces: Path) -> tuple[int, int]:
    """Return the bytes received and sent by all interfaces but the local one; (0, 0) where it is not told."""
    received = sent = 0
    try:
        for line in interfaces.read_text().splitlines()[2:]:
            name, _, numbers = line.partition(":")
            columns = numbers.split()
            if name.strip() != "lo":
                received, sent = received + int(columns[0]), sent + int(columns[8])
    except (OSError, ValueError, IndexError):  # another system than Linux
        return 0, 0
    return received, sent


def _text(moment: float) -> str:
    return timestamp(datetime.fromtimestamp(moment, UTC))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
