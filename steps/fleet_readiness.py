"""Is every cluster's next step really in the mirror? Asked of the registries, before anybody updates.

    fleet-readiness --values-git-url=DIR_OR_URL --values-file-path=P[,P] --data=DIR [--hub-state=FILE]

For each cluster of the values and each mirror: the release that it shall run and those on the path to it,
their content and signatures, the operators that OLM would install, additional images, and whether clusters
are led to them. Prints a table, the worst first; with --json a document. Exits with 0 where every cluster is
ready, with or without warnings, with 17 where one is not, or where that is not known.

With --clusters and --cluster-sets the question is about a wave. As a Task it reads from ConfigMaps what was
mirrored, and writes the verdicts of the whole fleet into ConfigMap oc-mirror-fleet.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from steps import cli
from steps.autoshift.planning import cluster_needs
from steps.cluster import Cluster
from steps.errors import ForbiddenError, NotReadyError, UsageError
from steps.inputs import hub_state, mirrored, values_source
from steps.inputs.catalog_reading import CatalogReader
from steps.oci.access import Access
from steps.parameters import arguments
from steps.parameters.places import READINESS
from steps.parameters.table import content
from steps.parameters.table import readiness as table
from steps.parameters.table.access import AUTHFILE, CA_BUNDLE, DESTINATION_TLS_VERIFY
from steps.parameters.table.image_signatures import RELEASE_KEYS
from steps.readiness import gate, known, needs, report, verdict
from steps.readiness.facts import Look
from steps.readiness.wave import Wave
from steps.results import write_results
from steps.trust.folder import release_keys
from steps.trust.releases import ReleaseKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from steps.autoshift.catalog_sources import CatalogNames
    from steps.autoshift.planning import ClusterNeeds
    from steps.cluster import KubernetesObject
    from steps.readiness.known import Known
    from steps.readiness.needs import ClusterNeed, HubCluster, Needs
    from steps.readiness.verdict import Judged, Verdict

RESULTS = ("verdict", "ready", "ready-with-warnings", "unknown", "not-ready")

RELEASE_KEYS_IN_A_POD = Path(RELEASE_KEYS.task_argument)
TARGETS_AT_ONCE = 4
"""Targets that are looked at side by side: while one is read, images are asked for at another."""
MOST_WARNINGS = 20
"""Warnings about the values files that the notes have."""
PATIENCE = 3600.0
"""Seconds for all questions to registries together."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    source: values_source.ValuesSource
    former: values_source.ValuesSource | None
    openshift_version: str
    catalog_names: CatalogNames | None
    targets: tuple[str, ...]
    data: tuple[Path, ...]
    published: tuple[Path, ...]
    inventories: tuple[str, ...]
    hub_state: Path | None
    asks_hub: bool
    wave: Wave
    access: Access
    keys: Path | None
    signatures: bool
    workspace: Path | None
    fresh: bool
    layers: bool
    as_json: bool
    fails: bool
    written: bool
    namespace: str
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(READINESS, argv, __doc__, results=RESULTS)
    revision, former = given[content.PREVIEWED_REVISION], given[table.FORMER_REVISION]
    local = Path(given[content.VALUES_GIT_URL])
    source = values_source.from_values(
        given, root=local if not revision and local.is_dir() else None, revision=revision
    )
    targets = tuple(filter(None, given.all(table.LOOKED_AT)))
    data = given.all(table.MIRRORED_BY)
    published, inventories = given.all(table.PUBLISHED), given[table.INVENTORIES]
    if not (targets or data or published or inventories):
        raise UsageError(
            "none of --target-registry, --data, --published and --inventory-configmaps is given",
            "name a mirror to look at, and its data",
        )
    return Inputs(
        source=source,
        former=replace(source, root=None, revision=former) if former else None,
        openshift_version=given[content.OPENSHIFT_VERSION],
        catalog_names=given[content.CATALOG_SOURCES],
        targets=targets,
        data=data,
        published=published,
        inventories=inventories,
        hub_state=given[table.HUB_STATE],
        asks_hub=given[table.HUB],
        wave=Wave(clusters=given[table.CLUSTERS], sets=given[table.CLUSTER_SETS]),
        access=Access(
            given[AUTHFILE],
            given[CA_BUNDLE],
            None if given[DESTINATION_TLS_VERIFY] else False,
        ),
        keys=given[RELEASE_KEYS],
        signatures=not given[table.WITHOUT_SIGNATURES],
        workspace=given[content.WORKSPACE],
        fresh=given[table.FRESH],
        layers=given[table.ALL_LAYERS],
        as_json=given[table.JSON],
        fails=given[table.UNLESS_READY],
        written=given[table.WRITTEN],
        namespace=given[content.NAMESPACE],
        results=given.results,
    )


def run(given: Inputs) -> cli.Answer:
    """Look at each mirror, and return the verdicts as text. Raises what reading the inputs raises."""
    warnings: list[str] = []
    found = _clusters(given, given.source, warnings.append)
    hub = _hub(given)
    former = needs.former_releases(_clusters(given, given.former, log.info)) if given.former else None
    fleet = needs.fleet_needs(found, hub=hub, former=former)
    wave = given.wave.of(fleet)
    targets = _targets(given)
    verdicts = _verdicts(given, targets, fleet if given.written else wave)
    notes = list(_notes(targets, needs.unmanaged(found, hub or [])))
    notes += [*needs.moving(wave, hub or []), *needs.unasked(fleet, hub or []), *warnings[:MOST_WARNINGS]]
    if hub is not None and not fleet:
        notes.append("the hub knows no cluster of these values; without a hub, a set stands for its clusters")
    made = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if given.written:
        manifest = gate.config_map(verdicts, namespace=given.namespace, made=made, notes=notes)
        _write(manifest)
    names = {(one.kind, one.name) for one in wave}
    asked = [one for one in verdicts if (one.cluster.kind, one.cluster.name) in names]
    write_results(given.results, _results(asked))
    text = report.document(asked, made=made, notes=notes) if given.as_json else report.table(asked, notes)
    return cli.Answer(text, NotReadyError.exit_code if given.fails and not report.is_ready(asked) else 0)


def _notes(targets: Iterable[Known], unmanaged: Iterable[str]) -> Iterator[str]:
    yield from (f"the values say nothing of cluster {name}" for name in unmanaged)
    for one in targets:
        if one.exported:
            yield f"what was mirrored to {one.target} is told by an export, as of its run of {one.exported}"


def _write(manifest: KubernetesObject) -> None:
    try:
        Cluster.connect().apply(manifest)
    except ForbiddenError as error:
        hint = (
            "let the run use the account oc-mirror-readiness, as tekton/runs/readiness-pipelinerun.yaml does"
        )
        raise ForbiddenError(error.reason, hint) from error


def _verdicts(given: Inputs, targets: list[Known], rows: Sequence[ClusterNeed]) -> list[Verdict]:
    distinct = list(needs.distinct(rows))
    look = _look(given)

    def judged(target: Known) -> dict[Needs, Judged]:
        seen, demands = look.at(target, distinct)
        return verdict.judge(demands, seen)

    with ThreadPoolExecutor(TARGETS_AT_ONCE) as pool:
        said = pool.map(judged, targets)
        return verdict.verdicts(rows, {one.target: of for one, of in zip(targets, said, strict=True)})


def _results(asked: Sequence[Verdict]) -> dict[str, str]:
    """Return the Task's results: the worst verdict, and how many there are of each kind."""
    counts = {kind.replace(" ", "-"): str(count) for kind, count in report.counts_of(asked).items()}
    return {"verdict": str(report.worst_of(asked)), **counts}


def _hub(given: Inputs) -> list[HubCluster] | None:
    if given.hub_state:
        return hub_state.read(given.hub_state)
    return hub_state.from_api() if given.asks_hub else None


def _clusters(
    given: Inputs, source: values_source.ValuesSource, warn: Callable[[str], None]
) -> list[ClusterNeeds]:
    _commit, tree = source.open()
    values = values_source.read_values(tree, source.file_path)
    policies = values_source.read_policies(tree)
    return list(
        cluster_needs(
            values.files,
            policies,
            openshift_version=given.openshift_version,
            catalog_names=given.catalog_names,
            warn=warn,
        )
    )


def _look(given: Inputs) -> Look:
    access = given.access.within(PATIENCE)
    keys = None
    if given.signatures:
        keys = _keys(given.keys)
    reader = partial(CatalogReader, access=access, workspace=given.workspace, whole=True)
    return Look(
        access=access,
        read_catalogs=lambda wanted: reader(wanted).read_all(),
        keys=keys,
        folder=given.workspace / "readiness" if given.workspace else None,
        fresh=given.fresh,
        layers=given.layers,
    )


def _keys(folder: Path | None) -> ReleaseKeys:
    """Read the keys. In a pod the folder of a ConfigMap that is not there is empty: then nobody verifies."""
    if folder is None or (folder == RELEASE_KEYS_IN_A_POD and not any(folder.glob("[!.]*"))):
        return ReleaseKeys()
    return release_keys(folder, parameter=RELEASE_KEYS.name)


def _targets(given: Inputs) -> list[Known]:
    """Return what is known of each mirror; of one that is only named that is nothing but its name."""
    told = [*mirrored.from_folders(given.data), *known.of_files(given.published)]
    if given.inventories:
        told += mirrored.from_cluster(Cluster.connect(), given.inventories, given.namespace)
    found = known.together(told)
    named = given.targets or tuple(found)
    return [found.get(target) or known.Known(target=target) for target in dict.fromkeys(named)]


main = cli.entrypoint(parse, run)
