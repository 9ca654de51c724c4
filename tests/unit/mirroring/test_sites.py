"""Several disconnected sites from one connected side: a data directory each, and one cache for all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steps.errors import ConflictError
from steps.imageset.model import Mirror, Platform, ReleaseChannel
from steps.mirroring.store import Store, lock
from steps.oci.access import Access
from steps.publishing import sources as publishing
from tests.bench import nights
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Image, Registry
from tests.testbed import ports
from tests.unit.mirroring.conftest import Place, Ran, real_only, serve_registry, standin_only
from tests.unit.mirroring.test_deletion import EXECUTE, GENERATE
from tests.unit.mirroring.test_targets import mirrors_of

Has = Callable[[str, str], bool]
REFERENCES = json.dumps(
    {
        "kind": "ImageStream",
        "apiVersion": "image.openshift.io/v1",
        "metadata": {"name": "4.18.22"},
        "spec": {"tags": []},
    }
).encode()
"""Of a release without images of its own."""


def mirror(place: Place, site: str, *images: str, more: tuple[str, ...] = ()) -> Ran:
    place.names(*images)
    ran = place.mirror(f"--site={site}", *more)
    assert ran.returncode == 0, ran.stderr
    return ran


def store(place: Place, site: str = "") -> Store:
    cache = place.data / "cache"
    return Store(place.data / "sites" / site, cache) if site else Store(place.data)


def archived(place: Place, site: str) -> set[str]:
    """Return the digests of the blobs in the archives of a site."""
    found = set()
    for path in (place.data / "sites" / site / "generations").glob("*/*.tar"):
        with tarfile.open(path) as tar:
            found |= {Path(name).parent.name for name in tar.getnames() if "/blobs/sha256/" in name}
    return found


def digest_of(place: Place, image: str) -> str:
    repository, _, tag = image.partition(":")
    return store(place).cache.tag(repository, tag).partition(":")[2]


def test_each_site_has_a_ledger_of_its_own_and_only_what_it_asked_for(
    connected: Place, disconnected: Place, target: str, has: Has
) -> None:
    mirror(connected, "north", "team/app:v1", "team/db:v1")
    mirror(connected, "south", "team/app:v2", "team/db:v1")
    ran = mirror(connected, "south", "team/app:v3", "team/db:v1")
    assert "continues generation 1" in ran.stderr
    assert [*store(connected, "north").generations.ledger()] == [1]
    assert [*store(connected, "south").generations.ledger()] == [1, 2]
    own = {name: digest_of(connected, name) for name in ("team/app:v1", "team/app:v3", "team/db:v1")}
    assert own["team/app:v1"] not in archived(connected, "south")
    assert own["team/app:v3"] not in archived(connected, "north")
    assert own["team/db:v1"] in archived(connected, "north") & archived(connected, "south")
    assert not (connected.data / "sites/north/cache").exists()
    shutil.copytree(connected.data / "sites/south/generations", disconnected.data / "generations")
    disconnected.names("team/app:v3", "team/db:v1")
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v3")
    assert not has(target, "team/app:v1")


@pytest.mark.parametrize(
    "asked",
    [
        ("--workflow=workflow-cleanup",),
        ("--changes",),
        ("--verify-target", "--target-registry=registry.example.com/ocp"),
        ("--export=medium",),
    ],
)
def test_a_site_that_is_not_there_is_named_with_those_that_are(
    connected: Place, asked: tuple[str, ...]
) -> None:
    (connected.data / "sites" / "north").mkdir(parents=True)
    ran = connected.mirror("--site=nroth", *asked)
    assert ran.returncode == 4
    assert f"site: there is no folder {connected.data}/sites/nroth" in ran.stderr
    assert "hint: the sites there are north" in ran.stderr
    assert [path.name for path in (connected.data / "sites").iterdir()] == ["north"]
    assert not (connected.data / "cache").exists()


def test_sites_that_are_started_together_take_turns(connected: Place) -> None:
    connected.names("team/app:v1")
    cache = connected.data / "cache"
    with lock.exclusive(cache, purpose="another"):
        running = [connected.start(f"--site={site}") for site in ("north", "south", "west")]
        for process in running:
            assert process.stderr
            assert any(f"waiting for {cache}, which is in use by another" in line for line in process.stderr)
    ended = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    used_by = (cache / "used-by").read_text().split()
    assert sorted(used_by) == ["../sites/north", "../sites/south", "../sites/west"]


def clean_up(place: Place, site: str = "") -> Ran:
    ran = place.mirror("--workflow=workflow-cleanup", *([f"--site={site}"] if site else []))
    assert ran.returncode == 0, ran.stderr
    return ran


def test_what_a_site_does_not_need_stays_as_long_as_another_needs_it(connected: Place) -> None:
    mirror(connected, "north", "team/app:v1", "team/db:v1")
    mirror(connected, "south", "team/app:v1")
    mirror(connected, "north", "team/app:v2", "team/db:v1")
    cache = store(connected).cache
    assert "0 images" in clean_up(connected, "north").stderr
    assert cache.tag("team/app", "v1")
    mirror(connected, "south", "team/app:v2")
    assert "1 images" in clean_up(connected, "south").stderr
    assert not cache.tag("team/app", "v1")
    assert cache.tag("team/db", "v1"), "north needs it"


def test_the_data_directory_itself_shares_the_cache_with_its_sites(connected: Place) -> None:
    mirror(connected, "north", "team/app:v1")
    connected.names("team/app:v1", "team/db:v1")
    assert connected.mirror().returncode == 0
    mirror(connected, "north", "team/app:v2")
    clean_up(connected, "north")
    assert store(connected).cache.tag("team/app", "v1")
    connected.names("team/db:v1")
    assert connected.mirror().returncode == 0
    clean_up(connected)
    assert not store(connected).cache.tag("team/app", "v1")
    assert store(connected).cache.tag("team/app", "v2"), "north needs it"


def test_a_site_that_was_removed_needs_nothing_any_more(connected: Place) -> None:
    mirror(connected, "north", "team/app:v1")
    mirror(connected, "south", "team/app:v1")
    shutil.rmtree(connected.data / "sites/south")
    mirror(connected, "north", "team/app:v2")
    ran = clean_up(connected, "north")
    assert "nothing is removed" not in ran.stderr
    assert not store(connected).cache.tag("team/app", "v1")
    assert (connected.data / "cache/used-by").read_text() == "../sites/north\n"


def test_a_data_directory_from_before_there_were_sites_keeps_what_it_needs(connected: Place) -> None:
    """As an earlier version left it: nothing says that it uses its own cache."""
    connected.names("team/app:v1")
    assert connected.mirror().returncode == 0
    (connected.data / "cache/used-by").unlink()
    mirror(connected, "north", "team/app:v1")
    mirror(connected, "north", "team/app:v2")
    assert "0 images" in clean_up(connected, "north").stderr
    assert store(connected).cache.tag("team/app", "v1")


def test_a_site_that_was_renamed_keeps_what_it_needs(connected: Place) -> None:
    mirror(connected, "north", "team/app:v1")
    mirror(connected, "south", "team/app:v1")
    (connected.data / "sites/south").rename(connected.data / "sites/southern")
    mirror(connected, "north", "team/app:v2")
    clean_up(connected, "north")
    assert store(connected).cache.tag("team/app", "v1")


def test_a_cache_that_is_a_link_to_another_volume_is_shared_as_well(connected: Place, tmp_path: Path) -> None:
    (tmp_path / "volume/of/images").mkdir(parents=True)
    connected.data.mkdir()
    (connected.data / "cache").symlink_to(tmp_path / "volume/of/images")
    mirror(connected, "north", "team/app:v1")
    mirror(connected, "south", "team/app:v1")
    mirror(connected, "north", "team/app:v2")
    clean_up(connected, "north")
    assert store(connected).cache.tag("team/app", "v1"), "south needs it"
    used_by = (tmp_path / "volume/of/images/used-by").read_text().split()
    assert used_by == ["../sites/north", "../sites/south"]


@pytest.mark.parametrize("kind", ["empty", "link"])
def test_nothing_is_removed_for_a_site_whose_volume_is_not_mounted(
    connected: Place, tmp_path: Path, kind: str
) -> None:
    mirror(connected, "north", "team/app:v1")
    mirror(connected, "south", "team/app:v1")
    south = connected.data / "sites/south"
    south.rename(tmp_path / "unmounted")
    south.mkdir() if kind == "empty" else south.symlink_to(tmp_path / "nowhere")
    mirror(connected, "north", "team/app:v2")
    ran = clean_up(connected, "north")
    assert f"nothing is removed from the cache {connected.data / 'cache'}: {south}, which" in ran.stderr
    assert store(connected).cache.tag("team/app", "v1")
    south.rmdir() if kind == "empty" else south.unlink()
    clean_up(connected, "north")
    assert not store(connected).cache.tag("team/app", "v1")


def test_a_list_of_users_that_is_none_keeps_everything(connected: Place) -> None:
    mirror(connected, "north", "team/app:v1")
    (connected.data / "cache/used-by").write_bytes(b"\xff\xfe\0\n")
    mirror(connected, "north", "team/app:v2")
    assert "which used it too, is not there or empty" in clean_up(connected, "north").stderr
    assert store(connected).cache.tag("team/app", "v1")


@pytest.mark.parametrize("name", ["helm", "north-helmond", "..", "a/b", "North", "x" * 254])
def test_a_name_that_oc_mirror_or_a_path_cannot_have_is_refused_as_a_site(
    connected: Place, name: str
) -> None:
    ran = connected.mirror(f"--site={name}")
    assert ran.returncode == 2
    assert f"site '{name}'" in ran.stderr
    assert not connected.data.exists()


def test_sites_are_moved_together(connected: Place, tmp_path: Path) -> None:
    mirror(connected, "north", "team/app:v1")
    mirror(connected, "south", "team/app:v1")
    connected.data = connected.data.rename(tmp_path / "elsewhere")
    mirror(connected, "north", "team/app:v2")
    clean_up(connected, "north")
    assert store(connected).cache.tag("team/app", "v1"), "south needs it"


def test_nothing_is_removed_for_a_data_directory_that_cannot_be_asked(
    connected: Place, tmp_path: Path
) -> None:
    other, apart = tmp_path / "other", tmp_path / "volume/cache"
    connected.names("team/app:v1")
    for data in (connected.data, other):
        assert connected.mirror(f"--cache-dir={apart}", f"--data={data}").returncode == 0
    other.rename(tmp_path / "unmounted")
    other.mkdir()
    connected.names("team/app:v2")
    ran = connected.mirror(f"--cache-dir={apart}")
    assert ran.returncode == 0, ran.stderr
    assert (
        f"nothing is removed from the cache {apart}: {other}, which used it too, is not there" in ran.stderr
    )
    ran = connected.mirror(f"--cache-dir={apart}", "--workflow=workflow-cleanup")
    assert ran.returncode == 0, ran.stderr
    cache = Store(connected.data, apart).cache
    assert cache.tag("team/app", "v1")
    (apart / "used-by").write_text(f"{connected.data}\n")
    assert connected.mirror(f"--cache-dir={apart}", "--workflow=workflow-cleanup").returncode == 0
    assert not cache.tag("team/app", "v1")


def test_a_tag_that_another_site_needs_does_not_go_with_the_digest_of_its_image(connected: Place) -> None:
    mirror(connected, "north", "team/app:v1")
    digest = store(connected).cache.tag("team/app", "v1")
    cache = store(connected).cache
    cache.remove({"team/app": {digest}}, among=["team/app"], kept={"team/app": {"v1"}})
    assert cache.tag("team/app", "v1") == digest
    cache.remove({"team/app": {digest}}, among=["team/app"])
    assert not cache.tag("team/app", "v1")


def test_sites_may_share_a_cache_on_another_volume(connected: Place, tmp_path: Path) -> None:
    apart = f"--cache-dir={tmp_path / 'volume'}"
    mirror(connected, "north", "team/app:v1", more=(apart,))
    mirror(connected, "south", "team/app:v1", more=(apart,))
    assert not (connected.data / "cache").exists()
    used_by = (tmp_path / "volume/used-by").read_text().split()
    assert used_by == [str(connected.data / "sites" / site) for site in ("north", "south")]


@standin_only
def test_the_cache_stays_locked_as_long_as_the_oc_mirror_of_a_killed_run_lives(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_HANG", "once")
    with connected.start("--site=north") as running:
        assert running.stderr
        assert any("Success copying" in line for line in running.stderr)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        running.kill()
    try:
        with (
            pytest.raises(ConflictError),
            lock.exclusive(connected.data / "cache", purpose="", patience=0),
        ):
            pass
    finally:
        for child in children:
            os.kill(int(child), signal.SIGKILL)
    with lock.exclusive(connected.data / "cache", purpose="", patience=10):
        pass


def release(data: Path, tag: str, *, complete: bool = True) -> Path:
    """Lay out a release as oc-mirror does in its working directory; return its only blob."""
    folder = data / "working-dir/release-images/ocp-release" / tag
    blob = folder / "blobs/sha256" / ("0" * 64)
    blob.parent.mkdir(parents=True)
    blob.write_text(f"the content of {tag}")
    if complete:
        (folder / "index.json").write_text("{}")
    return blob


def test_releases_that_another_site_has_fetched_are_linked_and_no_others(tmp_path: Path) -> None:
    mine, other = (Store(tmp_path / name, tmp_path / "cache") for name in ("mine", "other"))
    wanted = release(other.root, "4.18.22-x86_64")
    release(other.root, "4.18.25-x86_64")
    release(other.root, "4.18.23-x86_64", complete=False)
    graph = other.working_dir.path / "graph-preparation/blobs/sha256" / ("1" * 64)
    graph.parent.mkdir(parents=True)
    graph.write_text("a layer")
    channel = ReleaseChannel(name="stable-4.18", min_version="4.18.22", max_version="4.18.24")
    mirror = Mirror(platform=Platform(channels=(channel,), graph=True))
    (mine.scratch / "release").mkdir(parents=True)  # a kill has left it
    for found in (1, 0):
        assert mine.working_dir.lend_releases(mirror, [other.working_dir]) == found
        releases = mine.working_dir.path / "release-images/ocp-release"
        assert [path.name for path in releases.iterdir()] == ["4.18.22-x86_64"]
        lent = [mine.working_dir.path / path.relative_to(other.working_dir.path) for path in (wanted, graph)]
        assert [path.stat().st_ino for path in lent] == [path.stat().st_ino for path in (wanted, graph)]
        index = releases / "4.18.22-x86_64/index.json"
        assert index.read_text() == "{}"
        assert index.stat().st_nlink == 1, "oc-mirror may write it where it lies"


def test_where_a_volume_has_no_links_releases_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: str) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    mine, other = (Store(tmp_path / name, tmp_path / "cache") for name in ("mine", "other"))
    wanted = release(other.root, "4.18.22-x86_64")
    monkeypatch.setattr(os, "link", refuse)
    channel = ReleaseChannel(name="stable-4.18", min_version="4.18.22", max_version="4.18.22")
    mine.working_dir.lend_releases(Mirror(platform=Platform(channels=(channel,))), [other.working_dir])
    lent = mine.working_dir.path / wanted.relative_to(other.working_dir.path)
    assert lent.read_text() == wanted.read_text()


# With the real program: what the source is asked for.


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Moody]:
    """A source that counts, with the catalog of `nights` and images."""
    with serve_registry(tmp_path / "upstream") as upstream, Moody(upstream) as source:
        registry = Registry(upstream, verify=False)
        registry.check()
        nights.renew(registry, upstream, 0)
        files = {
            f"configs/{name}/catalog.json": nights.package(source.host, name, ["1.0.0"]) for name in ("beta",)
        }
        files["configs/alpha/catalog.json"] = nights.package(source.host, "alpha", ["1.0.0"])
        files["configs/other/catalog.json"] = nights.package(source.host, "other", ["1.0.0"], "x" * 1_000_000)
        for part in ("bundle", "operand"):
            nights.push(registry, f"alpha/{part}", "v1.0.0", nights.layer({part: os.urandom(60_000)}), {})
        label = {"operators.operatorframework.io.index.configs.v1": "/configs"}
        nights.push(registry, nights.INDEX, "v4.18", nights.layer(files), label)
        for name in ("team/one:v1", "team/two:v1"):
            repository, _, tag = name.partition(":")
            registry.push(Image(f"{upstream}/{name}", "additional", repository, tag), repository)
        yield source


def ask_for(place: Place, catalog: Moody, packages: tuple[str, ...], image: str) -> None:
    place.imageset.write_text(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n"
        f"  - catalog: {catalog.host}/{nights.INDEX}:v4.18\n    packages:\n"
        + "".join(f"    - name: {name}\n" for name in packages)
        + f"  additionalImages:\n  - name: {catalog.host}/{image}\n"
    )


@real_only
def test_five_sites_fetch_no_layer_twice(connected: Place, catalog: Moody) -> None:
    for site in range(5):
        ask_for(
            connected, catalog, ("alpha", "beta")[: 1 + site % 2], ("team/one:v1", "team/two:v1")[site % 2]
        )
        ran = connected.mirror(f"--site=site-{site}")
        assert ran.returncode == 0, ran.stderr
        assert ("not fetched again" in ran.stderr) == (site > 0)
    layers = [path for path, size in catalog.sent if "/blobs/" in path and size > 1000]
    assert sorted(layers) == sorted(set(layers))
    assert any(nights.INDEX in path for path in layers)


@real_only
def test_a_catalog_that_another_site_has_filtered_stays(connected: Place, catalog: Moody) -> None:
    for site, packages in (("north", ("alpha",)), ("south", ("beta",)), ("south", ("alpha", "beta"))):
        ask_for(connected, catalog, packages, "team/one:v1")
        assert connected.mirror(f"--site={site}").returncode == 0
    filters = [store(connected, site).working_dir.filters() for site in ("north", "south")]
    tags = {*store(connected).cache.tags(nights.INDEX)}
    assert [len(found) for found in filters] == [1, 2]
    assert filters[0] <= tags


@real_only
def test_a_release_that_was_taken_over_is_not_fetched_and_is_archived(
    tmp_path: Path, oc_mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By oc-mirror alone: `mirror` asks for releases that the graph has, which are signed."""
    stores = {name: Store(tmp_path / name, tmp_path / "cache") for name in ("mine", "other")}
    config = tmp_path / "registries.conf"
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(config))
    with (
        serve_registry(tmp_path / "upstream") as upstream,
        Moody(upstream) as source,
        ports.reserved() as port,
    ):
        config.write_text(f'[[registry]]\nlocation = "{source.host}"\ninsecure = true\n')
        registry = Registry(upstream, verify=False)
        registry.check()
        payload = nights.layer(
            {"release-manifests/image-references": REFERENCES, "rest": os.urandom(500_000)}
        )
        nights.push(registry, "openshift/release", "4.18.22-x86_64", payload, {})
        with Access(tls_verify=False).open(f"{upstream}/openshift/release") as repository:
            digest = repository.digest("4.18.22-x86_64")
        release = f"{source.host}/openshift/release@{digest}"
        imageset = tmp_path / "imageset.yaml"
        imageset.write_text(
            "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
            f"  platform:\n    release: {release}\n"
        )
        command = [oc_mirror, "--v2", f"--config={imageset}", f"--cache-dir={tmp_path / 'cache'}"]
        command += ["--src-tls-verify=false", "--remove-signatures=true", "--ignore-release-signature"]
        command.append(f"--port={port}")  # oc-mirror's own default may be taken
        sent = {}
        for name in ("other", "mine"):
            source.sent.clear()
            done = subprocess.run(
                [*command, f"file://{tmp_path / name}"], check=False, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr
            sent[name] = sum(size for _path, size in source.sent)
            if name == "other":
                mirror = Mirror(platform=Platform(release=release))
                assert stores["mine"].working_dir.lend_releases(mirror, [stores["other"].working_dir]) == 1
    assert sent["other"] > len(payload)
    assert sent["mine"] < 10_000
    with tarfile.open(tmp_path / "mine/mirror_000001.tar") as tar:
        assert any(digest.partition(":")[2] in name for name in tar.getnames())


# --- sites with one target


def both(direct: Place) -> None:
    """Two sites that mirror to one target: south keeps what north no longer needs."""
    for site, images in (
        ("north", ("team/app:v1", "team/db:v1")),
        ("south", ("team/app:v1", "other/tool:v1")),
        ("north", ("team/app:v2",)),
    ):
        mirror(direct, site, *images)


def sources(place: Place, site: str, target: str) -> set[str]:
    found = Store(place.data / "sites" / site).published.of(target)
    assert found is not None
    return {source.removeprefix(f"{place.host}/") for source in mirrors_of(found.files())}


@standin_only
def test_a_plan_of_deletion_leaves_what_another_site_needs_of_the_target(
    direct: Place, target: str, has: Has
) -> None:
    both(direct)
    asked = ("--site=north", f"--target-registry={target}")
    assert direct.mirror(GENERATE, *asked).returncode == 0
    plan = direct.data / "sites/north/removal/plan.json"
    assert [image["origin"].partition("/")[2] for image in json.loads(plan.read_text())["images"]] == [
        "team/db:v1"
    ]
    direct.names("team/db:v1")
    assert direct.mirror("--site=west").returncode == 0
    direct.names("team/app:v2")
    approved = hashlib.sha256(plan.read_bytes()).hexdigest()
    ran = direct.mirror(EXECUTE, *asked, f"--approved-plan-sha256={approved}")
    assert ran.returncode == 19
    assert has(target, "team/db:v1"), "west needs it by now"
    shutil.rmtree(direct.data / "sites/west")
    assert direct.mirror(EXECUTE, *asked, f"--approved-plan-sha256={approved}").returncode == 0
    assert not has(target, "team/db:v1")
    assert has(target, "team/app:v1")


@standin_only
def test_no_plan_of_deletion_is_made_while_a_site_is_out_of_reach(direct: Place, target: str) -> None:
    both(direct)
    south = direct.data / "sites/south"
    shutil.rmtree(south)
    south.mkdir()
    ran = direct.mirror(GENERATE, "--site=north", f"--target-registry={target}")
    assert ran.returncode == 5
    assert f"what {south} needs of {target} is not known" in ran.stderr


@standin_only
def test_the_clusters_of_one_target_get_what_all_its_sites_have_mirrored(
    direct: Place, target: str, tmp_path: Path
) -> None:
    both(direct)
    assert sources(direct, "north", target) == {"team", "other"}
    for site in ("north", "south"):
        found = publishing.from_folder(direct.data / "sites" / site, target).resources
        assert {
            entry["source"].rpartition("/")[2]
            for resource in found
            for entry in resource["spec"].get("imageTagMirrors", ())
        } == {"team", "other"}
    shutil.rmtree(direct.data / "sites/south")
    mirror(direct, "north", "team/app:v2")
    assert sources(direct, "north", target) == {"team"}


@standin_only
def test_a_site_whose_resources_are_damaged_holds_up_no_other(direct: Place, target: str) -> None:
    both(direct)
    [damaged] = (direct.data / "sites/south/targets").glob("*/mirrors/*/itms.yaml")
    damaged.write_bytes(b"\xff\xfe")
    ran = mirror(direct, "north", "team/app:v3")
    assert f"what south publishes for {target} is left out" in ran.stderr
    assert sources(direct, "north", target) == {"team"}
