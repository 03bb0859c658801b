"""A folder of photographs to masks on disk, ours against the original's way: ``python benchmarks/engines.py``.

500 painted photographs of 448 x 448 px are written as JPEG. Each way then turns all of them into masks on disk,
as a process of its own, timed whole: interpreter, imports and loading of the model included. The ways take turns,
``--rounds`` times, and the best time of each counts, so that other work on the machine strikes them alike; the
original, which takes as long as all others together, has one turn. All figures are ratios within this one run; the
table goes to ``results/engines.md``.

* ``original``: ResNet-50 U-Net in eager PyTorch, batch 1, Pillow, torchvision's transforms, sigmoid, threshold, PNG.
* ``ours, PyTorch``: the same loop with the network of the model that `fissura segment` is given.
* ``YOLO11-nano``: a segmentation network of ultralytics as its own ``predict`` runs it under OpenVINO, with random
  weights, in an environment of its own.
* ``fissura ...``: ``fissura segment`` as a user calls it, writing masks alone as the others do; with all pictures
  (probability maps and overlays besides); and with a glance at each photograph first, half of which show no crack.

A model's speed does not depend on its weights, but how long cleaning and writing take does: it is the
bundled one unless ``--model`` names another. ``--photos 20 --rounds 1 --dry`` is a short run that writes nothing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fissura.painting import SURFACES, draw_surface, paint_cracks
from fissura.photos import save_image
from fissura.segmenting import ENGINES, bundled_model, installed_engines, read_card, usable_cores
from methods.peers import HERE as PEERS
from methods.peers import peer_interpreter
from report.section import machine, write_section

SIDE_PX = 448
ORIGINAL, EAGER, YOLO = "original", "ours, PyTorch", "YOLO11-nano, openvino"
TARGETS = {ORIGINAL: 20.0, EAGER: 3.0, YOLO: 3.0}  # times as fast as these


def eager_loop(network_name: str, folder: Path, out: Path) -> None:
    """The original's way: one photograph after the other through an eager network."""
    import torch
    from PIL import Image
    from torchvision import transforms

    from fissura.learning.networks import build_network

    torch.set_num_threads(usable_cores())
    card = read_card(bundled_model())
    planes = card.planes if network_name == card.network else 3
    network = build_network(network_name, pretrained=False, planes=planes).eval()
    transform = transforms.Compose(
        [
            transforms.Resize((SIDE_PX, SIDE_PX)),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    out.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        for path in sorted(folder.glob("*.jpg")):
            photo = transform(Image.open(path).convert("RGB"))[None, :planes]  # (1, planes, H, W)
            mask = torch.sigmoid(network(photo))[0, 0] > 0.5  # (H, W)
            Image.fromarray(mask.numpy().astype(np.uint8) * 255).save(out / f"{path.stem}.png")


def write_photographs(folder: Path, count: int) -> None:
    for index in range(count):
        rng = np.random.default_rng(index)
        surface = draw_surface(SURFACES[index % len(SURFACES)], SIDE_PX, SIDE_PX, rng)
        photo = paint_cracks(surface, rng).photo if index % 2 else surface
        save_image(folder / f"{index:04}.jpg", photo)


def ways(folder: Path, out: Path, models: dict[str, Path], yolo: Path) -> dict[str, list[str]]:
    """Give each way's command."""
    here = [sys.executable, str(Path(__file__).resolve())]
    commands = {
        label: [*here, "--eager", network, str(folder), str(out)]
        for label, network in ((ORIGINAL, "seed-resnet50"), (EAGER, read_card(models["float32"]).network))
    }
    commands[YOLO] = [*map(str, (peer_interpreter(), PEERS / "yolo.py", "segment", yolo, folder, out))]
    ours = [sys.executable, "-m", "fissura", "segment", str(folder), "--out", str(out)]
    for arithmetic, model in models.items():
        for engine in installed_engines():
            command = [*ours, "--model", str(model), "--engine", engine]
            commands[f"fissura {arithmetic}, {engine}"] = [*command, "--only", "mask"]
    commands[f"{list(commands)[-1]}, all pictures"] = command
    if read_card(model).glance_below is not None:
        commands[f"fissura {arithmetic}, {engine}, glance"] = [*command, "--only", "mask", "--glance"]
    return commands


def seconds(command: list[str], out: Path, count: int) -> float:
    shutil.rmtree(out, ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    taken = time.perf_counter() - start
    masks = list((out / "masks").glob("*.png")) or list(out.glob("*.png"))
    if len(masks) != count:
        raise SystemExit(f"{' '.join(command)}: wrote {len(masks)} masks of {count}")
    return taken


def table(best: dict[str, float], count: int) -> str:
    lines = [
        "### Photographs to masks on disk",
        "",
        f"{count} JPEGs of {SIDE_PX} x {SIDE_PX} px, whole process, best time of each. {machine()}.",
        "",
        "| way | ms per photograph | times as fast as the original | as ours in PyTorch | as YOLO11-nano |",
        "|---|---|---|---|---|",
    ]
    for way, taken in best.items():
        ratios = " | ".join(f"{best[reference] / taken:.1f}" for reference in TARGETS)
        lines.append(f"| {way} | {1000 * taken / count:.1f} | {ratios} |")
    fastest = min((way for way in best if way.startswith("fissura")), key=best.__getitem__)
    lines += ["", "| aim | reached by the fastest | |", "|---|---|---|"]
    for reference, aim in TARGETS.items():
        ratio = best[reference] / best[fastest]
        lines.append(f"| {aim:g} times as fast as {reference} | {ratio:.1f} | {'yes' if ratio >= aim else 'no'} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=bundled_model(), help="float32 model file; the bundled one")
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="write no results")
    parser.add_argument("--eager", nargs=3, metavar=("NETWORK", "FOLDER", "OUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.eager:
        eager_loop(given.eager[0], Path(given.eager[1]), Path(given.eager[2]))
        return
    from fissura.learning.quantising import quantise

    with tempfile.TemporaryDirectory() as name:
        folder, out, small = Path(name) / "photographs", Path(name) / "out", Path(name) / "int8.onnx"
        write_photographs(folder, given.photos)
        export = [*map(str, (peer_interpreter(), PEERS / "yolo.py", "export", name, SIDE_PX))]
        subprocess.run(export, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        agreement = quantise(given.model, [], small).dice
        best: dict[str, float] = {}
        for round_ in range(given.rounds):
            for way, command in ways(folder, out, {"float32": given.model, "int8": small}, Path(name)).items():
                if way == ORIGINAL and round_:
                    continue
                taken = seconds(command, out, given.photos)
                best[way] = min(taken, best.get(way, taken))
                print(f"round {round_ + 1}: {way}: {1000 * taken / given.photos:.1f} ms per photograph", flush=True)
    section = table(best, given.photos)
    section += f"\nThe int8 model's masks agree with the float32 model's at a Dice of {agreement:.4f}.\n"
    print(section)
    if given.dry:
        return
    facts = {"machine": machine(), "photos": given.photos, "network": read_card(given.model).network}
    facts |= {"engines": list(ENGINES), "seconds": best, "int8_dice": agreement}
    write_section("engines", facts, section)


if __name__ == "__main__":
    main()
