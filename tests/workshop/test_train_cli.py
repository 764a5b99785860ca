"""``beatline models train``: two recipes under one command."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from models import train, train_cli
from models.data import FOLDS
from models.datasets import BeatSet, DataOptions
from models.progress import Progress
from models.recipe import Config
from models.workshop import dual_train
from models.workshop.runs import RunConfig, load_run
from monitor.cli import app
from tests.workshop.waves import waves

QUICK = ("--arch", "cnn", "--epochs", "2", "--batch", "16", "--augment", "flip,noise")


def invoke(*arguments: str) -> tuple[int, str]:
    """Run ``beatline models train``; return exit code and all that was printed."""
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, ["models", "train", *arguments], env=environment)
    return result.exit_code, result.output


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path | None, DataOptions]]:
    """Load made-up beats instead of a data set; return what was asked for."""
    calls: list[tuple[str, Path | None, DataOptions]] = []

    def load(dataset: str, data: Path | None, options: DataOptions) -> BeatSet:
        calls.append((dataset, data, options))
        return waves()

    monkeypatch.setattr(train_cli, "load_beats", load)
    return calls


def test_a_training_that_is_stopped_goes_on(
    asked: list[tuple[str, Path | None, DataOptions]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends cleanly and says so; the same command finishes; once more is refused."""
    folder = str(tmp_path / "run")

    def stop(self: Progress, what: str, done: int, total: int) -> None:
        if what.startswith("epoch 2"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", stop)
        code, text = invoke(folder, *QUICK)
    assert (code, text.splitlines()[-1]) == (
        0,
        f"stopped: {folder} is not finished; the same command goes on with it",
    )
    code, text = invoke(folder, *QUICK)
    assert code == 0
    assert "parameters, trained on" in text
    assert "test, split patients" in text
    assert len(load_run(Path(folder)).history) == 2
    assert load_run(Path(folder)).config.augment == ("noise", "flip")
    code, text = invoke(folder, *QUICK)
    assert code == 1
    assert "received a finished run" in text
    assert len(asked) == 2  # a folder that is refused is refused before anything is loaded


def test_options_of_the_data_set_reach_it(
    asked: list[tuple[str, Path | None, DataOptions]], tmp_path: Path
) -> None:
    """By their own names and as NAME=VALUE."""
    wanted = ("--dataset", "kachuee", "--records", "DS1", "--rows", "500", "--option", "balanced=true")
    invoke(str(tmp_path / "run"), "--arch", "cnn", "--select", "ig:99", *wanted, "--data", str(tmp_path))
    assert asked == [("kachuee", tmp_path, DataOptions(records="DS1", rows=500, balanced=True))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "cnn", "--moved", "3"], "--moved: is an option of the monitor's own network"),
        (["--batch", "3"], "--batch: is an option of a network of the workshop: expected --arch with it"),
        (["--arch", "monitor", "--dataset", "wfdb"], "--dataset: is an option of a network of the workshop"),
        (
            ["--arch", "lstm_dual", "--dataset", "wfdb"],
            "is an option of a network that is told beats",
        ),
        (["--arch", "lstm_dual", "--moved", "3"], "--moved: is an option of the monitor's own network"),
        (["--arch", "lstm_dual", "--loss", "balanced"], "expected weighted, focal or plain"),
        (["--arch", "transformer"], "expected one of monitor, cnn, lstm"),
        (["--arch", "cnn", "--option", "lead=1"], "expected names out of records, plain, rows, leads"),
        (
            ["--arch", "cnn", "--option", "recipe=foo"],
            "recipe: expected published|paper|served, received 'foo'",
        ),
        (["--arch", "cnn", "--option", "fs=fast"], "fs: expected NUMBER, received 'fast'"),
        (["--arch", "cnn", "--option", "leads=0"], "leads: expected at least 1, received 0"),
        (["--arch", "cnn", "--option", "leads"], "expected NAME=VALUE, received 'leads'"),
        (["--arch", "cnn", "--learning-rate", "0"], "--learning-rate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_belong_together_is_wrong_usage(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    """Usage: 2; nothing is made."""
    code, text = invoke(str(tmp_path / "run"), *arguments)
    assert code == 2
    assert message in text
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "mnist"], "no such data set: expected one of wfdb"),
        (["--augment", "mirror"], "received mirror"),
    ],
)
def test_what_does_not_exist_is_an_error(tmp_path: Path, arguments: list[str], message: str) -> None:
    """One line, exit 1."""
    code, text = invoke(str(tmp_path / "run"), "--arch", "cnn", *arguments)
    assert (code, text.count("\n")) == (1, 1)
    assert message in text


@pytest.mark.parametrize("arguments", [(), ("--arch", "monitor")])
def test_without_a_network_it_is_the_recipe_of_the_monitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Issue: the monitor's own recipe as it was, with its own options."""
    configs: list[Config] = []

    class Done(Exception):  # noqa: N818 - not an error
        """The recipe would begin."""

    def begin(config: Config, *_: object, **__: object) -> None:
        configs.append(config)
        raise Done

    monkeypatch.setattr(train, "train", begin)
    CliRunner().invoke(
        app, ["models", "train", str(tmp_path / "run"), *arguments, "--moved", "4", "--seed", "7"]
    )
    (config,) = configs
    assert (config.epochs, config.moved, config.single, config.seed) == (10, 4, 2, 7)
    assert len(config.records) == 61
    assert config.folds == FOLDS
    assert all(len(name) == 3 for name in config.tuned_on)


def test_the_network_with_two_outputs_has_the_recipe_of_its_own_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One recipe, whichever way it is asked for: what is not given has the defaults of ``dual``."""
    configs: list[RunConfig] = []

    class Done(Exception):  # noqa: N818 - not an error
        """The recipe would begin."""

    def begin(config: RunConfig, *_: object, **__: object) -> None:
        configs.append(config)
        raise Done

    monkeypatch.setattr(dual_train, "train_dual", begin)
    asked = [str(tmp_path / "run"), "--records", "DS1,100", "--epochs", "3", "--augment", "noise"]
    for command in (["train", "--arch", "lstm_dual"], ["dual"]):
        assert isinstance(CliRunner().invoke(app, ["models", *command, *asked]).exception, Done)
    assert configs[0] == configs[1]
    assert (configs[0].arch, configs[0].epochs, configs[0].augment) == ("lstm_dual", 3, ("noise",))
