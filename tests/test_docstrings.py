"""What docstrings show is what comes out."""

import doctest
import importlib

import pytest

from tests.test_imports import modules, path_of


def with_examples() -> list[str]:
    """Return the modules in which something is shown."""
    paths = ((module, path_of(module)) for module in modules())
    return [module for module, path in paths if path is not None and ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("module", with_examples())
def test_examples_come_out_as_shown(module: str) -> None:
    """An example that has ceased to be so misleads."""
    result = doctest.testmod(importlib.import_module(module))
    assert (0, True) == (result.failed, result.attempted > 0)
