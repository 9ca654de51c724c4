"""What a user lets the pod mount besides what every pod has: where, from what, and what `mirror` is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from steps.errors import StepError
from steps.mirroring.ocmirror import registries_config
from steps.mirroring.store.receipt import ReceiptError, Sealed
from steps.parameters import environment
from steps.parameters.table.carrying import RECEIPTS
from steps.parameters.table.generation_signatures import SIGNING_KEY, TRUSTED_KEYS
from steps.parameters.table.image_signatures import RELEASE_KEYS
from steps.parameters.table.oc_mirror import ENVIRONMENT, REGISTRIES_CONFIG
from steps.trust import folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.workload.settings import Settings

LOCAL_FILES: Final = "/local-files"
"""Where an ImageSet finds local charts and templates of CatalogSources."""
SIGNING_KEY_FOLDER: Final = "/var/run/signing-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A volume, mounted read-only; `parameter` is the one of `mirror` that names the folder, if one does."""

    name: str
    path: str
    source: dict[str, Any]
    parameter: str = ""

    @property
    def volume(self) -> dict[str, Any]:
        """The entry of the pod."""
        return {"name": self.name, **self.source}

    @property
    def volume_mount(self) -> dict[str, Any]:
        """The entry of the container."""
        return {"name": self.name, "mountPath": self.path, "readOnly": True}


def mounts(settings: Settings) -> list[Mount]:
    """Return what is mounted for this workload."""
    found = [
        Mount(name=f"also-{number}", path=f"/config-also/{name}", source=_configmap(name))
        for number, name in enumerate(settings.also_imagesets, start=1)
    ]
    if name := settings.registries_config:
        found.append(_folder("registries-config", name, REGISTRIES_CONFIG.name))
    if name := settings.release_keys:
        found.append(_folder("release-keys", name, RELEASE_KEYS.name))
    if name := settings.environment_configmap:
        found.append(_folder("environment", name, ENVIRONMENT.name))
    if name := settings.trusted_keys:
        found.append(_folder("trusted-keys", name, TRUSTED_KEYS.name))
    if name := settings.receipts:
        found.append(_folder("receipts", name, RECEIPTS.name))
    if name := settings.signing_key:
        secret = {"secret": {"secretName": name}}
        found.append(
            Mount(name="signing-key", path=SIGNING_KEY_FOLDER, source=secret, parameter=SIGNING_KEY.name)
        )
    if name := settings.local_files_configmap:
        found.append(Mount(name="local-files", path=LOCAL_FILES, source=_configmap(name)))
    if name := settings.local_files_claim:
        claim = {"persistentVolumeClaim": {"claimName": name, "readOnly": True}}
        found.append(Mount(name="local-files", path=LOCAL_FILES, source=claim))
    return found


def configmaps(settings: Settings) -> dict[str, str]:
    """Return the parameters by which a user names ConfigMaps for it, each with the name."""
    named = {
        "registries-config": settings.registries_config,
        "release-keys": settings.release_keys,
        "environment-configmap": settings.environment_configmap,
        "local-files-configmap": settings.local_files_configmap,
        "trusted-keys": settings.trusted_keys,
        "receipts": settings.receipts,
    }
    return {parameter: name for parameter, name in named.items() if name}


def problems(settings: Settings, found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return a sentence for each that is wrong in these ConfigMaps, by parameter."""
    variables = found.get("environment-configmap", {})
    files = found.get("registries-config", {})
    keys, receipts = found.get("trusted-keys"), found.get("receipts", {})
    return [
        *environment.check(variables, f"ConfigMap {settings.environment_configmap}")[1],
        *registries_config.check(files, f"ConfigMap {settings.registries_config}")[1],
        *([] if keys is None else _in_keys(keys, f"ConfigMap {settings.trusted_keys}")),
        *_in_receipts(receipts, f"ConfigMap {settings.receipts}"),
    ]


def _in_keys(texts: Mapping[str, str], where: str) -> list[str]:
    try:
        folder.keys_in(texts, where=where)
    except StepError as error:
        return [f"trusted-keys: {error.reason} ({error.hint})"]
    return []


def _in_receipts(texts: Mapping[str, str], where: str) -> list[str]:
    """Say which are no receipts; who vouches, and for what, `mirror` finds out."""
    found = []
    for name, text in texts.items():
        try:
            Sealed.parse(text.encode())
        except ReceiptError as error:
            found.append(f"{where}: {name} is no receipt: {error}")
    return found


def _folder(name: str, configmap: str, parameter: str) -> Mount:
    return Mount(name=name, path=f"/config-{parameter}", source=_configmap(configmap), parameter=parameter)


def _configmap(name: str) -> dict[str, Any]:
    return {"configMap": {"name": name}}
