"""What the Python tests share: where the build is."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def build_dir() -> pathlib.Path:
    """The build folder: ET_BUILD_DIR, else build/ of the checkout."""
    return pathlib.Path(os.environ.get("ET_BUILD_DIR") or ROOT / "build")


@pytest.fixture(scope="session")
def tool(build_dir):
    """The path of a built tool, by name."""

    def find(name: str) -> str:
        path = build_dir / "bin" / name
        assert path.exists(), f"{path} is not built; run 'make build'"
        return str(path)

    return find
