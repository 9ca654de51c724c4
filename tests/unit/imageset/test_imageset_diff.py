"""The command imageset-diff, as one runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps import imageset_diff
from steps.errors import InvalidInputError, NotFoundError, UsageError

HEAD = "kind: ImageSetConfiguration\nmirror:\n  additionalImages: "


def write(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_each_difference_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = write(tmp_path, "old.yaml", f"{HEAD}[{{name: 'a/b:1'}}]\n")
    imageset_diff.main.perform([old, write(tmp_path, "new.yaml", f"{HEAD}[{{name: 'a/b:2'}}]\n")])
    assert capsys.readouterr().out == "added: image a/b:2\nremoved: image a/b:1\n"


def test_two_that_say_the_same_have_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = write(tmp_path, "old.yaml", f"{HEAD}[{{name: 'a/b:1'}}]\n")
    imageset_diff.main.perform([old, write(tmp_path, "new.yaml", f"# newer\n{HEAD}\n  - name: a/b:1\n")])
    assert capsys.readouterr().out == "no difference\n"


def test_a_file_that_is_not_there_not_text_or_not_yaml_is_an_error_that_names_it(tmp_path: Path) -> None:
    fine = write(tmp_path, "fine.yaml", f"{HEAD}[]\n")
    with pytest.raises(NotFoundError, match=r"gone\.yaml"):
        imageset_diff.main.perform([fine, str(tmp_path / "gone.yaml")])
    with pytest.raises(InvalidInputError, match=r"bytes\.yaml, line 1: not UTF-8"):
        imageset_diff.main.perform([fine, write(tmp_path, "bytes.yaml", b"\xff")])
    with pytest.raises(UsageError):
        imageset_diff.main.perform([fine])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mirror: {additionalImages: []}\n",
        "kind: DeleteImageSetConfiguration\nmirror: {}\n",
        "apiVersion: v1\nkind: ImageSetConfiguration\nmirror: {}\n",
        "kind: ImageSetConfiguration\ndelete: {}\n",
        "- a\n",
    ],
)
def test_what_is_no_imageset_is_refused(tmp_path: Path, text: str) -> None:
    fine = write(tmp_path, "fine.yaml", f"{HEAD}[]\n")
    for pair in ([fine, write(tmp_path, "other.yaml", text)], [write(tmp_path, "other.yaml", text), fine]):
        with pytest.raises(InvalidInputError, match=r"other\.yaml"):
            imageset_diff.main.perform(pair)


def test_the_exit_code_tells_of_differences_where_asked(tmp_path: Path) -> None:
    one = write(tmp_path, "one.yaml", f"{HEAD}[{{name: 'a/b:1'}}]\n")
    other = write(tmp_path, "other.yaml", f"{HEAD}[{{name: 'a/b:2'}}]\n")
    for argv, code in (
        ([one, other], 0),
        (["--exit-code", one, other], 1),
        (["--exit-code", one, one], 0),
        (["--exit-code", "/dev/null", one], 1),
        (["--exit-code", one, str(tmp_path)], 4),
        (["--exit-code", one, write(tmp_path, "no.yaml", "x")], 3),
    ):
        assert imageset_diff.main(argv) == code, argv
