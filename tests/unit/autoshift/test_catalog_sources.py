"""Which catalog a CatalogSource's name stands for: OpenShift's, a mirror of it, or one of one's own."""

from __future__ import annotations

import pytest

from steps.autoshift.catalog_sources import CatalogNames, parse_catalog_names
from steps.autoshift.plan import FleetPlan
from steps.autoshift.planning import plan_fleet
from steps.errors import InvalidInputError
from steps.imageset.generate import generate_imageset
from steps.imageset.imageset import ImageSet
from steps.yaml.source import SourceFile

from .samples import hub, managed, source

REDHAT = "registry.redhat.io/redhat/redhat-operator-index"


def planned(*files: SourceFile, names: str = "") -> FleetPlan:
    return plan_fleet(files, catalog_names=parse_catalog_names(names) if names else None)


def catalogs(plan: FleetPlan, package: str) -> list[str]:
    return [operator.catalog for operator in plan.operators if operator.package == package]


@pytest.mark.parametrize(
    ("name", "mapping"),
    [
        ("cs-our-operators-v4-20", "cs-our-operators-v4-20=redhat-operators"),
        ("cs-our-operators-v4-20", "cs-our-operators=redhat-operators"),
        ("our-catalog", f"our-catalog={REDHAT}"),
        ("our-catalog-mirror", f"our-catalog={REDHAT}:v{{minor}}"),
    ],
)
def test_a_renamed_catalog_of_openshift_is_that_catalog(name: str, mapping: str) -> None:
    file = hub("quay: 'true'", "quay-channel: stable-3.16", f"quay-source: {name}")
    found = planned(file, names=mapping)
    assert catalogs(found, "quay-operator") == [f"{REDHAT}:v4.20"]
    assert found.warnings == ()


def test_an_operator_of_a_catalog_of_ones_own_is_mirrored_from_it() -> None:
    file = hub("florp: 'true'", "florp-channel: fast", "florp-source: acme")
    assert any("catalog-sources=acme=" in warning for warning in planned(file).warnings)
    found = planned(file, names="acme=quay.io/acme/index:v1")
    assert catalogs(found, "florp") == ["quay.io/acme/index:v1"]
    assert found.warnings == ()
    mirror = ImageSet.parse(generate_imageset(found), "x").mirror
    (package,) = mirror.operators[0].packages
    assert mirror.operators[0].catalog == "quay.io/acme/index:v1"
    assert (package.name, package.channels[0].name, package.default_channel) == ("florp", "fast", "fast")


def test_a_name_that_is_nearly_a_mapped_one_is_refused() -> None:
    file = hub("florp: 'true'", "florp-channel: fast", "florp-source: acme-operatrs")
    with pytest.raises(InvalidInputError, match="line 7: florp-source of hub set hub") as caught:
        planned(file, names="acme-operators=quay.io/acme/index:v1")
    assert "did you mean 'acme-operators'?" in caught.value.hint


def test_a_catalog_without_a_tag_has_the_tag_of_each_minor() -> None:
    labels = ("florp: 'true'", "florp-channel: fast", "florp-source: acme")
    files = (hub(*labels), managed("openshift-version: '4.18.22'", *labels))
    found = planned(*files, names="acme=quay.io/acme/index")
    assert catalogs(found, "florp") == ["quay.io/acme/index:v4.18", "quay.io/acme/index:v4.20"]


def test_a_catalog_that_all_minors_share_stands_once_in_the_imageset() -> None:
    on_hub = ("florp: 'true'", "florp-channel: fast", "florp-source: acme")
    on_managed = (
        "openshift-version: '4.18.22'",
        "florp: 'true'",
        "florp-channel: slow",
        "florp-source: acme",
    )
    found = planned(hub(*on_hub), managed(*on_managed), names="acme=quay.io/acme/index:v1")
    operators = [operator for operator in found.operators if operator.package == "florp"]
    assert [channel.name for operator in operators for channel in operator.channels] == ["fast", "slow"]
    ImageSet.parse(generate_imageset(found), "oc-mirror refuses a catalog that stands twice")


def test_openshifts_own_catalog_by_its_reference_is_not_a_second_one() -> None:
    file = hub("quay: 'true'", "quay-source: acme")
    found = planned(file, names=f"acme={REDHAT}:v4.20")
    assert {operator.catalog for operator in found.operators} == {f"{REDHAT}:v4.20"}


def test_the_values_themselves_name_a_mirror_of_openshifts_catalog() -> None:
    file = source(
        """
        hubClusterSets:
          hub:
            config:
              disconnected:
                catalogs:
                  - {source: ours, imagePath: mirror/redhat/redhat-operator-index, tag: v4.20}
                  - {source: acme, imagePath: acme/acme-index, tag: v1}
            labels:
              openshift-version: '4.20.12'
              quay: 'true'
              quay-source: ours
              acs: 'true'
              acs-source: acme
        """
    )
    found = planned(file)
    assert catalogs(found, "quay-operator") == [f"{REDHAT}:v4.20"]
    assert catalogs(found, "rhacs-operator") == []
    assert [warning for warning in found.warnings if "catalog-sources=acme=" in warning]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("acme", "NAME=CATALOG"),
        ("=quay.io/a/b:1", "NAME=CATALOG"),
        ("Acme=quay.io/a/b:1", "NAME=CATALOG"),
        ("acme=", "NAME=CATALOG"),
        ("acme=redhat-operator", "did you mean 'redhat-operators'"),
        ("acme=index", "is no catalog"),
        ("acme=quay.io/A b:1", "is no catalog"),
        ("a=quay.io/a/b:1,a=quay.io/a/b:2", "stands there twice"),
    ],
)
def test_what_maps_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_catalog_names(text)


def test_several_names_are_mapped_with_blanks_between() -> None:
    assert parse_catalog_names("a=quay.io/a/b:1, b = redhat-operators,") == CatalogNames(
        {"a": "quay.io/a/b:1", "b": "redhat-operators"}
    )
