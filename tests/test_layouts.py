"""Data sets of every layout are found, labelled and grouped; what is not understood is said in one line."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from fissura.errors import FissuraError
from fissura.photos import DataSet, Photo, load_data
from fissura.photos.layouts import parent_of


def lay(root: Path, *names: str) -> Path:
    """Put small pictures at these names."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    return root


@pytest.mark.parametrize(
    ("cracked", "uncracked"),
    [
        ("cracked", "uncracked"),
        ("Positive", "Negative"),
        ("CRACK", "NonCrack"),
        ("crack", "no_crack"),
        ("Cracked", "Non-cracked"),
    ],
)
def test_two_folders(tmp_path: Path, cracked: str, uncracked: str) -> None:
    root = lay(tmp_path / "wall", f"{cracked}/a.jpg", f"{cracked}/east/b.PNG", f"{uncracked}/a.jpg")
    (root / cracked / "Thumbs.db").write_text("")
    data = load_data(root)
    assert {(p.path.name, p.label, p.source, p.split) for p in data} == {
        ("a.jpg", "cracked", "wall", None),
        ("b.PNG", "cracked", "wall", None),
        ("a.jpg", "uncracked", "wall", None),
    }
    assert len(data.cracked) == 2


def test_two_folders_under_train_and_test(tmp_path: Path) -> None:
    lay(
        tmp_path,
        *(f"{s}/{c}/{i}.jpg" for s in ("train", "test") for c in ("crack", "noncrack") for i in range(2)),
    )
    data = load_data(tmp_path)
    train, test = data.with_split("train"), data.with_split("test")
    assert len(train) == len(test) == 4
    assert not {p.path for p in train} & {p.path for p in test}


@pytest.mark.parametrize("name", ["crack_2024", "crack", "Negative-1"])
def test_a_data_set_may_be_called_like_a_label(tmp_path: Path, name: str) -> None:
    data = load_data(lay(tmp_path / name, "cracked/a.jpg", "uncracked/b.jpg"))
    assert [(p.path.name, p.label, p.source) for p in data] == [
        ("a.jpg", "cracked", name),
        ("b.jpg", "uncracked", name),
    ]
    (alone,) = load_data(lay(tmp_path / "wall", "cracked/crack 7/a.jpg"))
    assert (alone.label, alone.source) == ("cracked", "wall")
    assert len(load_data(tmp_path / "wall/cracked")) == 1


def test_label_folders_given_one_by_one(tmp_path: Path) -> None:
    lay(tmp_path / "wall", "cracked/a.jpg", "uncracked/b.jpg")
    data = load_data(tmp_path / "wall/cracked", tmp_path / "wall/uncracked")
    assert [(p.label, p.source) for p in data] == [("cracked", "wall"), ("uncracked", "wall")]


def test_kaggle(tmp_path: Path) -> None:
    names = [
        "CFD_001",
        "noncrack_CFD_201",
        "CRACK500_20160222_081011_1281_721",
        "CRACK500_20160222_081011_1_361",
        "noncrack_CRACK500_noncrack_asphalt_20160222_081011_0_0",
        "Rissbilder_for_Florian_9S6A2798_142_1029_3162_2746",
        "Eugen_Muller_7",
        "noncrack_noncrack_concrete_wall_10_23",
        "bridge_7",
    ]
    lay(tmp_path / "k", *(f"train/images/{name}.jpg" for name in names), "test/images/CFD_002.jpg")
    lay(tmp_path / "k", "train/masks/CFD_001.jpg", "train/masks/bridge_7.png", "test/masks/CFD_002.png")
    photos = {p.path.stem: p for p in load_data(tmp_path / "k")}
    assert {name: photos[name].source for name in names} == dict(
        zip(
            names,
            ["CFD", "CFD", *["CRACK500"] * 3, "Rissbilder_for_Florian", "EugenMuller", "noncrack", "k"],
            strict=True,
        )
    )
    assert sorted(name for name in names if photos[name].label == "uncracked") == [
        names[1],
        names[4],
        names[7],
    ]
    assert photos["CFD_001"].mask == tmp_path / "k/train/masks/CFD_001.jpg"
    assert photos["bridge_7"].mask == tmp_path / "k/train/masks/bridge_7.png"
    assert photos["noncrack_CFD_201"].mask is None
    assert photos["CFD_002"].split == "test"
    assert len({photos[name].group for name in names[2:5]}) == 1  # tiles of one photograph, of either label
    assert len({photo.group for photo in photos.values()}) == len(photos) - 2


def test_kaggle_in_folders_of_folders(tmp_path: Path) -> None:
    lay(
        tmp_path,
        "images/a/1.jpg",
        "images/b/1.jpg",
        "images/b/2.jpg",
        "masks/a/1.png",
        "masks/b/1.png",
        "masks/2.png",
    )
    masks = {photo.path.relative_to(tmp_path).as_posix(): photo.mask for photo in load_data(tmp_path)}
    assert masks == {
        "images/a/1.jpg": tmp_path / "masks/a/1.png",
        "images/b/1.jpg": tmp_path / "masks/b/1.png",
        "images/b/2.jpg": tmp_path / "masks/2.png",
    }


def test_a_mask_is_never_that_of_a_namesake_in_another_folder(tmp_path: Path) -> None:
    data = load_data(lay(tmp_path, "images/1.jpg", "images/b/1.jpg", "masks/1.png"))
    assert {photo.path.parent.name: photo.mask for photo in data} == {"images": tmp_path / "masks/1.png", "b": None}


def test_photographs_that_differ_in_their_suffix_alone_share_a_mask(tmp_path: Path) -> None:
    data = load_data(lay(tmp_path, "images/s/a.jpg", "images/s/a.png", "masks/a.png"))
    assert [photo.mask for photo in data] == [tmp_path / "masks/a.png"] * 2


@pytest.mark.parametrize("folder", ["cracked/masks", "train/cracked/east/Mask"])
def test_masks_among_photographs_are_not_taken_for_photographs(tmp_path: Path, folder: str) -> None:
    lay(tmp_path, "cracked/1.jpg", "uncracked/1.jpg", f"{folder}/1.png")
    with pytest.raises(FissuraError, match=rf"{folder}: masks among the photographs.* cracked ones; move them out"):
        load_data(tmp_path)


def test_a_manifest_beside_a_folder_of_images_tells_their_labels(tmp_path: Path) -> None:
    lay(tmp_path, "images/IMG_1.jpg", "images/IMG_2.jpg")
    (tmp_path / "manifest.csv").write_text("photo,label\nimages/IMG_1.jpg,uncracked\nimages/IMG_2.jpg,cracked\n")
    assert [photo.label for photo in load_data(tmp_path)] == ["uncracked", "cracked"]


def test_a_manifest_takes_neither_split_nor_masks_away(tmp_path: Path) -> None:
    for root, part in ((tmp_path / "split", "train/"), (tmp_path / "whole", "")):
        lay(root, f"{part}images/CFD_1.jpg", f"{part}masks/CFD_1.png", "test/images/CFD_2.jpg" if part else "x.jpg")
        (root / "manifest.csv").write_text(f"photo,label\n{part}images/CFD_1.jpg,cracked\n")
        mask = next(photo.mask for photo in load_data(root) if photo.path.stem == "CFD_1")
        assert mask == root / f"{part}masks/CFD_1.png"
    assert [photo.path.name for photo in load_data(tmp_path / "split").with_split("train")] == ["CFD_1.jpg"]


def test_a_link_to_nothing_is_a_photograph_that_cannot_be_read(tmp_path: Path) -> None:
    lay(tmp_path, "cracked/1.jpg", "uncracked/1.jpg")
    before = load_data(tmp_path).fingerprint()
    (tmp_path / "cracked/2.jpg").symlink_to("nowhere.jpg")
    data = load_data(tmp_path)
    assert len(data.cracked) == 2
    assert data.fingerprint() != before


def test_kaggle_without_splits_and_with_a_manifest_of_parents(tmp_path: Path) -> None:
    lay(tmp_path, "images/CFD_1.jpg", "images/CFD_2.jpg", "images/CFD_3.jpg")
    (tmp_path / "manifest.csv").write_text("photo,parent\nCFD_1.jpg,street\nCFD_2.jpg,street\n")
    data = load_data(tmp_path)
    assert [p.group for p in data] == ["CFD/street", "CFD/street", "CFD/3"]
    assert data.with_split("train") is data
    assert data.with_split("test") is data


def test_csv(tmp_path: Path) -> None:
    lay(tmp_path, "a/1.jpg", "a/2.jpg", "m/1.png", "3.jpg")
    table = tmp_path / "photos.csv"
    table.write_bytes(
        "\ufeffPhoto,label,mask,group,source,split,note\r\n"
        "a/1.jpg,Cracked,m/1.png,pier 4,bridge,train,x\r\n"
        "a/2.jpg,negative,,pier 4,bridge,test\r\n"
        "3.jpg,\r\n".encode()
    )
    one, two, three = sorted(load_data(table), key=lambda p: p.path.name)
    assert one == Photo(tmp_path / "a/1.jpg", "cracked", tmp_path / "m/1.png", "bridge", "bridge/pier 4", "train")
    assert (two.label, two.group, two.split, two.mask) == ("uncracked", one.group, "test", None)
    assert (three.label, three.source) == (None, tmp_path.name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,label\n1.jpg,cracked\n", "line 2 has no photo"),
        ("photo,label\n9.jpg,cracked\n", r"line 2 names 9\.jpg, which is not there"),
        (f"photo,label\n{'9' * 300}.jpg,cracked\n", r"9\.jpg, which is not there"),
        ("photo,label\n1.jpg,broken\n", "line 2 has the label 'broken'; write cracked or uncracked"),
        ("photo,label,split\n1.jpg,cracked,dev\n", "the split 'dev'"),
        ("photo,label,mask\n1.jpg,cracked,m.png\n", r"the mask m\.png, which is not there"),
        ("photo,label\n", "no photographs found"),
        ("photo,label\n\xff", "save it as CSV in UTF-8"),
    ],
)
def test_csv_mistakes_are_named_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    lay(tmp_path, "1.jpg")
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(FissuraError, match=said) as caught:
        load_data(tmp_path / "t.csv")
    assert str(tmp_path / "t.csv") in str(caught.value)


def test_several_data_sets_at_once(tmp_path: Path) -> None:
    lay(tmp_path / "k", "train/images/CFD_1.jpg", "test/images/CFD_2.jpg")
    lay(tmp_path / "wall", "cracked/a.jpg", "uncracked/b.jpg")
    data = load_data(tmp_path / "k", tmp_path / "wall", tmp_path / "wall")
    assert Counter(p.source for p in data) == {"CFD": 2, "wall": 2}
    train, test = data.with_split("train"), data.with_split("test")
    assert {p.path.name for p in train} == {"CFD_1.jpg", "a.jpg", "b.jpg"}  # no declared split: for training
    assert {p.path.name for p in test} == {"CFD_2.jpg"}


def test_a_test_photograph_given_again_stays_a_test_photograph(tmp_path: Path) -> None:
    lay(tmp_path, "test/cracked/a.jpg", "train/cracked/b.jpg")
    data = load_data(tmp_path / "test", tmp_path)
    assert {p.path.name: p.split for p in data} == {"a.jpg": "test", "b.jpg": "train"}


def test_a_photograph_whose_mask_somebody_corrected_keeps_mask_and_label_of_the_correction(tmp_path: Path) -> None:
    for label, name in (("cracked", "a"), ("cracked", "b"), ("uncracked", "c")):
        photo = tmp_path / "walls" / label / f"{name}.jpg"
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(b"")
    (tmp_path / "corrected").mkdir()
    for name in "ab":
        (tmp_path / "corrected" / f"{name}.png").write_bytes(b"")
    rows = ["photo,label,mask", "../walls/cracked/a.jpg,cracked,a.png", "../walls/cracked/b.jpg,uncracked,b.png"]
    (tmp_path / "corrected" / "manifest.csv").write_text("\n".join(rows), "utf-8")
    for roots in (("walls", "corrected"), ("corrected", "walls")):
        data = load_data(*(tmp_path / root for root in roots))
        found = {photo.path.name: (photo.label, photo.mask is not None) for photo in data}
        assert found == {"a.jpg": ("cracked", True), "b.jpg": ("uncracked", True), "c.jpg": ("uncracked", False)}


def test_corrections_leave_source_group_and_split_whatever_comes_first(tmp_path: Path) -> None:
    lay(tmp_path / "walls", "cracked/east/7_0_0.jpg", "cracked/east/7_0_1.jpg", "uncracked/8.jpg")
    lay(tmp_path / "roads", "train/images/CFD_1.jpg", "train/masks/CFD_1.png", "test/images/CFD_2.jpg")
    lay(tmp_path / "corrected", "a.png", "b.png")
    (tmp_path / "corrected/manifest.csv").write_text(
        "photo,label,mask,source\n"
        "../walls/cracked/east/7_0_1.jpg,cracked,a.png,photographs\n"
        "../roads/train/images/CFD_1.jpg,cracked,b.png,photographs\n"
    )
    walls, roads, corrected = (tmp_path / name for name in ("walls", "roads", "corrected"))
    apart = {photo.path.name: (photo.source, photo.group, photo.split) for photo in load_data(walls, roads)}
    for roots in ((walls, roads, corrected), (corrected, roads, walls)):
        data = load_data(*roots)
        assert {photo.path.name: (photo.source, photo.group, photo.split) for photo in data} == apart
        assert sum(photo.mask is not None for photo in data) == 2


def test_groups_that_a_csv_names_are_kept_whatever_comes_first(tmp_path: Path) -> None:
    lay(tmp_path / "walls", "train/cracked/east/7_0_1.jpg", "train/uncracked/8.jpg")
    lay(tmp_path, "a.png")
    (tmp_path / "t.csv").write_text(
        "photo,label,mask,source,group\nwalls/train/cracked/east/7_0_1.jpg,cracked,a.png,site,pier 4\n"
    )
    for roots in (("walls", "t.csv"), ("t.csv", "walls")):
        (photo,) = load_data(*(tmp_path / root for root in roots)).cracked
        assert (photo.source, photo.group, photo.split) == ("site", "site/pier 4", "train")


def test_contradicting_labels_for_one_file(tmp_path: Path) -> None:
    lay(tmp_path, "cracked/a.jpg")
    (tmp_path / "t.csv").write_text("photo,label\ncracked/a.jpg,uncracked\n")
    with pytest.raises(FissuraError, match=r"a\.jpg: labelled cracked and uncracked"):
        load_data(tmp_path, tmp_path / "t.csv")


def test_what_is_not_understood(tmp_path: Path) -> None:
    with pytest.raises(FissuraError, match=r"its layout is not understood; give folders cracked/ and uncracked/"):
        load_data(lay(tmp_path / "x", "a.jpg"))
    with pytest.raises(FissuraError, match="gone: no such file or folder"):
        load_data(tmp_path / "gone")
    (tmp_path / "empty/cracked").mkdir(parents=True)
    with pytest.raises(FissuraError, match="no photographs found"):
        load_data(tmp_path / "empty")
    with pytest.raises(FissuraError, match="no photographs found"):
        load_data(tmp_path / "x", layout="kaggle")
    with pytest.raises(FissuraError, match="no folder given"):
        load_data()


def test_one_label_missing_is_for_training_to_judge(tmp_path: Path) -> None:
    data = load_data(lay(tmp_path, "cracked/a.jpg"))
    with pytest.raises(FissuraError, match=r"no photograph is labelled uncracked; add a folder uncracked/"):
        data.require_both_labels()
    load_data(lay(tmp_path, "uncracked/b.jpg")).require_both_labels()


def test_an_absent_split_is_named(tmp_path: Path) -> None:
    data = load_data(lay(tmp_path, "train/cracked/a.jpg"))
    with pytest.raises(FissuraError, match="no photograph is in the test split"):
        data.with_split("test")


def test_without_masks_nothing_of_a_mask_is_left(tmp_path: Path) -> None:
    data = load_data(lay(tmp_path, "images/CFD_1.jpg", "masks/CFD_1.png"))
    assert data[0].mask is not None
    assert "CFD_1.png" not in repr(data.without_masks())


def test_fingerprint_follows_the_photographs_not_their_place(tmp_path: Path) -> None:
    here = load_data(lay(tmp_path / "here", "cracked/a.jpg", "uncracked/b.jpg"))
    there = load_data(lay(tmp_path / "there", "train/Positive/a.jpg", "train/Negative/b.jpg"))
    swapped = load_data(lay(tmp_path / "swapped", "uncracked/a.jpg", "cracked/b.jpg"))
    assert here.fingerprint() == there.fingerprint() == DataSet(here.photos[::-1]).fingerprint()
    assert here.fingerprint() != swapped.fingerprint()
    assert here.fingerprint() != here.cracked.fingerprint()


@pytest.mark.parametrize("name", ["mask", "group", "source"])
def test_masks_and_groups_count_where_they_are_asked_for(tmp_path: Path, name: str) -> None:
    data = load_data(lay(tmp_path / "here", "cracked/a.jpg"))
    (photo,) = data
    changed = DataSet((replace(photo, **{name: photo.path if name == "mask" else "another"}),))
    assert changed.fingerprint() == data.fingerprint()
    assert changed.fingerprint(with_masks_and_groups=True) != data.fingerprint(with_masks_and_groups=True)


def test_a_part_of_many_photographs_has_some_of_every_source() -> None:
    data = DataSet(tuple(Photo(Path(f"{i}.jpg"), "cracked", source="ab"[i >= 80]) for i in range(100)))
    assert Counter(photo.source for photo in data.at_most(10)) == {"a": 8, "b": 2}
    assert data.at_most(100) == data.at_most(101) == data


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        ("20160222_081011_1281_721", "20160222_081011"),
        ("noncrack_asphalt_IMG_6324_1_361", "6324"),
        ("9S6A2798_142_1029_3162_2746", "9S6A2798"),
        ("train_0157_1_541", "0157"),
        ("7Q3A9060-12", "7Q3A9060"),
        ("crack-o-494", "crack-o-494"),
        ("IMG_20230101_120000", "20230101_120000"),
        ("2023-01-05", "2023-01-05"),
        ("site1_0001", "site1_0001"),
        ("007", "007"),
        ("wall", "wall"),
    ],
)
def test_parent_of_a_tile(name: str, parent: str) -> None:
    assert parent_of(name) == parent


@pytest.mark.real_data
def test_real_data_sets(real_data: Path) -> None:
    field = load_data(real_data / "field")
    train, test = field.with_split("train"), field.with_split("test")
    assert (len(train.cracked), len(train.uncracked)) == (597, 313)
    assert (len(test.cracked), len(test.uncracked)) == (218, 161)
    assert all(p.mask is not None for p in field)
    assert {p.source for p in field} == {"CFD", "CRACK500", "CONCRETE"}
    assert not {p.group for p in train} & {p.group for p in test}
    metu = load_data(real_data / "metu")
    assert (len(metu.cracked), len(metu.uncracked)) == (300, 1200)
