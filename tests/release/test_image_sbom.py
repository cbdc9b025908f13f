"""The list of what the container image has: Debian's packages next to those of Python."""

from __future__ import annotations

from image_sbom import complete

PYTHON = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"timestamp": "2026-11-30T12:00:00+00:00"},
    "components": [{"type": "library", "name": "numpy", "purl": "pkg:pypi/numpy@2.3.5"}],
}


def test_the_packages_of_debian_follow_those_of_python() -> None:
    whole = complete(PYTHON, "libc6\t2.41-12\tamd64\nlibstdc++6\t14.2.0-19+b1\tamd64\n", "1.0.0")
    assert [part["purl"] for part in whole["components"]] == [
        "pkg:pypi/numpy@2.3.5",
        "pkg:deb/debian/libc6@2.41-12?arch=amd64",
        "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19%2Bb1?arch=amd64",
    ]
    assert whole["components"][1]["version"] == "2.41-12"


def test_the_list_is_about_the_image() -> None:
    whole = complete(PYTHON, "", "1.0.0")
    described = whole["metadata"]["component"]
    assert (described["type"], described["name"], described["version"]) == (
        "container",
        "ocr-server",
        "1.0.0",
    )
    assert whole["metadata"]["timestamp"] == "2026-11-30T12:00:00+00:00"
    assert whole["bomFormat"] == "CycloneDX"
