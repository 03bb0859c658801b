"""Methods side by side on real photographs with masks: the figures of RESULTS.md.

Each row of `rows.py` learns from the training split and is scored on the test split. A row whose result file stands
in ``benchmarks/results/field`` with the same settings and data is not run again; a run that was stopped is resumed.
Beside the result stands a table of its cracked photographs, by which two methods are compared (`report/paired.py`).
RESULTS.md, its pictures and the table of README.md are written anew each time, from the result files alone.

    python benchmarks/field.py                       # every row, those that matter most first
    python benchmarks/field.py painted 'seed*'       # rows of these names
    python benchmarks/field.py painted --seeds 0 1   # with these seeds
    python benchmarks/field.py painted --score-again # finished runs: choose thresholds and score anew, train nothing
    python benchmarks/field.py --list                # what is done, and what the others would take
    python benchmarks/field.py --tables-only         # only write the report again
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pandas as pd

import fissura
from fissura import scoring
from fissura.files import written_whole
from fissura.photos import load_data, opening_only, read_photo
from fissura.segmenting import bundled_model
from methods.answer import Answer, Clock
from methods.classical import CLASSICAL
from methods.finished import answer_as_it_comes
from methods.peers import PEERS, ask_peer, refine
from methods.recipes import ask_model, train_recipe
from methods.tuning import Tuned, hold_out
from report.page import write_report
from report.paired import COLUMNS, PLACE
from row import Row
from rows import ROWS, read_results
from unmasked import judge_unmasked

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("FISSURA_DATA", HERE.parents[1] / "shared" / "data")) / "field"
RUNS = HERE / "runs" / "field"
RESULTS = HERE / "results" / "field"


def main() -> None:
    """Run the rows asked for and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["*"], help="names of rows, with * and ?; all if none")
    parser.add_argument("--seeds", nargs="+", type=int, help="only rows with these seeds")
    parser.add_argument("--score-again", action="store_true", help="choose thresholds and score finished runs anew")
    parser.add_argument("--list", action="store_true", help="run nothing, tell what is done")
    parser.add_argument("--tables-only", action="store_true", help="run nothing, write the report again")
    arguments = parser.parse_args()
    rows = [
        row
        for row in ROWS
        if any(fnmatch(row.name, name) for name in arguments.names)
        and (arguments.seeds is None or row.seed in arguments.seeds)
    ]
    if arguments.list:
        tell(rows)
        return
    if not arguments.tables_only:
        fingerprint = load_data(DATA).fingerprint()
        for row in rows:
            if reason := why_left(row, is_done(row, fingerprint), arguments.score_again):
                print(f"{row.name}, seed {row.seed}: {reason}")
                continue
            run(row, fingerprint)
            write_report(read_results(RESULTS), HERE)
    write_report(read_results(RESULTS), HERE)


def is_done(row: Row, fingerprint: str) -> bool:
    """Tell whether the row has a result with its present settings on these photographs."""
    path = RESULTS / row.file
    return path.exists() and row.is_answered_by(json.loads(path.read_text("utf-8")), fingerprint)


def why_left(row: Row, done: bool, score_again: bool, runs: Path = RUNS) -> str | None:
    """Tell why there is nothing to do for a row, or that it cannot be done yet; None where it is to be run."""
    if score_again:
        if not done:
            return "not scored again, for it has no result with its present settings"
        return None if has_run(row, runs) else "not scored again, for what it trained is gone"
    if done:
        return "done already"
    if "of" in row.settings and not has_run(row, runs):
        return f"not run, for the model it takes is not there; run {row.settings['of']} first"
    return None


def has_run(row: Row, runs: Path = RUNS) -> bool:
    """Tell whether what the row has trained still stands, so that it can be scored again."""
    match row.method:
        case "recipe":
            return (runs / row.run / "model.onnx").exists()
        case "tuned" | "seen":
            return model_of(row, runs).exists()
        case method if method in PEERS:
            return (peer_folder(row, runs) / "answered.json").exists()
    return True


def model_of(row: Row, runs: Path) -> Path:
    """Name the model of another row that this one takes."""
    if row.settings["of"] == "box":
        return bundled_model()
    return runs / f"{row.settings['of']}-{row.seed}-{row.settings['run']}" / "model.onnx"


def peer_folder(row: Row, runs: Path) -> Path:
    """Name the folder in which things are exchanged with a peer; rows that ask it the same share it."""
    return runs / f"{row.method}-{row.seed}"


def tell(rows: list[Row]) -> None:
    """Print what is done, and what the others would take."""
    fingerprint, left = load_data(DATA).fingerprint(), 0.0
    for row in rows:
        done = is_done(row, fingerprint)
        left += 0 if done else row.cpu_minutes
        print(f"{row.name:26} seed {row.seed}  {'done' if done else f'about {row.cpu_minutes:g} CPU minutes'}")
    print(f"left: about {left / 60:.1f} CPU hours")


def run(row: Row, fingerprint: str, data: Path = DATA, runs: Path = RUNS, results: Path = RESULTS) -> None:
    """Train and score one row, and write its result."""
    match row.method:
        case "recipe":
            answer = train_recipe(row, data, runs / row.run)
        case "box":
            answer = answer_as_it_comes(data)
        case "seen":
            how = {name: value for name, value in row.settings.items() if name not in ("of", "run")}
            answer = answer_as_it_comes(data, model_of(row, runs), **how)
        case _:
            answer = tune_score(row, data, runs)
    evaluation = answer.evaluate()
    if is_done(row, fingerprint):  # scored again; what its training took stands
        answer = replace(answer, training=json.loads((results / row.file).read_text("utf-8"))["training"])
    with written_whole((results / row.file).with_suffix(".csv")) as temporary:
        of_cracked(evaluation.photos).to_csv(temporary, index=False)
    with written_whole(results / row.file) as temporary:
        content = {
            "row": row.facts(),
            "recipe" if row.method == "recipe" else "settings": row.full_settings(),
            "start": row.start(),
            "data_fingerprint": fingerprint,
            "training": answer.training,
            "cleaning": answer.cleaning.model_dump(),
            "held_out": _held_out(answer),
            "unmasked": _unmasked(answer, data.parent),
            "seconds_per_photo": round(float(evaluation.photos["seconds"].median()), 4),
            "fissura_version": fissura.__version__,
            "summary": records(evaluation.summary),
        }
        temporary.write_text(json.dumps(content, indent=1), "utf-8")
    print(f"{row.name}, seed {row.seed}: {answer.training['minutes']:.1f} min, written to {results / row.file}")


def tune_score(row: Row, data: Path, runs: Path) -> Answer:
    """Make a method of a score, classical, a peer's or a model's: trained on labels, tuned without a mask."""
    photos = load_data(data)
    train, test = photos.with_split("train").without_masks(), photos.with_split("test")
    with opening_only(train):
        learned, held_out = hold_out(train, row.seed)
    if row.method == "tuned":
        score, training = ask_model(model_of(row, runs))
    elif row.method in CLASSICAL:
        score, training = CLASSICAL[row.method], {"steps": 0, "precision": "64-true"}
    else:
        with opening_only(test.without_masks()):  # a peer runs apart, so it is asked everything beforehand
            asked = [*held_out.photos, *(read_photo(photo.path) for photo in test)]
        score, training = ask_peer(row.method, row.settings, row.seed, learned, asked, peer_folder(row, runs))
    if row.settings.get("refined"):
        score = refine(score)
    clock = Clock()
    with opening_only(train):
        tuned = Tuned(score, held_out)
    training = clock.spent() | training  # nothing but tuning is spent on a classical method
    return Answer(lambda: scoring.evaluate(test, tuned.segment), training, tuned.judged.cleaning, tuned.judged)


def records(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a summary into JSON's types; figures that do not exist become null."""
    rows: list[dict[str, Any]] = json.loads(summary.to_json(orient="records", double_precision=6))
    return rows


def of_cracked(photos: pd.DataFrame) -> pd.DataFrame:
    """Take what two methods are compared by, photograph by photograph; one without a group is its own."""
    cracked = photos[(photos["label"] == "cracked") & photos["has_truth"]]
    names = cracked["photo"].map(lambda path: Path(path).name)
    cracked = cracked.assign(photo=names, group=cracked["group"].where(cracked["group"] != "", names))
    return cracked[[*PLACE, *COLUMNS]].round(4)


def _unmasked(answer: Answer, photographs: Path) -> dict[str, dict[str, float]] | None:
    if answer.model is None or not (photographs / "metu").is_dir():  # a long training is not lost for want of these
        return None
    return judge_unmasked(answer.model, photographs)


def _held_out(answer: Answer) -> dict[str, float] | None:
    if answer.judged is None:
        return None
    return {
        name: round(getattr(answer.judged, name), 4) for name in ("painted_dice", "false_alarm_rate", "miss_rate")
    }


if __name__ == "__main__":
    main()
