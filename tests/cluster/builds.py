"""What a build in a pod needs: builder and base image, wheels and oc-mirror over HTTP, a source in Git."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.product import PIPELINES, Product, Run, pack_oc_mirror, security_context
from tests.conftest import ROOT
from tests.testbed import files, images, runtime
from tests.testbed import registry as registries
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository
from tests.testbed.waiting import wait_until

PIPELINE = "oc-mirror-build-pipeline"
SOURCE = (
    "Containerfile",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "requirements.txt",
    "requirements-build.txt",
)
BUILDAH_BASE = "base:bookworm"


def write_source(folder: Path) -> None:
    """What of the project its image is built from."""
    for name in SOURCE:
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "steps", folder / "steps", ignore=shutil.ignore_patterns("__pycache__"))


def derived(image: str, files: Mapping[str, str]) -> dict[str, str]:
    """A source whose image is `image` with other files: by their absolute paths, executable."""
    names = {f"file-{number}": path for number, path in enumerate(files)}
    lines = [f"FROM {image}", "USER 0", *(f"COPY --chmod=755 {name} {path}" for name, path in names.items())]
    written = {name: files[path] for name, path in names.items()}
    return {"Containerfile": "\n".join([*lines, "USER 1001", ""]), **written}


def write_downloads(folder: Path) -> None:
    """The wheels and the archive of oc-mirror, as they are served to builds."""
    for wheel in files.ensure_wheels().iterdir():
        (folder / wheel.name).hardlink_to(wheel)
    pack_oc_mirror(folder)


@dataclass(frozen=True)
class Workshop:
    """The build pipeline of a product: `source` is what it builds, `image_url` where it pushes to."""

    product: Product
    registry: Registry
    source: Repository
    image_url: str
    downloads: str

    @staticmethod
    def open(
        product: Product, registry: Registry, source: Repository, image_url: str, downloads: str
    ) -> Workshop:
        """Have the builder on the node and the base image in its registry."""
        if images.BUILDER not in runtime.ctr("images", "list", "--quiet").stdout.split():
            images.load(images.ensure_builder())
        repository, _, tag = BUILDAH_BASE.partition(":")
        if tag not in registry.tags(repository):
            registries.push_archive(images.ensure_base(), BUILDAH_BASE, registry.host)
        return Workshop(product, registry, source, image_url, downloads)

    @property
    def build_args(self) -> list[str]:
        host = self.downloads.removeprefix("http://").partition(":")[0]
        return [
            f"BASE_IMAGE={self.registry.host}/{BUILDAH_BASE}",
            f"OC_MIRROR_URL={self.downloads}",
            "PIP_NO_INDEX=1",
            f"PIP_FIND_LINKS={self.downloads}/",
            f"PIP_TRUSTED_HOST={host}",
        ]

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """The parameters of a build; `changes` by their names with underscores."""
        usual = {
            "git-url": self.source.url,
            "image-url": self.image_url,
            "registry-tls-verify": "false",
            "git-image": images.BASE,
            "buildah-image": images.BUILDER,
            "build-args": self.build_args,
        }
        return usual | {name.replace("_", "-"): value for name, value in changes.items()}

    def start(self, *, cache: str = "", change_policy: str = "OnRootMismatch", **changes: Any) -> str:
        """Start a build as `tekton/runs/build-pipelinerun.yaml` does; return its name."""
        workspaces = {"cache": cache} if cache else {}
        return self.product.start(
            self.parameters(**changes),
            workspaces=workspaces,
            pipeline=PIPELINE,
            defaults=False,
            pod_template={"securityContext": {**security_context(), "fsGroupChangePolicy": change_policy}},
        )

    def build(self, **changes: Any) -> Run:
        """Build, which must succeed."""
        run = self.product.wait(self.start(**changes), seconds=600)
        assert run.succeeded, f"{run.status['conditions'][0]['message']}\n{run.log()}"
        return run

    def fail(self, **changes: Any) -> str:
        """Build, which must fail; return the log."""
        run = self.product.wait(self.start(**changes), seconds=600)
        assert not run.succeeded, run.log()
        return run.log()

    def log_of_build(self, run: str) -> str:
        """Wait for the Task that builds, which must succeed; end the run there and return the Task's log."""
        cluster = self.product.cluster
        selector = f"tekton.dev/pipelineRun={run},tekton.dev/pipelineTask=buildah-build"
        task = ("taskruns", "-n", PIPELINES, "-l", selector)
        wait_until("the Task that builds", lambda: bool(cluster.get(*task)["items"]))
        cluster.kubectl("wait", *task, "--for=condition=Succeeded", "--timeout=240s")
        log = Run(cluster, run, {}).log("buildah-build")
        cluster.kubectl("delete", "pipelinerun", run, "-n", PIPELINES, "--wait=false")
        return log

    def record(self) -> dict[str, Any]:
        """The ConfigMap in which the image is recorded."""
        return self.product.get("configmap", "oc-mirror-images", PIPELINES)
