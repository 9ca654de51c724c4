"""What a target answered, as data (pure): releases, graph data, catalogs, images, judged signatures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.readiness.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.catalog.packages import Catalog
    from steps.readiness.content import Release
    from steps.readiness.graph import GraphData
    from steps.readiness.known import Known
    from steps.readiness.presence import Answer, Question
    from steps.readiness.reasons import Reason
    from steps.trust.releases import Minor
    from steps.trust.verdicts import Verdict


@dataclass(slots=True, kw_only=True)
class Found:
    """What is known of a target, and what it answered.

    `releases` are by version and architecture; `unread` says by tag why it does not lead to the release that
    it names. `no_releases` says what kept us from reading any. `graph` is None where it could not be read,
    `no_graph` says why. `catalogs` are by place: a reason says why one could not be read, None is one that is
    not there.
    `answers` and `verdicts` (by digest of a release; None: signatures are not looked at) are added when it is
    clear what has to be asked.
    """

    known: Known
    releases: Mapping[tuple[str, str], Release] = field(default_factory=dict)
    unread: Mapping[str, Reason] = field(default_factory=dict)
    no_releases: Reason | None = None
    graph: GraphData | None = None
    no_graph: Reason | None = None
    catalogs: Mapping[str, Catalog | Reason | None] = field(default_factory=dict)
    answers: Mapping[Question, Answer] = field(default_factory=dict)
    verdicts: Mapping[str, Mapping[Minor, Verdict]] | None = field(default_factory=dict)
    coverage: Coverage = field(init=False)

    def __post_init__(self) -> None:
        """Take from what is known where clusters are led to."""
        self.coverage = Coverage.of(self.known)
