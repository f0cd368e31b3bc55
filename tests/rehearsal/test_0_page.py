"""docs/rehearsal.md names every scene, and every test that it names is there."""

import pathlib
import re

from engines import REPOSITORY

HERE = pathlib.Path(__file__).parent
PAGE = (REPOSITORY / "docs" / "rehearsal.md").read_text()


def test_the_page_names_every_scene_and_no_other():
    files = [file for file in sorted(HERE.glob("test_*.py")) if file.name != pathlib.Path(__file__).name]
    scenes = {name for file in files for name in re.findall(r"^def (test_\w+)\(", file.read_text(), re.MULTILINE)}
    assert scenes and set(re.findall(r"`(test_\w+)`", PAGE)) == scenes


def test_the_rust_tests_that_the_page_names_are_there():
    named = re.findall(r"`([\w/]+\.rs): (\w+)`", PAGE)
    assert len(named) > 20
    for path, name in named:
        file = REPOSITORY / path if path.startswith("crates/") else REPOSITORY / "tests" / "all" / path
        assert re.search(rf"^\s*(?:async )?fn {name}\(", file.read_text(), re.MULTILINE), f"{path}: {name}"


def test_the_page_says_which_version_is_rehearsed_on():
    (version,) = re.findall(r"^ministack==(\S+)$", (HERE / "requirements.txt").read_text(), re.MULTILINE)
    assert f"[MiniStack](https://pypi.org/project/ministack/) {version} " in PAGE
