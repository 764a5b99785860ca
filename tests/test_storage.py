"""Files that are whole or not there."""

import multiprocessing
from pathlib import Path

import pytest

from monitor.storage import claimed, drafted


def test_a_file_takes_the_place_of_the_one_before_it_when_it_is_whole(tmp_path: Path) -> None:
    """Until then the one before it is read, and the draft has its suffix."""
    path = tmp_path / "card.json"
    path.write_text("old")
    with drafted(path) as draft:
        draft.write_text("new")
        assert (".json", "old") == (draft.suffix, path.read_text())
    assert "new" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_is_broken_off_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    """Neither half a file nor its draft; the error comes out as it is."""

    def break_off() -> None:
        with drafted(tmp_path / "card.json") as draft:
            draft.write_text("ne")
            raise error

    with pytest.raises(error):
        break_off()
    assert [] == list(tmp_path.iterdir())


def test_a_claimed_file_is_not_free_to_another_process(tmp_path: Path) -> None:
    """Until it is closed."""
    path = tmp_path / "lock"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with path.open("a") as file:
            assert claimed(file)
            assert not pool.apply(_is_free, (path,))
        assert pool.apply(_is_free, (path,))


def _is_free(path: Path) -> bool:
    with path.open("a") as file:
        return claimed(file)
