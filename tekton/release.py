"""Release a version: commit, tag, build image, site and catalog, list what the image holds; push if told.

    make release VERSION=0.2.0
    make release VERSION=0.2.0 PUSH=1 REGISTRY=registry.example.com/tools/oc-mirror-autoshift

pyproject.toml has the version; this program writes it into every other file (`MARKS`). The commit is made in
a work tree of its own, build/release/source, so that yours changes only by a fast-forward. What is built lies
in build/release/vVERSION-COMMIT. A release that was ended anywhere goes on with the same command: what
is whole is not made again. Nothing leaves this machine without --push.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sbom

from steps.files import write_atomically
from steps.versions import precedence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "oc-mirror-autoshift"
REGISTRY = f"quay.io/autoshift/{IMAGE}"
PROGRAMS = ("git", "buildah", "skopeo", "go")
OC_MIRROR = "/usr/local/bin/oc-mirror"

VERSION = r"\d+\.\d+\.\d+(?:-[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*)?"
# Where the version stands; the group of each is the version.
MARKS = tuple(
    re.compile(pattern.replace("(V)", f"({VERSION})"), re.M)
    for pattern in (
        r'^version = "(V)"$',
        r"^ARG VERSION=(V)$",
        r'app\.kubernetes\.io/version: "(V)"',
        rf"\b{IMAGE}:v(V)",
        r"\?ref=v(V)",
        r"targetRevision: v(V)$",
        r"name: revision\n +value: v(V)$",
    )
)
# Files whose versions are those of others, or of the past.
OTHERS = re.compile(
    r"requirements.*\.txt|CHANGELOG\.md|docs/decisions/.*|tests/testbed/go/.*|tests/.*/test_release.*"
)
UNRELEASED = "## Unreleased\n"


class ReleaseError(Exception):
    """The release cannot go on; the message says why and what to do."""


def read(*command: str | Path, cwd: Path | None = None) -> bytes:
    """Run a program; return the bytes that it prints. Raises ReleaseError with its last words."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd or ROOT, capture_output=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise ReleaseError(f"{' '.join(words[:3])} failed with exit code {done.returncode}:\n{said[-2000:]}")
    return done.stdout


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program as `read` does; return its text without the blanks around it."""
    return read(*command, cwd=cwd).decode().strip()


def git(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Run git; return what it prints."""
    return run("git", *arguments, cwd=cwd)


# --- The version and the changelog -----------------------------------------------------------------------


def places(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file of the repository in which the version may stand, with its text."""
    for name in git("ls-files", cwd=root).splitlines():
        if not OTHERS.fullmatch(name) and (root / name).is_file():
            try:
                yield root / name, (root / name).read_text()
            except UnicodeDecodeError:  # a picture
                continue


def set_version(root: Path, version: str) -> None:
    """Write the version into every place of `MARKS`."""
    for path, before in places(root):
        text = before
        for mark in MARKS:
            text = mark.sub(lambda found: found[0].replace(found[1], version), text)
        if text != before:
            path.write_text(text)


def changes(changelog: str, heading: str) -> str:
    """Return the section below a heading of the second level, without headings that have no entry.

    Raises ReleaseError where the changelog lacks the heading.
    """
    start = re.search(rf"^{re.escape(heading.strip())}.*\n", changelog, re.M)
    if not start:
        raise ReleaseError(f"CHANGELOG.md has no heading “{heading.strip()}”: add it above the last release")
    section = re.split(r"^## ", changelog[start.end() :], maxsplit=1, flags=re.M)[0]
    deep = re.sub(r"^#### .+\n\s*(?=^#{1,4} |\Z)", "", section, flags=re.M)
    return re.sub(r"^### .+\n\s*(?=^#{1,3} |\Z)", "", deep, flags=re.M).strip()


def date_changelog(changelog: str, version: str, day: str) -> str:
    """Give the unreleased section the version and the day, and put an empty one above it."""
    section = changes(changelog, UNRELEASED)
    if not re.search(r"^[*-] ", section, re.M):
        raise ReleaseError("CHANGELOG.md has no entry under “Unreleased”: say what users will notice")
    before, _, rest = changelog.partition(UNRELEASED)
    older = re.search(r"^## ", rest, re.M)
    dated = f"{before}{UNRELEASED}\n## {version} - {day}\n\n{section}\n"
    return f"{dated}\n{rest[older.start() :]}" if older else dated


# --- Commit and tag --------------------------------------------------------------------------------------


def check_version(version: str) -> None:
    """Refuse a version that is not newer than the newest tag, or older than that of pyproject.toml."""
    tags = [tag for tag in git("tag", "--list", "v*").splitlines() if re.fullmatch(f"v{VERSION}", tag)]
    newest = max(tags, key=precedence, default="")
    if newest and precedence(version) <= precedence(newest):
        raise ReleaseError(f"{version} is not newer than {newest}, the newest tag")
    now = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if precedence(version) < precedence(now):
        raise ReleaseError(f"{version} is older than {now} in pyproject.toml")


def commit_of(tag: str) -> str:
    """Return the commit of an annotated tag, "" where there is none."""
    return git("for-each-ref", "--format=%(*objectname)", f"refs/tags/{tag}")


def cut(version: str) -> str:
    """Commit and tag the version unless that is done; return the commit. Raises ReleaseError."""
    if not re.fullmatch(VERSION, version):
        raise ReleaseError(f"“{version}” is no version: give three numbers, as in VERSION=0.2.0")
    branch = git("branch", "--show-current")
    if not branch:
        raise ReleaseError("no branch is checked out: git switch to the one to release from")
    tag, head = f"v{version}", git("rev-parse", "HEAD")
    tagged = commit_of(tag)
    if tagged == head:
        print(f"{branch} is at {tag} already: what is built so far is kept")
        return head
    ended = bool(tagged) and git("log", "-1", "--format=%P", tagged) == head
    if tagged and not ended:
        raise ReleaseError(
            f"{tag} exists already, at commit {tagged[:12]}: choose a newer version, or check that commit out"
        )
    if status := git("status", "--porcelain"):
        raise ReleaseError(f"the work tree has changes; commit them, or stash them:\n{status}")
    if not ended:
        check_version(version)
        tagged = _commit(version)
        git("tag", "--annotate", f"--message=Version {version}", tag, tagged)
    # The tag comes first: where this call was ended in between, the next one finds it, and moves the branch.
    git("merge", "--quiet", "--ff-only", tagged)
    print(f"{branch} is at {tag}, commit {tagged[:12]}")
    return tagged


def _commit(version: str) -> str:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    dated = date_changelog(changelog, version, f"{datetime.now(UTC):%Y-%m-%d}")
    with source("HEAD") as tree:
        set_version(tree, version)
        (tree / "CHANGELOG.md").write_text(dated)
        git("commit", "--quiet", "--no-verify", "--all", f"--message=Release {version}", cwd=tree)
        return git("rev-parse", "HEAD", cwd=tree)


@contextmanager
def source(revision: str) -> Iterator[Path]:
    """A clean work tree of a revision; it is removed afterwards, and so is one that was left."""
    tree = ROOT / "build" / "release" / "source"
    _forget(tree)
    git("worktree", "add", "--force", "--force", "--quiet", "--detach", tree, revision)  # even half made
    try:
        yield tree
    finally:
        _forget(tree)


def _forget(tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    git("worktree", "prune")


# --- What is built ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Release:
    """A version, its commit, and the time of that commit. `folder` is where its files lie."""

    version: str
    commit: str
    made: datetime

    @staticmethod
    def of(version: str, commit: str) -> Release:
        """Ask git for the time of the commit, and make the folder."""
        release = Release(
            version, commit, datetime.fromisoformat(git("show", "--no-patch", "--format=%cI", commit))
        )
        release.folder.mkdir(parents=True, exist_ok=True)
        return release

    @property
    def folder(self) -> Path:
        """The folder of the files; another commit of the same version has another one."""
        return ROOT / "build" / "release" / f"v{self.version}-{self.commit[:12]}"

    @property
    def archive(self) -> Path:
        """The image."""
        return self.folder / f"{IMAGE}-v{self.version}.oci.tar"

    def make(self, path: Path, write: Callable[[Path], object]) -> None:
        """Have `write` make a file unless it is there; it gets its name when it is whole."""
        if path.exists():
            print(f"{path.name} is there")
            return
        unfinished = path.with_name(f"{path.name}.partial")
        unfinished.unlink(missing_ok=True)
        print(f"{path.name} …", flush=True)
        write(unfinished)
        unfinished.rename(path)


def build(release: Release, build_args: Sequence[str]) -> None:
    """Build image, site, catalog, notes and SBOM, with their checksums, from the commit and nothing else."""
    folder, version = release.folder, release.version
    with source(release.commit) as tree:
        release.make(release.archive, lambda path: build_image(release, tree, path, build_args))
        release.make(folder / f"site-v{version}.tar.gz", lambda path: build_site(tree, path))
        release.make(folder / f"catalog-v{version}.tar.gz", lambda path: build_catalog(release, tree, path))
        notes = changes((tree / "CHANGELOG.md").read_text(), f"## {version} - ")
        release.make(folder / "notes.md", lambda path: path.write_text(f"# {version}\n\n{notes}\n"))
    release.make(folder / f"{IMAGE}-v{version}.cdx.json", lambda path: write_sbom(release, path))
    files = sorted(path for path in folder.iterdir() if path.suffix in {".tar", ".gz", ".md", ".json"})
    sums = "".join(f"{_sha256(path)}  {path.name}\n" for path in files)
    write_atomically(folder / "SHA256SUMS", sums)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build_image(release: Release, tree: Path, archive: Path, build_args: Sequence[str]) -> None:
    """Build the Containerfile, for this machine's architecture, into an OCI archive."""
    own = (*build_args, f"VERSION={release.version}", f"REVISION={release.commit}")
    name = f"localhost/{IMAGE}:v{release.version}"
    options = ["--format=oci", f"--timestamp={int(release.made.timestamp())}", f"--tag={name}"]
    options += [f"--build-arg={argument}" for argument in own]
    run("buildah", "bud", *options, f"--file={tree / 'Containerfile'}", tree)
    run("buildah", "push", "--quiet", name, f"oci-archive:{archive}:{name}")


def build_site(tree: Path, archive: Path) -> None:
    """Build the documentation into an archive."""
    site = tree / "build" / "site"
    run(sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", site, cwd=tree)
    with tarfile.open(archive, "w:gz") as stream:
        stream.add(site, arcname="site")


def build_catalog(release: Release, tree: Path, archive: Path) -> None:
    """Lay out Tasks and Pipelines as Artifact Hub wants them, in an archive."""
    import artifact_hub

    try:
        artifact_hub.write(tree, release.version, release.made, archive)
    except artifact_hub.CatalogError as error:
        raise ReleaseError(str(error)) from error


def write_sbom(release: Release, path: Path) -> None:
    """Let the image list its parts, add the Go modules of oc-mirror, and write both as CycloneDX."""
    archive = f"oci-archive:{release.archive}"
    program, listed = path.with_name("oc-mirror.partial"), "/tmp/contents.json"  # noqa: S108
    image = f"{REGISTRY}@{digest_of(archive)}"
    container = run("buildah", "from", "--quiet", archive)
    inside = ("buildah", "run", container, "--")
    try:
        run(*inside, "list-image-contents", f"--image={image}", f"--sbom={listed}")
        contents = run(*inside, "cat", listed)
        program.write_bytes(read(*inside, "cat", OC_MIRROR))
    finally:
        run("buildah", "rm", container)
    modules = go_modules(program)
    if not modules:
        print(f"{OC_MIRROR} is no program of Go: the SBOM has its checksum, and no modules of it")
    path.write_text(sbom.write(contents, release.version, release.made, modules))
    program.unlink()


def go_modules(program: Path) -> str:
    """Return what the Go toolchain says of a program, "" where it is none of Go."""
    try:
        return run("go", "version", "-m", program)
    except ReleaseError:
        return ""


# --- Push ------------------------------------------------------------------------------------------------


def digest_of(image: str) -> str:
    """Return the digest of an image's manifest (`sha256:…`); `image` with its transport."""
    return f"sha256:{hashlib.sha256(read('skopeo', 'inspect', '--raw', image)).hexdigest()}"


def published(image: str) -> str:
    """Return the digest of an image in a registry, "" where the registry has none of that name and tag."""
    try:
        return digest_of(image)
    except ReleaseError as error:
        if re.search(r"manifest unknown|name unknown|not known to registry", str(error)):
            return ""
        raise


def push(release: Release, registry: str, remote: str) -> None:
    """Push the image, then branch and tag at once: whoever sees the tag finds the image."""
    archive, target = f"oci-archive:{release.archive}", f"docker://{registry}:v{release.version}"
    digest, there = digest_of(archive), published(target)
    if there not in {"", digest}:
        raise ReleaseError(
            f"{registry}:v{release.version} is another image ({there}); a version is never replaced"
        )
    run("skopeo", "copy", "--quiet", "--preserve-digests", archive, target)
    branch = git("branch", "--show-current")
    tag = f"refs/tags/v{release.version}"
    git("push", "--quiet", "--atomic", remote, f"{release.commit}:refs/heads/{branch}", tag)
    print(f"pushed {registry}:v{release.version}@{digest}, and {branch} and v{release.version} to {remote}")


# --- The command -----------------------------------------------------------------------------------------


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", help="such as 0.2.0")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE", help="of the image")
    parser.add_argument("--push", action="store_true", help="push image, branch and tag")
    parser.add_argument("--registry", default=REGISTRY, help="where the image goes (default: %(default)s)")
    parser.add_argument("--remote", default="origin", help="where branch and tag go (default: %(default)s)")
    return parser.parse_args(arguments)


def check_programs() -> None:
    """Refuse a machine that lacks a program, before anything is written."""
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        raise ReleaseError(f"this machine lacks {', '.join(missing)}: install what is missing first")


def main(arguments: Sequence[str]) -> int:
    """Release; return the exit code."""
    given = parse(arguments)
    try:
        check_programs()
        commit = cut(given.version)
        release = Release.of(given.version, commit)
        build(release, given.build_arg)
        print(f"everything is in {release.folder.relative_to(ROOT)}")
        if given.push:
            push(release, given.registry, given.remote)
        else:
            print("nothing was pushed; the same command with PUSH=1 does it")
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
