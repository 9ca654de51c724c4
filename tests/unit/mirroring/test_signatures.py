"""Signatures are copied from sources that have them, and no source without makes a run fail."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from steps.mirroring.store.unsigned import Unsigned
from steps.mirroring.workflows import inspection
from tests.standin import manners
from tests.standin.manners import Question, Reply, refusal
from tests.standin.moody import Moody
from tests.standin.oc_mirror import MANIFEST, Image, Registry, _descriptor, digest
from tests.standin.signing import sign, tag_of
from tests.unit.mirroring.conftest import Place, Ran, real_only, serve_registry

Has = Callable[[str, str], bool]
SIGNED, PLAIN = "team/app:v1", "team/db:v1"


@pytest.fixture(autouse=True)
def _the_standin_asks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_SIGNATURES", "true")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_registry(tmp_path_factory.mktemp("signing")) as host:
        yield host


@pytest.fixture
def signing(registry: str) -> Iterator[Moody]:
    """A source in which `SIGNED` is signed and `PLAIN` is not; it may get other manners."""
    with Moody(registry) as moody:
        for name in (SIGNED, PLAIN):
            push(registry, image(moody.host, name))
        sign(connect(registry), "team/app", image(moody.host, SIGNED))
        yield moody


def connect(host: str) -> Registry:
    server = Registry(host, verify=False)
    server.check()
    return server


def image(host: str, name: str) -> Image:
    repository, _, tag = name.partition(":")
    return Image(f"{host}/{name}", "additional", repository, tag)


def push(host: str, one: Image) -> None:
    connect(host).push(one, one.repository)


def mirrored(place: Place, source: str, *more: str, names: tuple[str, ...] = (SIGNED, PLAIN)) -> Ran:
    place.host = source
    place.names(*names)
    return place.mirror(*more)


def refuses(status: int, code: str, message: str = "", *, only: str = "") -> manners.Manner:
    def manner(question: Question) -> Reply | None:
        if ".sig" in question.path and only in question.path:
            return refusal(status, code, message)
        return None

    return manner


def carry(connected: Place, disconnected: Place) -> None:
    for folder in connected.generations():
        shutil.copytree(folder, disconnected.data / "generations" / folder.name, dirs_exist_ok=True)


def test_signatures_come_with_their_images(signing: Moody, direct: Place, target: str, has: Has) -> None:
    ran = mirrored(direct, signing.host)
    assert ran.returncode == 0, ran.stderr
    assert has(target, f"team/app:{tag_of(image(signing.host, SIGNED))}")
    assert not has(target, f"team/db:{tag_of(image(signing.host, PLAIN))}")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, "NAME_UNKNOWN", "name unknown"),
        (401, "UNAUTHORIZED", "asks for a login"),
        (403, "DENIED", "asks for a login"),
        (405, "UNSUPPORTED", "HTTP 405"),
        (400, "TAG_INVALID", "HTTP 400"),
    ],
)
def test_a_source_without_signatures_is_mirrored_without_and_that_is_said_once(
    status: int, code: str, words: str, signing: Moody, direct: Place, target: str, has: Has
) -> None:
    signing.manners = [refuses(status, code)]
    ran = mirrored(direct, signing.host)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("no signatures can be read there") == 1
    assert words in ran.stderr
    assert ran.stderr.count("running oc-mirror") == 1
    assert has(target, SIGNED)
    assert not has(target, f"team/app:{tag_of(image(signing.host, SIGNED))}")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [(404, "MANIFEST_UNKNOWN", "manifest unknown"), (404, "NOT_FOUND", "artifact not found")],
)
def test_a_source_that_says_that_there_is_none_is_asked_for_the_others(
    status: int, code: str, message: str, signing: Moody, direct: Place, target: str, has: Has
) -> None:
    signing.manners = [refuses(status, code, message, only="team/db")]
    ran = mirrored(direct, signing.host)
    assert ran.returncode == 0, ran.stderr
    assert "mirrored without" not in ran.stderr
    assert has(target, f"team/app:{tag_of(image(signing.host, SIGNED))}")


def test_a_repository_that_cannot_be_asked_does_not_cost_the_others_their_signatures(
    signing: Moody, direct: Place, target: str, has: Has
) -> None:
    signing.manners = [refuses(403, "DENIED", only="team/db")]
    ran = mirrored(direct, signing.host)
    assert ran.returncode == 0, ran.stderr
    assert f"{signing.host}/team/db is mirrored without" in ran.stderr
    assert has(target, f"team/app:{tag_of(image(signing.host, SIGNED))}")


def test_what_the_run_alone_shows_is_mirrored_again_without(
    signing: Moody, direct: Place, target: str, has: Has
) -> None:
    """As an image that a catalog leads to: the question before the run was answered well."""
    asked = set()

    def later(question: Question) -> Reply | None:
        if "team/db" not in question.path or ".sig" not in question.path:
            return None
        first = question.path not in asked
        asked.add(question.path)
        return None if first else refusal(404, "NAME_UNKNOWN", "name unknown")

    signing.manners = [later]
    ran = mirrored(direct, signing.host)
    assert ran.returncode == 0, ran.stderr
    assert f"the signatures of {signing.host}/team/db cannot be copied" in ran.stderr
    assert ran.stderr.count("running oc-mirror") == 2
    assert has(target, PLAIN)
    assert has(target, f"team/app:{tag_of(image(signing.host, SIGNED))}")
    ran = direct.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"no signatures of {signing.host}/team/db, as a run of" in ran.stderr
    assert ran.stderr.count("running oc-mirror") == 1


def test_a_record_of_repositories_that_cannot_be_read_costs_no_run(signing: Moody, direct: Place) -> None:
    direct.data.mkdir()
    (direct.data / "unsigned.json").write_text("{")
    ran = mirrored(direct, signing.host)
    assert ran.returncode == 0, ran.stderr
    assert "unsigned.json is not readable" in ran.stderr


def test_after_a_month_a_repository_is_tried_again(tmp_path: Path) -> None:
    unsigned, now = Unsigned(tmp_path / "unsigned.json"), datetime(2026, 11, 1, tzinfo=UTC)
    unsigned.add(["a.example/x"], now)
    unsigned.add(["a.example/y"], now + timedelta(days=20))
    assert set(unsigned.known(now + timedelta(days=29))) == {"a.example/x", "a.example/y"}
    assert set(unsigned.known(now + timedelta(days=31))) == {"a.example/y"}


def test_all_insists(signing: Moody, direct: Place) -> None:
    signing.manners = [manners.has_no_signatures]
    ran = mirrored(direct, signing.host, "--signatures=all")
    assert ran.returncode == 8
    assert "(signatures)" in ran.stderr
    assert "name unknown" in ran.stderr
    assert ran.stderr.count("running oc-mirror") == 1


def test_none_asks_for_none(signing: Moody, direct: Place, target: str, has: Has) -> None:
    ran = mirrored(direct, signing.host, "--signatures=none")
    assert ran.returncode == 0, ran.stderr
    assert not any(".sig" in path for _method, path in signing.asked)
    assert not has(target, f"team/app:{tag_of(image(signing.host, SIGNED))}")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--remove-signatures=true", "--signatures=none"), 0),
        (("--remove-signatures=false", "--signatures=all"), 0),
        (("--remove-signatures=true", "--signatures=all"), 2),
        (("--remove-signatures=false", "--signatures=auto"), 2),
        (("--signatures=some",), 2),
    ],
)
def test_the_former_parameter_may_say_the_same_and_no_other(
    arguments: tuple[str, ...], code: int, direct: Place
) -> None:
    assert direct.mirror("--check=true", *arguments).returncode == code


def catalog(host: str, bundle: str) -> Image:
    """A catalog with one package of one bundle, which is its own related image."""
    documents: list[dict[str, object]] = [
        {"schema": "olm.package", "name": "certified", "defaultChannel": "stable"},
        {
            "schema": "olm.channel",
            "package": "certified",
            "name": "stable",
            "entries": [{"name": "certified.v1.0.0"}],
        },
        {
            "schema": "olm.bundle",
            "package": "certified",
            "name": "certified.v1.0.0",
            "image": bundle,
            "relatedImages": [{"name": "operator", "image": bundle}],
            "properties": [
                {"type": "olm.package", "value": {"packageName": "certified", "version": "1.0.0"}}
            ],
        },
    ]
    text = "\n".join(map(json.dumps, documents)).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("configs/certified/catalog.json")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    layer = buffer.getvalue()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"operators.operatorframework.io.index.configs.v1": "/configs"}},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    ).encode()
    found = Image(f"{host}/index/certified:v4.18", "operator", "index/certified", "v4.18")
    found.manifest = digest(manifest)
    found.blobs = {digest(data): data for data in (layer, config, manifest)}
    return found


@real_only
@pytest.mark.parametrize("named", [False, True])
def test_a_catalog_whose_images_lie_where_nothing_is_signed(
    named: bool, signing: Moody, registry: str, direct: Place, target: str, has: Has
) -> None:
    """As Red Hat's certified catalog; also where the ImageSet names a repository there that answers."""
    with Moody(registry) as elsewhere:
        elsewhere.manners = [refuses(404, "NAME_UNKNOWN", "name unknown", only="certified/operator")]
        operator = Image(f"{elsewhere.host}/certified/operator:v1", "operator", "certified/operator", "v1")
        push(registry, operator)
        one = catalog(signing.host, f"{elsewhere.host}/certified/operator@{operator.manifest}")
        push(registry, one)
        sign(connect(registry), one.repository, one)
        lines = [
            "kind: ImageSetConfiguration",
            "apiVersion: mirror.openshift.io/v2alpha1",
            "mirror:",
            "  operators:",
            f"  - catalog: {one.origin}",
            "    packages:",
            "    - name: certified",
        ]
        if named:
            lines += ["  additionalImages:", f"  - name: {elsewhere.host}/team/db:v1"]
        direct.imageset.write_text("".join(f"{line}\n" for line in lines))
        ran = direct.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("running oc-mirror") == (2 if named else 1)
    assert has(target, f"certified/operator:{operator.manifest.replace(':', '-')}")


def test_what_is_signed_crosses_the_gap_below_a_path_of_the_target(
    signing: Moody, connected: Place, disconnected: Place, target: str, has: Has
) -> None:
    ran = mirrored(connected, signing.host)
    assert ran.returncode == 0, ran.stderr
    carry(connected, disconnected)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "verified" in ran.stderr
    assert has(target, f"team/app:{tag_of(image(signing.host, SIGNED))}")
    assert not has(target, f"team/db:{tag_of(image(signing.host, PLAIN))}")


def test_what_is_signed_later_crosses_the_gap_later(
    signing: Moody, registry: str, connected: Place, disconnected: Place, target: str, has: Has
) -> None:
    late = image(signing.host, "team/late:v1")
    push(registry, late)
    assert mirrored(connected, signing.host, names=("team/late:v1",)).returncode == 0
    sign(connect(registry), "team/late", late)
    ran = mirrored(connected, signing.host, names=("team/late:v1",))
    assert ran.returncode == 0, ran.stderr
    assert len(connected.generations()) == 2
    carry(connected, disconnected)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, f"team/late:{tag_of(late)}")


def test_an_archive_of_other_rules_does_no_harm(
    signing: Moody, connected: Place, disconnected: Place, target: str, has: Has
) -> None:
    """An archive brings oc-mirror's files along; two that name the same would be an error."""
    assert mirrored(connected, signing.host, "--signatures=all").returncode == 0
    carry(connected, disconnected)
    host = target.partition("/")[0]
    ran = disconnected.mirror(f"--target-registry={host}")
    assert ran.returncode == 0, ran.stderr
    assert has(host, f"team/app:{tag_of(image(signing.host, SIGNED))}")


@pytest.mark.parametrize(("status", "code"), [(405, "UNSUPPORTED"), (400, "TAG_INVALID"), (403, "DENIED")])
def test_a_target_that_takes_none_gets_the_images(
    status: int,
    code: str,
    signing: Moody,
    connected: Place,
    disconnected: Place,
    moody_target: Moody,
    target: str,
    has: Has,
) -> None:
    assert mirrored(connected, signing.host).returncode == 0
    carry(connected, disconnected)
    path = target.partition("/")[2]
    moody_target.manners = [
        lambda question: refuses(status, code)(question) if question.method == "PUT" else None
    ]
    ran = disconnected.mirror(f"--target-registry={moody_target.host}/{path}")
    assert ran.returncode == 0, ran.stderr
    assert f"{moody_target.host}/{path} takes no signatures of images: {moody_target.host} " in ran.stderr
    assert "does not take the signatures of" in ran.stderr
    assert has(target, SIGNED)
    assert has(target, PLAIN)


def test_a_change_of_what_is_copied_is_a_change(signing: Moody, direct: Place) -> None:
    assert mirrored(direct, signing.host, "--skip-unchanged=true").returncode == 0
    ran = direct.mirror("--skip-unchanged=true")
    assert "unchanged since" in ran.stderr
    ran = direct.mirror("--skip-unchanged=true", "--signatures=none")
    assert "changed since the run of" in ran.stderr
    assert ": signatures\n" in ran.stderr


def test_a_signature_is_deleted_with_its_image_and_not_before(
    signing: Moody, registry: str, direct: Place, target: str, has: Has
) -> None:
    newer = image(signing.host, "team/app:v2")
    push(registry, newer)
    sign(connect(registry), "team/app", newer)
    assert mirrored(direct, signing.host, names=("team/app:v1", "team/app:v2")).returncode == 0
    assert mirrored(direct, signing.host, names=("team/app:v2",)).returncode == 0
    ran = direct.mirror("--workflow=workflow-delete-generate")
    assert ran.returncode == 0, ran.stderr
    plan = ran.stderr.rpartition("approved-plan-sha256 ")[2].split()[0]
    document = json.loads((direct.data / "removal" / "plan.json").read_text())
    assert sorted(tag for one in document["manifests"] for tag in one["tags"]) == sorted(
        ["v1", tag_of(image(signing.host, SIGNED))]
    )
    ran = direct.mirror("--workflow=workflow-delete-execute", f"--approved-plan-sha256={plan}")
    assert ran.returncode == 0, ran.stderr
    assert not has(target, f"team/app:{tag_of(image(signing.host, SIGNED))}")
    assert has(target, f"team/app:{tag_of(newer)}")


INDEX, FIRST, SECOND = (f"sha256:{letter * 64}" for letter in "abc")
SIGNATURES = {
    f"{digest.replace(':', '-')}.sig": f"sha256:{digest[-1] * 60}0000" for digest in (FIRST, SECOND)
}


def test_the_signatures_of_what_an_index_lists_go_with_it() -> None:
    tags = {"v1": INDEX, **SIGNATURES}
    content = inspection.RepositoryContent(tags, {INDEX: (FIRST, SECOND)})
    found = inspection.decide("team/app", content, inspection.References(candidates={"v1"}))
    going = {deletion.digest for deletion in found.deletions}
    assert going == {INDEX, FIRST, SECOND, *SIGNATURES.values()}


def test_the_signature_of_what_another_index_lists_stays() -> None:
    other = f"sha256:{'d' * 64}"
    tags = {"v1": INDEX, "v2": other, **SIGNATURES}
    content = inspection.RepositoryContent(tags, {INDEX: (FIRST, SECOND), other: (SECOND,)})
    found = inspection.decide("team/app", content, inspection.References(candidates={"v1"}))
    first, second = SIGNATURES.values()
    assert {deletion.digest for deletion in found.deletions} == {INDEX, FIRST, first}
    assert "belongs to an image that stays" in found.stays[second]


def test_a_target_that_takes_none_is_named_and_no_source_is_blamed(
    signing: Moody, direct: Place, moody_target: Moody, target: str, has: Has
) -> None:
    moody_target.manners = [
        lambda question: refuses(403, "DENIED")(question) if question.method == "PUT" else None
    ]
    path = target.partition("/")[2]
    ran = mirrored(direct, signing.host, f"--target-registry={moody_target.host}/{path}")
    assert ran.returncode == 0, ran.stderr
    assert f"{moody_target.host}/{path} does not take the signatures of {signing.host}/{SIGNED}" in ran.stderr
    assert not (direct.data / "unsigned.json").exists()
    assert has(target, SIGNED)


def test_cleanup_takes_a_signature_out_of_the_cache_with_its_image(
    signing: Moody, registry: str, connected: Place
) -> None:
    newer = image(signing.host, "team/app:v2")
    push(registry, newer)
    sign(connect(registry), "team/app", newer)
    assert mirrored(connected, signing.host, names=("team/app:v1",)).returncode == 0
    assert mirrored(connected, signing.host, names=("team/app:v2",)).returncode == 0
    ran = connected.mirror("--workflow=workflow-cleanup")
    assert ran.returncode == 0, ran.stderr
    (tags,) = connected.data.glob("cache/**/repositories/team/app/_manifests/tags")
    assert {path.name for path in tags.iterdir()} == {"v2", tag_of(newer)}


def test_the_tags_of_a_target_are_listed(signing: Moody, direct: Place, target: str) -> None:
    """Two nights leave what one night leaves."""
    for _night in range(2):
        assert mirrored(direct, signing.host).returncode == 0
    host, _, path = target.partition("/")
    answer = requests.get(f"http://{host}/v2/{path}/team/app/tags/list", timeout=10).json()
    assert sorted(answer["tags"]) == sorted(["v1", tag_of(image(signing.host, SIGNED))])


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_one_file_tells_oc_mirror_however_often_it_runs(signing: Moody, connected: Place) -> None:
    for names in ((SIGNED,), (SIGNED, PLAIN)):
        assert mirrored(connected, signing.host, names=names).returncode == 0
    assert files(connected.data / "registries.d") == ["default.yaml"]
    copied = files(connected.data / "working-dir" / "containers" / "registries.d")
    assert len(copied) == 2, "ours, and one for the port of this run's cache"
