"""The faces of the hard set, from Debian's font packages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import ImageFont

from server_programs import unpack_packages

FETCHED = Path(__file__).resolve().parents[2] / "dist" / "hard_set" / "fonts"
INSTALLED = Path("/usr/share/fonts")
PACKAGES = (
    "fonts-noto-cjk",
    "fonts-arphic-gbsn00lp",
    "fonts-arphic-gkai00mp",
    "fonts-arphic-ukai",
    "fonts-arphic-uming",
    "fonts-wqy-zenhei",
    "fonts-cwtex-fs",
    "fonts-dejavu-core",
    "fonts-dejavu-extra",
    "fonts-liberation",
    "fonts-roboto-unhinted",
    "fonts-inconsolata",
    "fonts-lato",
    "fonts-linuxlibertine",
    "fonts-ocr-b",
    "fonts-dancingscript",
    "fonts-comic-neue",
)


@dataclass(frozen=True, slots=True)
class Face:
    """A font file, and the index of the face in a collection."""

    file: str
    index: int = 0


# Faces with Latin and Chinese characters; fangsong has only traditional ones.
CHINESE = {
    "hei": Face("NotoSansCJK-Regular.ttc", 2),
    "hei-bold": Face("NotoSansCJK-Bold.ttc", 2),
    "song": Face("NotoSerifCJK-Regular.ttc", 2),
    "song-bold": Face("NotoSerifCJK-Bold.ttc", 2),
    "song-thin": Face("gbsn00lp.ttf"),
    "kai": Face("gkai00mp.ttf"),
    "kai-cn": Face("ukai.ttc"),
    "ming": Face("uming.ttc"),
    "hei-zen": Face("wqy-zenhei.ttc"),
}
TRADITIONAL = {"fangsong": Face("cwfs.ttf")}
MONO = {
    "mono": Face("DejaVuSansMono.ttf"),
    "mono-bold": Face("DejaVuSansMono-Bold.ttf"),
    "mono-liberation": Face("LiberationMono-Regular.ttf"),
    "inconsolata": Face("Inconsolata.otf"),
    "ocr-b": Face("OCRB.otf"),
}
LATIN = {
    **MONO,
    "sans": Face("LiberationSans-Regular.ttf"),
    "sans-bold": Face("LiberationSans-Bold.ttf"),
    "sans-italic": Face("LiberationSans-Italic.ttf"),
    "narrow": Face("LiberationSansNarrow-Regular.ttf"),
    "serif": Face("LiberationSerif-Regular.ttf"),
    "serif-bold": Face("LiberationSerif-Bold.ttf"),
    "serif-italic": Face("LiberationSerif-Italic.ttf"),
    "dejavu": Face("DejaVuSans.ttf"),
    "dejavu-condensed": Face("DejaVuSansCondensed.ttf"),
    "dejavu-oblique": Face("DejaVuSans-Oblique.ttf"),
    "roboto-condensed": Face("RobotoCondensed-Regular.ttf"),
    "roboto-light": Face("Roboto-Light.ttf"),
    "lato": Face("Lato-Regular.ttf"),
    "lato-black": Face("Lato-Black.ttf"),
    "libertine": Face("LinLibertine_R.otf"),
}
HANDWRITTEN = {
    "script": Face("DancingScript-Regular.otf"),
    "comic": Face("ComicNeue-Regular.otf"),
}
FACES = {**CHINESE, **TRADITIONAL, **LATIN, **HANDWRITTEN}


def fetch_fonts() -> None:
    """Unpack the font packages in dist/ if a face is missing; NoProgram if apt cannot."""
    if any(_find(face.file) is None for face in FACES.values()):
        print("fetching fonts from Debian ...", flush=True)
        unpack_packages(list(PACKAGES), FETCHED)


@cache
def load_font(face: str, size: int) -> ImageFont.FreeTypeFont:
    """A face at a size in pixels; FileNotFoundError if fetch_fonts() was not called."""
    chosen = FACES[face]
    path = _find(chosen.file)
    if path is None:
        raise FileNotFoundError(f"font {chosen.file} is missing")
    layout = ImageFont.Layout.BASIC
    return ImageFont.truetype(path, size, index=chosen.index, layout_engine=layout)


@cache
def has_glyph(face: str, character: str) -> bool:
    """Whether the face can draw this character."""
    return character == " " or _glyph(face, character) not in (
        _glyph(face, "\U0010fffd"),
        _glyph(face, " "),
    )


def _glyph(face: str, character: str) -> bytes:
    mask = load_font(face, 32).getmask(character)
    return repr(mask.size).encode() + bytes(mask)


def _find(name: str) -> Path | None:
    """The file in dist/ or among the installed fonts."""
    found = [path for root in (FETCHED, INSTALLED) for path in sorted(root.rglob(name))]
    return found[0] if found else None
