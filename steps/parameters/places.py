"""The Pipelines, Tasks and commands that have parameters. A Task and its command have one name."""

from __future__ import annotations

from typing import Final

DEPLOYMENT: Final = "oc-mirror-deployment-pipeline"
BUILD: Final = "oc-mirror-build-pipeline"

FETCH: Final = "fetch-values"
CURRENT_IMAGE: Final = "get-current-image"
GENERATE: Final = "generate-or-use-imageset"
CREATE: Final = "create-deployment-configmaps"
DEPLOY: Final = "deploy-workload"
BUILDAH: Final = "buildah-build"
SMOKE: Final = "smoke-test-image"
UPDATE: Final = "update-image-configmap"
START_RUN: Final = "start-run"

MIRROR: Final = "mirror"
PREVIEW: Final = "preview-deployment"
SEND_EVENT: Final = "send-event"
MIGRATE: Final = "migrate-check"

VALUES_TASKS: Final = (FETCH, GENERATE, CREATE)
"""Read the values repository."""
IMAGESET_TASKS: Final = (GENERATE, CREATE)
"""Both make the ImageSet: without a shared workspace the second makes it again, of the same parameters."""
