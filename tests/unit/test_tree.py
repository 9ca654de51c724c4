"""Reading below a root that is never left."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps.errors import InvalidInputError, NotFoundError, UsageError
from steps.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for name in (
        "global.yaml",
        "clustersets/hub.yaml",
        "clustersets/_example.yaml",
        "clusters/edge-1.yaml",
        "clusters/notes.txt",
        ".git/config.yaml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return Tree(tmp_path)


def test_files_come_in_the_order_given(tree: Tree) -> None:
    assert tree.select("clustersets/hub.yaml, global.yaml") == ["clustersets/hub.yaml", "global.yaml"]


def test_a_folder_gives_global_files_first_and_clusters_last_and_no_examples(tree: Tree) -> None:
    assert tree.select(".") == ["global.yaml", "clustersets/hub.yaml", "clusters/edge-1.yaml"]


def test_a_glob_stays_within_its_folder(tree: Tree) -> None:
    assert tree.select("*.yaml") == ["global.yaml"]
    assert tree.select("clusters*/*.yaml") == ["clustersets/hub.yaml", "clusters/edge-1.yaml"]


def test_an_example_is_taken_when_named(tree: Tree) -> None:
    assert tree.select("clustersets/_example.yaml") == ["clustersets/_example.yaml"]


def test_a_file_named_twice_is_taken_once(tree: Tree) -> None:
    assert tree.select("global.yaml,*.yaml,./global.yaml") == ["global.yaml"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.yaml", "clusters/../../x.yaml", "a\0b"])
def test_a_path_that_leaves_the_repository_is_refused(tree: Tree, path: str) -> None:
    with pytest.raises(UsageError, match="leaves the repository"):
        tree.select(path)


@pytest.mark.parametrize("path", ["nothing.yaml", "empty/*", "clusters/none.yaml"])
def test_what_matches_nothing_is_told(tree: Tree, path: str) -> None:
    with pytest.raises(NotFoundError, match="there is no"):
        tree.select(path)


@pytest.mark.parametrize("path", ["", " , "])
def test_an_empty_list_is_refused(tree: Tree, path: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        tree.select(path)


def test_a_link_that_leads_out_is_refused(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("outside") / "secret.yaml"
    secret.write_text("x: 1")
    (tree.root / "link.yaml").symlink_to(secret)
    with pytest.raises(InvalidInputError, match="leads out"):
        tree.read("link.yaml")


def test_a_link_that_stays_inside_is_read(tree: Tree) -> None:
    (tree.root / "link.yaml").symlink_to("global.yaml")
    assert tree.read("link.yaml") == b"global.yaml"


def test_a_huge_file_is_refused_before_it_is_read(tree: Tree) -> None:
    with (tree.root / "huge.yaml").open("wb") as stream:
        stream.truncate(17 * 1024 * 1024)
    with pytest.raises(InvalidInputError, match="more than"):
        tree.read("huge.yaml")


def test_a_pointer_of_git_lfs_is_told(tree: Tree) -> None:
    (tree.root / "lfs.yaml").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(InvalidInputError, match=r"lfs\.yaml is kept by Git LFS"):
        tree.read("lfs.yaml")
