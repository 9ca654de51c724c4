from __future__ import annotations

import pytest
import yaml

from steps.errors import InvalidInputError
from steps.imageset.convert import convert_v1alpha2
from steps.imageset.describe import operator_count
from steps.imageset.imageset import ImageSet, Version1Error

V1 = """\
apiVersion: mirror.openshift.io/v1alpha2
kind: ImageSetConfiguration
archiveSize: 4
storageConfig:
  local: {path: ./metadata}
mirror:
  platform:
    graph: true
    channels:
      - {name: stable-4.18, type: ocp, minVersion: '4.18.2', maxVersion: '4.18.4', shortestPath: true}
  operators:
    - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.18
      headsOnly: true
      packages:
        - {name: quay-operator, channels: [{name: stable-3.13}]}
  additionalImages: [{name: 'registry.redhat.io/ubi9/ubi:latest'}]
  blockedImages: [{name: alpine}]
  helm:
    repositories:
      - {name: podinfo, url: 'https://example.com/podinfo', charts: [{name: podinfo, version: 5.0.0}]}
"""


def convert(text: str) -> str:
    return convert_v1alpha2(yaml.safe_load(text), origin="old.yaml")


def test_an_imageset_of_version_1_becomes_one_that_version_2_takes() -> None:
    converted = convert(V1)
    assert operator_count(ImageSet.parse(converted, "new.yaml").mirror) == 1
    before, after = yaml.safe_load(V1), yaml.safe_load(converted)
    assert after["apiVersion"] == "mirror.openshift.io/v2alpha1"
    assert after["archiveSize"] == before["archiveSize"]
    assert after["mirror"]["platform"] == before["mirror"]["platform"]
    assert after["mirror"]["helm"] == before["mirror"]["helm"]
    assert "storageConfig" not in after


@pytest.mark.parametrize("field", ["minBundle: x.v1", "targetName: y"])
def test_what_has_no_counterpart_is_refused_and_named(field: str) -> None:
    name = field.partition(":")[0]
    with pytest.raises(InvalidInputError, match=rf"mirror.operators\[0\].{name}"):
        convert(V1.replace("headsOnly: true", field))


def test_the_refusal_of_version_1_carries_the_converted_file() -> None:
    with pytest.raises(Version1Error) as caught:
        ImageSet.parse(V1, "old.yaml")
    assert caught.value.converted == convert(V1)


def test_the_refusal_says_why_there_is_no_converted_file() -> None:
    with pytest.raises(Version1Error) as caught:
        ImageSet.parse(V1.replace("headsOnly: true", "targetName: y"), "old.yaml")
    assert caught.value.converted is None
    assert "targetName" in caught.value.hint


@pytest.mark.parametrize("value", ["!mine x", "2026-13-45", "!!int x"])
def test_what_cannot_be_loaded_is_refused_and_does_not_trace_back(value: str) -> None:
    with pytest.raises(Version1Error) as caught:
        ImageSet.parse(V1.replace("archiveSize: 4", f"archiveSize: {value}"), "old.yaml")
    assert caught.value.converted is None
    assert "old.yaml: not valid YAML" in caught.value.hint
