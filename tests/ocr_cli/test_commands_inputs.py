"""The images and documents that files, folders and patterns select, and their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr_cli.recognize.inputs import InputFile, NoInputs, find_inputs, natural_key
from tests.support.cards import card, card_frames
from tests.support.pdfs import card_pdf

NAMES = ("a/1.png", "a/10.png", "a/2.png", "a/b/3.png", "c/4.png", "c/.h.png")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(card(name))
    (tmp_path / "a" / "notes.txt").write_text("no image")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["a"], ["1.png", "2.png", "10.png", "b/3.png"]),
        (["a/"], ["1.png", "2.png", "10.png", "b/3.png"]),
        (["a", "c"], ["a/1.png", "a/2.png", "a/10.png", "a/b/3.png", "c/4.png"]),
        (["c", "a/b"], ["c/4.png", "a/b/3.png"]),
        (["a/1.png"], ["1.png"]),
        (["a/10.png", "a/b/3.png"], ["10.png", "b/3.png"]),
        (["c/.h.png"], [".h.png"]),
        (["a/*"], ["1.png", "2.png", "10.png"]),
        (["a/**/*.png"], ["1.png", "2.png", "10.png", "b/3.png"]),
        (["*/1*.png"], ["a/1.png", "a/10.png"]),
        (["a/notes.txt"], ["notes.txt"]),
        (["a", "a"], ["1.png", "2.png", "10.png", "b/3.png"]),
        (["a", "a/1.png"], ["1.png", "2.png", "10.png", "b/3.png"]),
    ],
)
def test_names_count_from_the_folder_of_all(
    folder: Path, arguments: list[str], names: list[str]
) -> None:
    assert [image.name for image in find_inputs(arguments).files] == names
    absolute = [str(folder / argument) for argument in arguments]
    assert [image.name for image in find_inputs(absolute).files] == names


def test_a_folder_can_be_left_out(folder: Path) -> None:
    found = find_inputs(["a"], leave_out=Path("a/b"))
    assert [image.name for image in found.files] == ["1.png", "2.png", "10.png"]
    found = find_inputs(["a/**/*.png"], leave_out=folder / "a" / "b")
    assert [image.name for image in found.files] == ["1.png", "2.png", "10.png"]


def test_images_keep_the_path_that_was_given(folder: Path) -> None:
    (image, *_) = find_inputs(["a"]).files
    assert image.display_name == "a/1.png"
    assert image.read() == card("a/1.png")


@pytest.mark.parametrize("nothing", ["absent", "a/*.gif", "empty"])
def test_an_argument_without_images(folder: Path, nothing: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(NoInputs, match=nothing.replace("*", r"\*")):
        find_inputs(["a", nothing])


def test_a_link_to_a_folder_is_not_walked(folder: Path) -> None:
    (folder / "c" / "loop").symlink_to(folder)
    (folder / "c" / "5.png").symlink_to(folder / "a" / "1.png")
    assert [image.name for image in find_inputs(["c"]).files] == ["4.png", "5.png"]


def test_numbers_are_ordered_by_value() -> None:
    names = ["p10", "p9", "p", "p9b", "10", "9", "²"]
    assert sorted(names, key=natural_key) == ["9", "10", "p", "p9", "p9b", "p10", "²"]


def test_other_files_of_folders_and_patterns_are_skipped(folder: Path) -> None:
    assert find_inputs(["a"]).skipped == [Path("a/notes.txt")]
    assert find_inputs(["a/*", "a/notes.txt"]).skipped == []
    assert find_inputs(["a"]).root == folder / "a"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (card_pdf(["a"]), "pdf"),
        (b"\r\n" + card_pdf(["a"]), "pdf"),
        (card_frames("TIFF", ["a", "b"]), "tiff"),
        (card_frames("GIF", ["a", "b"]), "gif"),
        (card_frames("TIFF", ["a"]), None),
        (card_frames("GIF", ["a"]), None),
        (card("a"), None),
        (b"II*\0", None),
        (b"GIF89a", None),
        (b"", None),
    ],
)
def test_documents_are_files_of_pages(tmp_path: Path, content: bytes, kind: str | None) -> None:
    (tmp_path / "file").write_bytes(content)
    assert InputFile(tmp_path / "file", "file").document_kind == kind
    assert InputFile(None, "stdin", content).document_kind == kind
