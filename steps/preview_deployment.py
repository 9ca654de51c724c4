"""The deployment pipeline on one machine, without a cluster: what it would mirror and what it would apply.

    preview-deployment --values-git-url=DIR_OR_URL --values-file-path=P[,P] --output=DIR

Without --values-git-revision a local path is read as it lies on disk, Git or not. Every parameter of
oc-mirror-deployment-pipeline that shapes the result is an argument here. Written are DIR/imageset.yaml,
DIR/plan.txt, DIR/plan.json and DIR/manifests/*.yaml, just what the pipeline would apply; printed is the plan.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from steps import cli
from steps.autoshift.values import values_document
from steps.errors import NotFoundError
from steps.files import write_output
from steps.inputs import choice, deployed, imageset_source, sizes, values_source
from steps.parameters import arguments
from steps.parameters.places import PREVIEW
from steps.parameters.table import content as table
from steps.parameters.table import deployment
from steps.workload import applier, names, objects
from steps.workload.configmaps import config_sha256, deployment_configmaps
from steps.workload.settings import make_settings, proxies, pushes
from steps.yaml.source import SourceFile, decode
from steps.yaml.writing import Dumper

if TYPE_CHECKING:
    from steps.cluster import KubernetesObject
    from steps.parameters.value_kinds import PlanForm
    from steps.workload.settings import Settings

HEADER = "# Written by preview-deployment.\n"
# Only a cluster knows which image is recorded. Nobody can pull this one by mistake.
UNRECORDED_IMAGE = "quay.io/autoshift/oc-mirror-autoshift@sha256:" + "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    source: values_source.ValuesSource
    choice: choice.ImageSetChoice
    imageset: Path | None
    settings: Settings
    plan: PlanForm
    sizes: Path | None
    deployed: Path | None
    output: Path


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    environment, problems = proxies(os.environ)
    given = arguments.parse(PREVIEW, argv, __doc__, problems=problems)
    revision = given[table.PREVIEWED_REVISION]
    local = Path(given[table.VALUES_GIT_URL])
    return Inputs(
        source=values_source.from_values(
            given, root=local if not revision and local.is_dir() else None, revision=revision
        ),
        choice=choice.from_values(given, asks_hub=False),
        imageset=given[table.PREVIEWED_IMAGESET],
        settings=make_settings(
            given,
            image=given[deployment.PREVIEWED_IMAGE] or UNRECORDED_IMAGE,
            run_name=given[deployment.PREVIEWED_RUN_NAME],
            environment=environment,
        ),
        plan=given[table.PLAN],
        sizes=given[table.SIZES],
        deployed=given[table.DEPLOYED_IMAGESET],
        output=given[table.OUTPUT],
    )


def run(given: Inputs) -> str:
    """Write the ImageSet and the manifests; return the plan as text."""
    commit, file_path, document, chosen = _content(given)
    chosen = replace(chosen, changes=deployed.changes_against(given.deployed, chosen.imageset))
    if given.sizes and chosen.plan:
        known = sizes.from_file(given.sizes)
        chosen = replace(chosen, plan=sizes.with_sizes(chosen.plan, known))
    settings = replace(given.settings, config_sha256=config_sha256(chosen.imageset.text))
    manifests = [
        *deployment_configmaps(
            values=document,
            imageset=chosen.imageset.text,
            namespace=settings.namespace,
            commit=commit,
            source=str(given.imageset or f"{given.source.url} {file_path}"),
            repository=given.source.url if commit else "",
        ),
        objects.service_account(settings),
        objects.volume_claim(settings),
        *_applier(settings),
        objects.workload_object(settings),
    ]
    write_output(given.output / "imageset.yaml", chosen.imageset.text)
    _write_manifests(given.output / "manifests", manifests)
    chosen.write_plan(given.output)
    described = chosen.describe(given.plan, columns=cli.columns(sys.stdout))
    if given.plan == "json":
        return described.rstrip()
    return f"{described}\n{_describe_workload(settings, manifests)}\n\nWritten to {given.output}"


def _applier(settings: Settings) -> list[KubernetesObject]:
    """Return what applies to the cluster what is mirrored, where that is asked for."""
    if not settings.applies:
        return []
    return [objects.service_account(settings, names.APPLIER), applier.deployment(settings)]


def _content(given: Inputs) -> tuple[str, str, bytes | None, imageset_source.Obtained]:
    """Return commit, path of the values, their document (None without values) and ImageSet."""
    if given.imageset:
        if not given.imageset.is_file():
            raise NotFoundError(f"there is no file {given.imageset}", "check --imageset")
        text = decode(SourceFile(str(given.imageset), given.imageset.read_bytes()))
        return "", "", None, imageset_source.from_user(text, str(given.imageset), folder=given.output)
    commit, tree = given.source.open()
    values = values_source.read_values(tree, given.source.file_path)
    chosen = imageset_source.generate(tree, values, given.choice)
    return commit, values.path, values_document(values.files), chosen


def _write_manifests(folder: Path, manifests: list[dict[str, Any]]) -> None:
    """Write a file for each object, and remove the files of an earlier preview that this one lacks."""
    written = set()
    for manifest in manifests:
        path = folder / f"{manifest['kind'].lower()}-{manifest['metadata']['name']}.yaml"
        write_output(path, HEADER + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=110))
        written.add(path)
    for path in folder.glob("*.yaml"):
        ours = path.is_file() and path.read_bytes().startswith(HEADER.encode())
        if path not in written and ours:
            path.unlink()


def _describe_workload(settings: Settings, manifests: list[dict[str, Any]]) -> str:
    when = f" on '{settings.schedule}' ({settings.time_zone})"
    when = when if settings.schedule and settings.mode != "job" else ""
    kind, name = manifests[-1]["kind"], manifests[-1]["metadata"]["name"]
    told = settings.mirror
    target = f" to {told['target-registry']}" if "target-registry" in told else ""
    if target and not pushes(told["workflow"]):
        target = f" (target-registry {told['target-registry']} has no effect)"
    dry = ", dry run" if told["dry-run"] == "true" else ""
    how = "incremental" if told["incremental-mode"] == "true" else "full"
    image = "as recorded in oc-mirror-images" if settings.image == UNRECORDED_IMAGE else settings.image
    lines = [
        f"{kind} {name} in namespace {settings.namespace}: {told['workflow']}{target}{when}, {how}{dry}",
        f"claim {settings.claim_name} of {settings.storage_size} where it is not there yet",
        f"image {image}",
    ]
    return "\n".join(["Workload", *(f"  {line}" for line in lines)])


class _Dumper(Dumper):
    """Writes texts of several lines as blocks, as a person would."""


def _represent_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


main = cli.entrypoint(parse, run)
