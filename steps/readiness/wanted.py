"""Images that clusters pull, and where they look for them (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from steps.readiness.presence import Question


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image that clusters pull: its origin HOST/REPOSITORY, digest or tag, and the places they look in.

    `usual` is where oc-mirror puts it. Without places clusters are not led to it. `runs`: a container of it
    runs in the cluster, so it has to be for the architecture of the cluster, even where it is no index.
    """

    origin: str
    version: str
    architecture: str
    places: tuple[str, ...]
    usual: str
    runs: bool = False

    @property
    def joint(self) -> str:
        """What stands between origin and version."""
        return "@" if ":" in self.version else ":"

    def questions(self) -> tuple[Question, ...]:
        """Return what to ask the registry; the usual place too, to tell where it lies instead."""
        places = dict.fromkeys((*self.places, self.usual))
        return tuple(Question(place, self.version, self.architecture, self.runs) for place in places)


@dataclass(frozen=True, slots=True)
class Group:
    """Images that belong together: what they are of, in words. `spare`: a cluster is ready without them."""

    what: str
    images: tuple[Wanted, ...]
    asked_for: bool = True
    spare: bool = False
