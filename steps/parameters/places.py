"""Where parameters occur: Pipelines, Tasks and commands. A Task and its command have one name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

DEPLOYMENT: Final = "oc-mirror-deployment-pipeline"
BUILD: Final = "oc-mirror-build-pipeline"
PUBLISHING: Final = "oc-mirror-publish-pipeline"
ASKING: Final = "oc-mirror-readiness-pipeline"

FETCH: Final = "fetch-values"
CURRENT_IMAGE: Final = "get-current-image"
GENERATE: Final = "generate-or-use-imageset"
CREATE: Final = "create-deployment-configmaps"
DEPLOY: Final = "deploy-workload"
PUBLISH: Final = "publish-to-git"
READINESS: Final = "fleet-readiness"
BUILDAH: Final = "buildah-build"
SMOKE: Final = "smoke-test-image"
SIGN: Final = "sign-image"
UPDATE: Final = "update-image-configmap"
START_RUN: Final = "start-run"

MIRROR: Final = "mirror"
PREVIEW: Final = "preview-deployment"
SEND_EVENT: Final = "send-event"
MIGRATE: Final = "migrate-check"
APPLY: Final = "apply-cluster-resources"
LIST_CONTENTS: Final = "list-image-contents"

STEP_TASKS: Final = (
    FETCH,
    CURRENT_IMAGE,
    GENERATE,
    CREATE,
    DEPLOY,
    PUBLISH,
    READINESS,
    SMOKE,
    SIGN,
    UPDATE,
    START_RUN,
)
"""Their step is a command of ours, in the product's image."""
VALUES_TASKS: Final = (FETCH, GENERATE, CREATE)
"""Read the values repository."""
IMAGESET_TASKS: Final = (GENERATE, CREATE)
"""Both make the ImageSet: without a shared workspace the second makes it again, of the same parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a parameter occurs: `pipelines` and `tasks` declare it, `commands` take it as `--NAME`.

    With `to_mirror` deploy-workload hands what it was given to `mirror` in the pod.
    """

    pipelines: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    to_mirror: bool = False


MIRRORING: Final = Where(
    pipelines=(DEPLOYMENT,), tasks=(DEPLOY,), commands=(DEPLOY, PREVIEW, MIRROR), to_mirror=True
)
"""Deployment pipeline, deploy-workload, and from there `mirror` in the pod."""
TARGETED: Final = replace(
    MIRRORING,
    pipelines=(DEPLOYMENT, PUBLISHING),
    tasks=(DEPLOY, PUBLISH),
    commands=(*MIRRORING.commands, APPLY, PUBLISH),
)
"""The same, the command that the pod oc-mirror-apply runs, and publish-to-git."""
SCHEDULING: Final = Where(pipelines=(DEPLOYMENT,), tasks=(DEPLOY,), commands=(DEPLOY, PREVIEW, MIRROR))
"""The same, but what `mirror` gets depends on deploy-mode."""
WORKLOAD: Final = Where(pipelines=(DEPLOYMENT,), tasks=(DEPLOY,), commands=(DEPLOY, PREVIEW))
"""Deployment pipeline and deploy-workload, which makes the objects of it."""
MIRROR_ALONE: Final = Where(commands=(MIRROR,))
VALUES: Final = Where(
    pipelines=(DEPLOYMENT, PUBLISHING, ASKING),
    tasks=(*VALUES_TASKS, PUBLISH, READINESS),
    commands=(*VALUES_TASKS, PREVIEW, READINESS, PUBLISH),
)
CHOOSING: Final = Where(
    pipelines=(DEPLOYMENT,), tasks=(*VALUES_TASKS, DEPLOY), commands=(*VALUES_TASKS, DEPLOY, PREVIEW)
)
"""What decides which ImageSet is used; deploy-workload names the mirror by it."""
VALUES_PATHS: Final = Where(commands=(*VALUES_TASKS, PREVIEW, READINESS))
"""Paths in the pods of these Tasks."""
IMAGESET: Final = Where(pipelines=(DEPLOYMENT,), tasks=IMAGESET_TASKS, commands=(*IMAGESET_TASKS, PREVIEW))
NEEDED: Final = Where(
    pipelines=(DEPLOYMENT, ASKING),
    tasks=(*IMAGESET_TASKS, READINESS),
    commands=(*IMAGESET.commands, READINESS),
)
"""The same, and what decides what clusters need."""
PREVIEWING: Final = Where(commands=(PREVIEW,))
FROM_FOLDERS: Final = Where(commands=(PREVIEW, READINESS))
"""Commands that read a folder as it is, where it is no repository."""
JUDGING: Final = Where(commands=(READINESS,))
JUDGING_IN_A_RUN: Final = Where(pipelines=(ASKING,), tasks=(READINESS,), commands=(READINESS,))
VERIFYING: Final = Where(commands=(MIRROR, READINESS))
ASKING_TARGETS: Final = replace(
    MIRRORING,
    pipelines=(DEPLOYMENT, ASKING),
    tasks=(DEPLOY, READINESS),
    commands=(*MIRRORING.commands, READINESS),
)
BUILDING: Final = Where(pipelines=(BUILD,), tasks=(BUILDAH,))
SIGNING: Final = Where(tasks=(SIGN,), commands=(SIGN,))
BUILT: Final = Where(pipelines=(BUILD,), tasks=(BUILDAH, SIGN), commands=(SIGN,))
"""What decides how an image is built, and what its provenance names."""
RECORDING: Final = Where(tasks=(UPDATE,), commands=(UPDATE,))
PROPOSING: Final = Where(pipelines=(DEPLOYMENT, PUBLISHING), tasks=(PUBLISH,), commands=(PUBLISH,))
"""What publish-to-git alone takes."""
STARTING: Final = Where(tasks=(START_RUN,), commands=(START_RUN,))
SENDING: Final = Where(commands=(SEND_EVENT,))
MIGRATING: Final = Where(commands=(MIGRATE,))
