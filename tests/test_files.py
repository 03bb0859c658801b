"""Files are written whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fissura.errors import FissuraError
from fissura.files import begun_anew, inside, not_over, owned, written_whole


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def fail_halfway(path: Path) -> NoReturn:
    path.write_text("half")
    raise ZeroDivisionError


def test_a_file_stands_whole_and_as_readable_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "new folder/table.csv"
    with written_whole(path) as temporary:
        assert temporary.suffix == ".csv"
        assert not path.exists()
        temporary.write_text("photo,score")
    other = tmp_path / "other"
    other.touch()
    assert path.read_text() == "photo,score"
    assert path.stat().st_mode == other.stat().st_mode
    assert names(path.parent) == {"table.csv"}


def test_an_error_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("former")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        fail_halfway(temporary)
    assert path.read_text() == "former"
    assert names(tmp_path) == {"table.csv"}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file/table.csv", tmp_path / f"{'long' * 100}.csv", tmp_path / f"table.{'x' * 300}"):
        with pytest.raises(FissuraError, match=r"cannot be written .*; choose another place"), written_whole(path):
            pass
    assert names(tmp_path) == {"file"}


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    with pytest.raises(FissuraError) as caught, written_whole(tmp_path / "model.onnx") as temporary:
        raise FissuraError(f"{temporary}: not written")
    assert str(caught.value) == f"{tmp_path / 'model.onnx'}: not written"


def test_links_are_replaced_and_what_is_no_file_stays(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/table.csv").write_text("former")
    (tmp_path / "link.csv").symlink_to("far/table.csv")
    with written_whole(tmp_path / "link.csv") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "far/table.csv").read_text() == "former"
    assert (tmp_path / "link.csv").read_text() == "new"
    (tmp_path / "round.csv").symlink_to("round.csv")
    with written_whole(tmp_path / "round.csv") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "round.csv").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FissuraError, match="is no file; choose another name"), written_whole(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()
    for folder in (Path(), Path("/")):
        with pytest.raises(FissuraError, match="is no file; choose another name"), written_whole(folder):
            pass


def test_what_is_read_is_not_written_over_by_whatever_name(tmp_path: Path) -> None:
    read = [tmp_path / "gone.csv", tmp_path / "table.csv"]
    not_over(tmp_path / "table.csv", read)  # nothing is there yet
    (tmp_path / "table.csv").touch()
    (tmp_path / "own.csv").hardlink_to(tmp_path / "table.csv")
    not_over(tmp_path / "gone.csv", read)
    for name in ("table.csv", "../" + tmp_path.name + "/table.csv", "own.csv"):
        with pytest.raises(FissuraError, match=r"csv: is read here and would be written over; choose another --out"):
            not_over(tmp_path / name, read)


def test_a_folder_is_begun_anew_by_its_own_verb_alone(tmp_path: Path) -> None:
    parts = "photos", "sheet.png"
    begun_anew(tmp_path / "out", "paint", parts)
    (tmp_path / "out/photos").mkdir()
    for name in ("photos/1.png", "sheet.png", ".DS_Store"):
        (tmp_path / "out" / name).touch()
    for verb, own in (("demo", parts), ("paint", parts[:1])):
        with pytest.raises(FissuraError, match=f"not known to be of `fissura {verb}`; choose another --out"):
            begun_anew(tmp_path / "out", verb, own)
    assert names(tmp_path / "out/photos") == {"1.png"}
    begun_anew(tmp_path / "out", "paint", parts)
    assert names(tmp_path / "out") == {"written-by-fissura-paint.txt", ".DS_Store"}


def test_no_link_leads_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "job/own").mkdir(parents=True)
    (tmp_path / "job/out").symlink_to(tmp_path)
    assert inside(tmp_path / "job", "own/new/1.png") == tmp_path / "job/own/new/1.png"
    with pytest.raises(FissuraError, match="a link that leads out"):
        inside(tmp_path / "job", "out/1.png")


def test_ctrl_c_leaves_nothing_behind_wherever_it_strikes(tmp_path: Path) -> None:
    def stop(_signal: int, _frame: Any) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    stopped = 0
    try:
        for attempt in range(1500):
            try:
                signal.setitimer(signal.ITIMER_REAL, (1 + attempt % 150) * 1e-6)
                with written_whole(tmp_path / "table.csv") as temporary:
                    temporary.write_text("photo,score")
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                stopped += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert stopped
    assert names(tmp_path) <= {"table.csv"}
    assert not (tmp_path / "table.csv").exists() or (tmp_path / "table.csv").read_text() == "photo,score"


def test_a_folder_belongs_to_one_run_until_it_ends_or_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = f"from fissura.files import *\nwith owned(Path({str(out)!r})): print('here', flush=True), input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, stderr=-1) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(FissuraError, match=r"out: another run writes here; wait for it, or choose another --out"):
            owned(out).__enter__()
        other.kill()
    with owned(out), pytest.raises(FissuraError, match="another run"), owned(out):
        pass
    assert names(out) == set()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", fail)
    with owned(tmp_path):
        assert names(tmp_path) == set()
