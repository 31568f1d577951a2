"""What lies on disk is read, refused or named: nothing is left out without a word, no mask is taken for a picture."""

import logging

import numpy as np
import pytest
from PIL import Image

import zsad
from zsad.data import ImageError, list_categories
from zsad.data.files import SUFFIXES
from zsad.data.names import is_normal, masked_stem


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("000_mask", ("000", "")),
        ("000_GT", ("000", "")),
        ("000-ground_truth", ("000", "")),
        ("a_b.Mask", ("a_b", "")),
        ("000_seg", ("000", "")),
        ("000 label", ("000", "")),
        ("000_mask_2", ("000", "2")),
        ("000_mask2", ("000", "2")),
        ("mask_000", ("000", "")),
        ("gt-a b", ("a b", "")),
        ("000", None),
        ("unmasked", None),
        ("mask", None),
        ("target", None),
        ("masking_tape", None),
    ],
)
def test_names_of_masks(name, found):
    assert masked_stem(name) == found


def test_names_of_normal_folders():
    assert all(is_normal(name) for name in ("good", "Good", "OK", "ok", "normal", "Defect-Free", "no_defect"))
    assert not any(is_normal(name) for name in ("ko", "ng", "bad", "goods", "not good", "abnormal", "broken"))


@pytest.mark.parametrize("good", ["good", "OK", "Normal", "defect-free", "no_defect"])
def test_good_has_the_same_names_in_every_reader(good, mvtec_root, aebad_root, product_folder, visa_root, save):
    (mvtec_root / "nut/test/good").rename(mvtec_root / "nut/test" / good)
    (aebad_root / "AeBAD_S/test/good").rename(aebad_root / "AeBAD_S/test" / good)
    (product_folder / "good").rename(product_folder / good)
    for reader, root, category in (
        ("mvtec_ad", mvtec_root, "nut"),
        ("visa", mvtec_root, "nut"),  # as its script rearranges it
        ("aebad", aebad_root, "AeBAD_S"),
        ("folder", product_folder, "nut"),
    ):
        dataset = zsad.load_dataset(reader, root, category=category)
        normal = [d for d, label in zip(dataset.defects, dataset.labels, strict=True) if not label]
        assert set(normal) == {"good"}, reader
        assert len(normal) == {"mvtec_ad": 3, "visa": 3, "aebad": 8, "folder": 2}[reader]


@pytest.mark.parametrize("suffix", sorted(SUFFIXES - {".mpo"}))
def test_every_suffix_is_read(tmp_path, suffix):
    root = tmp_path / "nuts"
    root.mkdir()
    image = Image.fromarray(np.full((16, 16), 200, np.uint8))
    Image.init()
    (image.convert("1") if suffix == ".pbm" else image).save(root / "a.png", Image.EXTENSION.get(suffix, "PPM"))
    (root / "a.png").rename(root / f"a{suffix.upper()}")
    dataset = zsad.load_dataset("folder", root, category="nut")
    assert dataset.ids == [f"a{suffix.upper()}"]
    assert dataset[0].image.shape == (3, 16, 16)


@pytest.mark.parametrize("reader", ["mvtec_ad", "visa", "aebad", "folder"])
def test_other_files_are_counted_and_named(reader, mvtec_root, aebad_root, product_folder, caplog):
    places = {
        "mvtec_ad": (mvtec_root, "nut", "nut/test/bent"),
        "visa": (mvtec_root, "nut", "nut/test/good"),
        "aebad": (aebad_root, "AeBAD_S", "AeBAD_S/test/groove/view"),
        "folder": (product_folder, "nut", "crack"),
    }
    root, category, below = places[reader]
    (root / below / "b.heic").write_bytes(b"a picture that Pillow does not read")
    (root / below / "c.json").write_text("{}")
    (root / below / "Thumbs.db").write_bytes(b"junk")
    with caplog.at_level(logging.WARNING):
        zsad.load_dataset(reader, root, category=category)
    assert f"{root / below}: 2 files are no pictures that can be read: b.heic, c.json." in caplog.text
    assert "Thumbs" not in caplog.text


@pytest.mark.parametrize("reader", ["mvtec_ad", "visa", "aebad", "folder"])
def test_pictures_one_folder_too_deep_are_refused(reader, mvtec_root, aebad_root, product_folder, save):
    places = {
        "mvtec_ad": (mvtec_root, "nut", "nut/test/good"),
        "visa": (mvtec_root, "nut", "nut/test/bent"),
        "aebad": (aebad_root, "AeBAD_S", "AeBAD_S/test/good/view"),
        "folder": (product_folder, "nut", "crack"),
    }
    root, category, below = places[reader]
    save(root / below / "monday/early/007.gif")
    with pytest.raises(ValueError, match=r"1 pictures that lie deeper, such as 007\.gif in .*move them up"):
        zsad.load_dataset(reader, root, category=category)


@pytest.mark.parametrize("reader", ["mvtec_ad", "aebad", "folder"])
def test_the_same_picture_twice_is_refused(reader, mvtec_root, aebad_root, product_folder, save):
    twice = {
        "mvtec_ad": (mvtec_root, "nut", "nut/test/good/000.jpg"),
        "aebad": (aebad_root, "AeBAD_S", "AeBAD_S/test/good/view/IMG_1.jpg"),
        "folder": (product_folder, "nut", "good/a.png"),
    }
    root, category, below = twice[reader]
    save(root / below)
    with pytest.raises(ValueError, match="stand for the same picture; remove one of them, or rename it"):
        zsad.load_dataset(reader, root, category=category)


@pytest.mark.parametrize("name", ["{}_mask.png", "{}_GT.png", "gt_{}.png", "{}-Mask.PNG", "{}_ground_truth.bmp"])
def test_masks_beside_their_pictures_are_masks(name, tmp_path, save, defect_mask, mvtec_root, aebad_root):
    for stem in ("a", "b"):
        save(tmp_path / f"nuts/{stem}.jpg")
    save(tmp_path / "nuts" / name.format("b"), defect_mask)
    dataset = zsad.load_dataset("folder", tmp_path / "nuts", category="nut")
    assert dataset.ids == ["a.jpg", "b.jpg"]
    assert dataset.labels == [False, True]
    assert dataset[1].mask.sum() == 6

    (mvtec_root / "nut/ground_truth/bent/000_mask.png").rename(mvtec_root / "nut/test/bent" / name.format("000"))
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    assert len(dataset) == 6
    assert dataset[0].mask.sum() == 6

    blades = aebad_root / "AeBAD_S"
    (blades / "ground_truth/groove/view/IMG_3.png").rename(blades / "test/groove/view" / name.format("IMG_3"))
    assert len(zsad.load_dataset("aebad", aebad_root, category="AeBAD_S")) == 13


def test_masks_beside_pictures_of_defect_folders(product_folder):
    for name in ("crack/c.png", "stain/d_mask.png"):
        path = product_folder / "masks" / name
        path.rename(product_folder / path.parent.name / f"{path.stem.removesuffix('_mask')}_gt.png")
        path.parent.rmdir()
    (product_folder / "masks").rmdir()
    dataset = zsad.load_dataset("folder", product_folder, category="nut")
    assert len(dataset) == 4
    assert dataset.has_masks
    (product_folder / "stain/d_gt.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"stain/d\.bmp: no mask"):
        zsad.load_dataset("folder", product_folder, category="nut")


def test_a_mask_without_its_picture_is_no_picture(tmp_path, save, defect_mask, mvtec_root):
    save(tmp_path / "nuts/a.jpg")
    save(tmp_path / "nuts/b_mask.png", defect_mask)
    with pytest.raises(ValueError, match=r"b_mask\.png: named like the mask of a picture 'b', which is not beside it"):
        zsad.load_dataset("folder", tmp_path / "nuts", category="nut")
    save(mvtec_root / "nut/test/good/9_gt.png")
    with pytest.raises(ValueError, match=r"9_gt\.png: named like the mask"):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")


def test_a_mask_beside_and_one_apart_are_one_too_many(mvtec_root, save, defect_mask):
    save(mvtec_root / "nut/test/bent/000_mask.png", defect_mask)
    with pytest.raises(
        ValueError, match=r"bent/000_mask\.png and .*ground_truth/bent/000_mask\.png stand for the same"
    ):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")


def test_masks_whose_pictures_are_gone_are_named(mvtec_root, aebad_root, caplog):
    (mvtec_root / "nut/test/bent/000.png").unlink()
    (mvtec_root / "nut/test/scratch/000.png").unlink()
    (mvtec_root / "nut/test/scratch").rmdir()
    (aebad_root / "AeBAD_S/test/groove/view/IMG_3.png").unlink()
    with caplog.at_level(logging.WARNING):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
        zsad.load_dataset("aebad", aebad_root, category="AeBAD_S")
    assert "nut/test/bent: there are no pictures for 1 masks: 000_mask.png" in caplog.text
    assert "nut/test: there are no pictures for 1 masks: 000_mask.png" in caplog.text
    assert "groove/view: there are no pictures for 1 masks: IMG_3.png" in caplog.text


def test_btad(tmp_path, save, defect_mask):
    root = tmp_path / "BTech"
    for name in ("train/ok/0000.bmp", "test/ok/0000.bmp", "test/ko/0001.bmp"):
        save(root / "01" / name)
    save(root / "01/ground_truth/ko/0001.png", defect_mask)
    dataset = zsad.load_dataset("mvtec_ad", root, category="01")
    assert dataset.defects == ["ko", "good"]
    assert dataset[0].mask.sum() == 6
    assert zsad.load_dataset("mvtec_ad", root, category="01", split="train").labels == [False]


def test_mvtec_loco_joins_the_masks_of_a_picture(tmp_path, save, defect_mask):
    """Masks are called 000.png, 001.png, ... in the folder of each picture, which says whose they are."""
    root = tmp_path / "loco"
    for kind in ("good", "logical_anomalies", "structural_anomalies"):
        save(root / f"juice/test/{kind}/000.png")
    for number, kind in ((1, "logical_anomalies"), (2, "structural_anomalies")):
        for part in range(number):
            save(root / f"juice/ground_truth/{kind}/000/{part:03d}.png", np.roll(defect_mask, 2 * part, axis=0))
    dataset = zsad.load_dataset("mvtec_ad", root, category="juice")
    assert dataset.defects == ["good", "logical_anomalies", "structural_anomalies"]
    assert [int(sample.mask.sum()) for sample in dataset[1:]] == [6, 12]
    before = dataset.fingerprint()
    save(root / "juice/ground_truth/structural_anomalies/000/001.png", defect_mask)
    save(root / "juice/test/structural_anomalies/001.png")
    save(root / "juice/ground_truth/structural_anomalies/001/000.png", 255 - defect_mask)
    assert int(zsad.load_dataset("mvtec_ad", root, category="juice")[3].mask.sum()) == 12 * 16 - 6
    assert zsad.load_dataset("mvtec_ad", root, category="juice").fingerprint() != before


def test_root_one_level_too_high_is_recognised(mvtec_root):
    with pytest.raises(ValueError, match=f"Pass {mvtec_root} as root"):
        zsad.load_dataset("mvtec_ad", mvtec_root.parent, category="nut")


@pytest.fixture
def images_and_masks(tmp_path, save, defect_mask):
    """The commonest layout of one's own: a mask for each picture, black where nothing is wrong."""
    root = tmp_path / "nuts"
    for stem, mask in (("a", 0 * defect_mask), ("b", defect_mask), ("c", defect_mask)):
        save(root / f"images/{stem}.jpg")
        save(root / f"masks/{stem}.png", mask)
    return root


def test_images_and_masks(images_and_masks):
    dataset = zsad.load_dataset("folder", images_and_masks, category="nut")
    assert dataset.ids == ["images/a.jpg", "images/b.jpg", "images/c.jpg"]
    assert dataset.labels == [False, True, True]
    assert dataset.defects == ["good", "anomaly", "anomaly"]
    assert [int(sample.mask.sum()) for sample in dataset] == [0, 6, 6]
    assert dataset.has_masks


@pytest.mark.parametrize(
    ("images", "masks"), [("Images", "ground_truth"), ("img", "GT"), ("photos", "labels"), ("", "mask")]
)
def test_other_names_of_images_and_masks(images_and_masks, images, masks):
    (images_and_masks / "masks").rename(images_and_masks / masks)
    for path in sorted((images_and_masks / "images").iterdir()):
        (images_and_masks / images).mkdir(exist_ok=True)
        path.rename(images_and_masks / images / path.name)
    (images_and_masks / "images").rmdir()
    assert zsad.load_dataset("folder", images_and_masks, category="nut").labels == [False, True, True]


def test_images_with_masks_of_the_anomalous_alone(images_and_masks, save, defect_mask):
    (images_and_masks / "masks/a.png").unlink()
    dataset = zsad.load_dataset("folder", images_and_masks, category="nut")
    assert dataset.labels == [False, True, True]
    assert dataset[0].mask is None
    save(images_and_masks / "masks/b.png", 0 * defect_mask)  # a mask each after all, and one is lost
    with pytest.raises(ImageError, match=r"b\.png: the mask of an anomalous picture marks no pixel"):
        zsad.load_dataset("folder", images_and_masks, category="nut")[1]


def test_images_folder_without_masks_says_nothing_of_its_pictures(images_and_masks):
    for path in (images_and_masks / "masks").iterdir():
        path.unlink()
    for _ in range(2):
        dataset = zsad.load_dataset("folder", images_and_masks, category="nut")
        assert dataset.defects == ["unlabelled"] * 3
        if (images_and_masks / "masks").exists():
            (images_and_masks / "masks").rmdir()


def test_kinds_of_defect_inside_an_images_folder(product_folder):
    (product_folder / "images").mkdir()
    for kind in ("good", "crack", "stain"):
        (product_folder / kind).rename(product_folder / "images" / kind)
    dataset = zsad.load_dataset("folder", product_folder, category="nut")
    assert dataset.defects == ["crack", "good", "good", "stain"]
    assert dataset.has_masks


def test_images_beside_other_pictures_are_refused(images_and_masks, save):
    stray = save(images_and_masks / "stray.png")
    with pytest.raises(ValueError, match=r"Pictures lie in images/ and in it: keep either"):
        zsad.load_dataset("folder", images_and_masks, category="nut")
    stray.unlink()
    save(images_and_masks / "crack/x.png")
    with pytest.raises(ValueError, match=r"Pictures lie in images/ and in crack/: keep either"):
        zsad.load_dataset("folder", images_and_masks, category="nut")


def test_two_folders_of_masks_are_refused(images_and_masks, save, defect_mask):
    save(images_and_masks / "ground_truth/a.png", defect_mask)
    with pytest.raises(ValueError, match=r"masks in ground_truth/ and in masks/: keep either"):
        zsad.load_dataset("folder", images_and_masks, category="nut")


def test_masks_of_nothing_are_refused(images_and_masks, save, defect_mask, product_folder):
    save(images_and_masks / "masks/deep/z.png", defect_mask)
    with pytest.raises(FileNotFoundError, match=r"deep/z\.png: there is no picture 'z'"):
        zsad.load_dataset("folder", images_and_masks, category="nut")
    lost = save(product_folder / "masks/crack/z.png", defect_mask)
    with pytest.raises(FileNotFoundError, match=r"crack/z\.png: there is no picture for this mask in .*crack"):
        zsad.load_dataset("folder", product_folder, category="nut")
    lost.unlink()
    save(product_folder / "masks/dent/z.png", defect_mask)
    with pytest.raises(FileNotFoundError, match=r"dent: z\.png: there is no picture for this mask"):
        zsad.load_dataset("folder", product_folder, category="nut")


def test_flat_masks_that_could_be_of_two_pictures(product_folder, save, defect_mask):
    masks = product_folder / "masks"
    for path in list(masks.glob("*/*.png")):
        path.rename(masks / path.name)
        path.parent.rmdir()
    save(product_folder / "good/c.png")  # a normal picture may share a number with an anomalous one
    assert zsad.load_dataset("folder", product_folder, category="nut").labels == [True, False, False, False, True]
    save(product_folder / "stain/c.png")
    with pytest.raises(ValueError, match=r"masks/c\.png: the mask of .*crack/c\.jpeg or of .*stain/c\.png"):
        zsad.load_dataset("folder", product_folder, category="nut")


def test_masks_of_normal_pictures_must_mark_nothing(product_folder, save, defect_mask):
    save(product_folder / "masks/good/a.png", 0 * defect_mask)
    dataset = zsad.load_dataset("folder", product_folder, category="nut")
    assert dataset[1].mask is not None
    assert not dataset[1].mask.any()
    save(product_folder / "masks/good/a.png", defect_mask)
    dataset = zsad.load_dataset("folder", product_folder, category="nut")
    with pytest.raises(ImageError, match=r"good/a\.png: marks pixels of .*a\.jpg, which is filed as normal"):
        dataset[1]


def test_inverted_masks_are_remarked_on(mvtec_root, images_and_masks, save, defect_mask, caplog):
    with caplog.at_level(logging.WARNING):
        list(zsad.load_dataset("mvtec_ad", mvtec_root, category="nut"))
        zsad.load_dataset("folder", images_and_masks, category="nut")
        assert not caplog.text
        for path in (mvtec_root / "nut/ground_truth").glob("*/*.png"):
            save(path, 255 - defect_mask)
        list(zsad.load_dataset("mvtec_ad", mvtec_root, category="nut"))
        assert caplog.text.count("Are they inverted?") == 1
        assert "marks 97% of its picture, and all 3 masks" in caplog.text
        for path in (images_and_masks / "masks").glob("*.png"):
            save(path, 255 - defect_mask)
        zsad.load_dataset("folder", images_and_masks, category="nut")
    assert caplog.text.count("Are they inverted?") == 2


def test_a_remark_is_made_once_a_data_set(tmp_path, save, caplog):
    for number in range(5):
        save(tmp_path / f"nuts/{number}.png", np.array([[number, 4095]], np.uint16))
    with caplog.at_level(logging.WARNING):
        list(zsad.load_dataset("folder", tmp_path / "nuts", category="nut"))
    assert caplog.text.count("nearly black") == 1


def test_visa_names_a_picture_twice(visa_root):
    csv = visa_root / "split_csv/1cls.csv"
    rows = csv.read_text()
    for again in (
        "pcb,test,normal,./pcb/Data/Images/Normal/0001.jpg,",
        "pcb,train,normal,pcb/Data/Images/Normal/0002.JPG,",
    ):
        csv.write_text(rows + again + "\n")
        with pytest.raises(ValueError, match=r"1cls\.csv: names .*000[12]\.[jJ].* twice"):
            zsad.load_dataset("visa", visa_root, category="pcb")


@pytest.mark.parametrize(
    "name", ["../outside/x.JPG", "{outside}/x.JPG", "pcb/../../outside/x.JPG", "..\\outside\\x.JPG", "C:\\x.JPG"]
)
@pytest.mark.parametrize("column", ["image", "mask"])
def test_visa_reads_nothing_outside_of_its_root(visa_root, tmp_path, save, defect_mask, name, column):
    save(tmp_path / "outside/x.JPG")
    name = name.format(outside=tmp_path / "outside")
    cells = {"image": name, "mask": "pcb/Data/Masks/Anomaly/000.png"}
    if column == "mask":
        cells = {"image": "pcb/Data/Images/Normal/0003.JPG", "mask": name}
        save(visa_root / cells["image"])
    with (visa_root / "split_csv/1cls.csv").open("a") as file:
        file.write(f"pcb,test,anomaly,{cells['image']},{cells['mask']}\n")
    with pytest.raises(ValueError, match="lies outside of"):
        zsad.load_dataset("visa", visa_root, category="pcb")


@pytest.mark.parametrize("category", ["..", "../../x", "/tmp/x", "a\\b"])
def test_visa_category_that_is_a_path(visa_root, category):
    with (visa_root / "split_csv/1cls.csv").open("a") as file:
        file.write(f"{category},test,normal,pcb/Data/Images/Normal/0001.JPG,\n")
    with pytest.raises(ValueError, match="is no name of a category"):
        zsad.load_dataset("visa", visa_root, category=category)


def test_visa_pictures_that_no_row_names(visa_root, save, caplog):
    save(visa_root / "pcb/Data/Images/Normal/0999.JPG")
    with caplog.at_level(logging.WARNING):
        zsad.load_dataset("visa", visa_root, category="pcb")
    assert (
        "Images/Normal: 1 pictures are left out, since split_csv/1cls.csv does not name them: 0999.JPG" in caplog.text
    )


@pytest.mark.parametrize("row", ["pcb,val,normal,{},", "pcb,test,ok,{},", "pcb,test,normal", "pcb,test,anomaly,{},"])
def test_visa_odd_rows_are_refused(visa_root, save, row):
    save(visa_root / "pcb/Data/Images/Normal/0003.JPG")
    with (visa_root / "split_csv/1cls.csv").open("a") as file:
        file.write(row.format("pcb/Data/Images/Normal/0003.JPG") + "\n")
    with pytest.raises((ValueError, FileNotFoundError), match=r"1cls\.csv: (label|no mask)"):
        zsad.load_dataset("visa", visa_root, category="pcb")


def test_visa_split_file_that_is_no_text(visa_root):
    (visa_root / "split_csv/1cls.csv").write_bytes(b"object,split,label,image,mask\n\xff\xfe\n")
    with pytest.raises(ValueError, match=r"1cls\.csv: no table of comma-separated values in UTF-8"):
        list_categories("visa", visa_root)


def test_folder_that_may_not_be_read(mvtec_root, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)  # the administrator, as whom tests may run, may read all
    with pytest.raises(PermissionError, match=r"permission denied; make the folder readable") as caught:
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    assert "Errno" not in str(caught.value)


def test_a_link_that_leads_back_up_is_no_folder_to_read(mvtec_root):
    (mvtec_root / "nut/test/good/again").symlink_to(mvtec_root / "nut/test")
    (mvtec_root / "nut/ground_truth/bent/again").symlink_to(mvtec_root / "nut/ground_truth")
    assert len(zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")) == 6
