import logging
import shutil

import pytest
import torch

import zsad
from zsad.data import ImageError


def test_mvtec_ad_test_split(mvtec_root):
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    assert dataset.ids[:3] == ["nut/test/bent/000.png", "nut/test/bent/001.png", "nut/test/good/000.png"]
    assert dataset.defects == ["bent", "bent", "good", "good", "good", "scratch"]
    assert dataset.labels == [True, True, False, False, False, True]
    assert dataset.has_masks
    sample = dataset[0]
    assert (sample.category, sample.id, sample.defect, sample.label) == ("nut", "nut/test/bent/000.png", "bent", True)
    assert sample.image.shape == (3, 12, 16)
    assert sample.mask is not None
    assert sample.mask.nonzero().tolist() == [[y, x] for y in (3, 4) for x in (4, 5, 6)]
    assert dataset[2].mask is None
    assert (dataset.root / sample.id).is_file()


def test_mvtec_ad_train_split(mvtec_root):
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut", split="train")
    assert dataset.labels == [False, False]


def test_masks_are_paired_by_stem_not_by_position(mvtec_root, save, defect_mask):
    masks = mvtec_root / "nut/ground_truth/bent"
    (masks / "000_mask.png").unlink()
    save(masks / "zzz_mask.png", 255 - defect_mask)
    save(masks / "000.png", defect_mask)  # without the suffix
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    assert [int(sample.mask.sum()) for sample in dataset if sample.mask is not None] == [6, 6, 6]


def test_two_masks_for_one_picture(mvtec_root, save, defect_mask):
    save(mvtec_root / "nut/ground_truth/bent/000.png", defect_mask)
    with pytest.raises(ValueError, match=r"000\.png and 000_mask\.png.*remove one"):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")


def test_dot_files_and_other_files_are_ignored(mvtec_root):
    for name in ("._000.png", "Thumbs.db", ".DS_Store"):
        (mvtec_root / "nut/test/bent" / name).write_bytes(b"junk")
    (mvtec_root / "nut/ground_truth/bent/._000_mask.png").write_bytes(b"junk")
    (mvtec_root / "nut/test/__MACOSX").mkdir()
    (mvtec_root / "nut/test/__MACOSX/000.png").write_bytes(b"junk")
    assert len(zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")) == 6


def test_missing_mask_of_an_anomalous_picture(mvtec_root):
    (mvtec_root / "nut/ground_truth/bent/001_mask.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"bent/001\.png: its mask .*001_mask\.png is missing; restore"):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")


def test_mask_of_another_size_names_the_mask(mvtec_root, save, defect_mask):
    save(mvtec_root / "nut/ground_truth/bent/000_mask.png", defect_mask[:, :-1])
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    with pytest.raises(ImageError, match=r"bent/000_mask\.png: the mask is 15 x 12"):
        dataset[0]


def test_mask_that_marks_nothing(mvtec_root, save, defect_mask):
    save(mvtec_root / "nut/ground_truth/bent/000_mask.png", 0 * defect_mask)
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    with pytest.raises(ImageError, match=r"bent/000_mask\.png.*marks no pixel"):
        dataset[0]


@pytest.mark.parametrize("reader", ["mvtec_ad", "visa"])
def test_unknown_category_lists_the_known_ones(reader, mvtec_root, visa_root):
    root, known = (mvtec_root, "bolt, nut") if reader == "mvtec_ad" else (visa_root, "pcb")
    with pytest.raises(ValueError, match=f"unknown category 'screw' .*known: {known}"):
        zsad.load_dataset(reader, root, category="screw")


def test_unknown_reader_lists_the_known_ones(mvtec_root):
    with pytest.raises(ValueError, match="unknown reader 'coco'; known: mvtec_ad, visa, aebad, folder"):
        zsad.load_dataset("coco", mvtec_root, category="nut")


def test_unknown_split_lists_the_known_ones(mvtec_root):
    with pytest.raises(ValueError, match="unknown split 'val'; known: train, test"):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut", split="val")


def test_missing_root(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        zsad.load_dataset("mvtec_ad", tmp_path / "nowhere", category="nut")


def test_root_that_is_a_file(mvtec_root):
    with pytest.raises(NotADirectoryError, match=r"readme\.txt: a file"):
        zsad.load_dataset("mvtec_ad", mvtec_root / "readme.txt", category="nut")


def test_empty_category_word(mvtec_root):
    with pytest.raises(ValueError, match="category is empty"):
        zsad.load_dataset("folder", mvtec_root / "nut/test", category=" ")


def test_empty_split(mvtec_root, visa_root, tmp_path):
    shutil.rmtree(mvtec_root / "bolt/test/good")
    with pytest.raises(ValueError, match="bolt/test: the split 'test' is empty"):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="bolt")
    csv = visa_root / "split_csv/1cls.csv"
    csv.write_text("".join(line for line in csv.read_text().splitlines(keepends=True) if ",train," not in line))
    with pytest.raises(ValueError, match=r"1cls\.csv: the split 'train' of 'pcb' is empty"):
        zsad.load_dataset("visa", visa_root, category="pcb", split="train")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match="nothing: the split 'test' is empty"):
        zsad.load_dataset("folder", tmp_path / "nothing", category="nut")


def test_wrong_layout_says_what_was_expected_and_found(mvtec_root, visa_root):
    with pytest.raises(ValueError, match=r"not the MVTec AD layout\. Expected .*ground_truth.* found pcb/, split_csv/"):
        zsad.load_dataset("mvtec_ad", visa_root, category="pcb")
    with pytest.raises(ValueError, match=r"not the VisA layout\. Expected .*1cls\.csv.* found .*Images/, Masks/"):
        zsad.load_dataset("visa", visa_root / "pcb/Data", category="pcb")
    with pytest.raises(ValueError, match=r"reader 'mvtec_ad' on its parent"):
        zsad.load_dataset("folder", mvtec_root / "nut", category="nut")


def test_root_one_level_too_deep_is_recognised(mvtec_root, visa_root):
    with pytest.raises(ValueError, match=f"Pass {mvtec_root} as root"):
        zsad.load_dataset("mvtec_ad", mvtec_root / "nut", category="nut")
    with pytest.raises(ValueError, match=f"Pass {visa_root} as root"):
        zsad.load_dataset("visa", visa_root / "pcb", category="pcb")


def test_pictures_outside_a_defect_folder(mvtec_root, save):
    save(mvtec_root / "nut/test/007.png")
    with pytest.raises(ValueError, match=r"007\.png: pictures belong into a folder"):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")


def test_altered_copy_of_a_published_data_set_is_reported(mvtec_root, caplog):
    (mvtec_root / "nut").rename(mvtec_root / "metal_nut")
    with caplog.at_level(logging.WARNING):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="metal_nut")
    assert "3 normal and 3 anomalous pictures, the published data set 22 and 93" in caplog.text


def test_visa_as_published_with_class_number_masks(visa_root):
    dataset = zsad.load_dataset("visa", visa_root, category="pcb")
    assert dataset.labels == [False, False, True, True]
    assert dataset.defects == ["good", "good", "melt", "scratch, bent"]
    assert dataset.ids[2] == "pcb/Data/Images/Anomaly/000.JPG"
    for sample in dataset[2:]:
        assert sample.mask is not None
        assert int(sample.mask.sum()) == 6
    assert len(zsad.load_dataset("visa", visa_root, category="pcb", split="train")) == 1


def test_visa_picture_whose_extension_changed_its_case(visa_root):
    path = visa_root / "pcb/Data/Images/Anomaly/000.JPG"
    path.rename(path.with_suffix(".jpg"))
    assert zsad.load_dataset("visa", visa_root, category="pcb").ids[2] == "pcb/Data/Images/Anomaly/000.jpg"


def test_visa_missing_picture_and_mask(visa_root):
    (visa_root / "pcb/Data/Masks/Anomaly/001.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"Masks/Anomaly/001\.png: missing, although .*1cls\.csv names it"):
        zsad.load_dataset("visa", visa_root, category="pcb")


def test_visa_damaged_split_file(visa_root):
    (visa_root / "split_csv/1cls.csv").write_text("object,split\npcb,test\n")
    with pytest.raises(ValueError, match=r"1cls\.csv: the columns image, label, mask are missing"):
        zsad.load_dataset("visa", visa_root, category="pcb")


def test_visa_without_its_split_file(visa_root):
    shutil.rmtree(visa_root / "split_csv")
    with pytest.raises(ValueError, match=r"1cls\.csv is missing: it is part of the data set's archive"):
        zsad.load_dataset("visa", visa_root, category="pcb")


@pytest.mark.parametrize("below", ["", "1cls", "VisA_pytorch/1cls"])
def test_visa_as_its_own_script_rearranges_it(tmp_path, save, defect_mask, below):
    root = tmp_path / "data"
    save(root / below / "pcb/test/good/0001.JPG")
    save(root / below / "pcb/test/bad/000.JPG")
    save(root / below / "pcb/ground_truth/bad/000.png", defect_mask)
    dataset = zsad.load_dataset("visa", root, category="pcb")
    assert dataset.defects == ["bad", "good"]
    assert dataset[0].mask.sum() == 6


def test_folder_with_kinds_of_defect_and_masks(product_folder):
    dataset = zsad.load_dataset("folder", product_folder, category="metal nut")
    assert list(zip(dataset.ids, dataset.labels, dataset.defects, strict=True)) == [
        ("crack/c.jpeg", True, "crack"),
        ("good/a.jpg", False, "good"),
        ("good/b.png", False, "good"),
        ("stain/d.bmp", True, "stain"),
    ]
    assert dataset.has_masks
    assert dataset[3].category == "metal nut"
    assert dataset[3].mask.sum() == 6


def test_folder_without_masks(product_folder):
    shutil.rmtree(product_folder / "masks")
    dataset = zsad.load_dataset("folder", product_folder, category="nut")
    assert dataset.labels == [True, False, False, True]
    assert not dataset.has_masks
    assert dataset[0].mask is None


def test_folder_with_flat_masks(product_folder):
    masks = product_folder / "masks"
    for path in list(masks.glob("*/*.png")):
        path.rename(masks / path.name)
    shutil.rmtree(masks / "crack")
    shutil.rmtree(masks / "stain")
    assert zsad.load_dataset("folder", product_folder, category="nut").has_masks


def test_folder_missing_mask(product_folder):
    (product_folder / "masks/stain/d_mask.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"stain/d\.bmp: no mask d\.png or d_mask\.png"):
        zsad.load_dataset("folder", product_folder, category="nut")


def test_folder_of_pictures_only(tmp_path, save):
    save(tmp_path / "nuts/a.JPG")
    save(tmp_path / "nuts/b.png")
    dataset = zsad.load_dataset("folder", tmp_path / "nuts", category="nut")
    assert dataset.labels == [False, False]
    assert dataset.defects == ["unlabelled", "unlabelled"]


def test_folder_of_pictures_where_the_mask_says_what_is_anomalous(tmp_path, save, defect_mask):
    save(tmp_path / "nuts/a.jpg")
    save(tmp_path / "nuts/b.jpg")
    save(tmp_path / "nuts/masks/b.png", defect_mask)
    dataset = zsad.load_dataset("folder", tmp_path / "nuts", category="nut")
    assert dataset.labels == [False, True]
    save(tmp_path / "nuts/masks/typo.png", defect_mask)
    with pytest.raises(FileNotFoundError, match=r"typo\.png: there is no picture 'typo'"):
        zsad.load_dataset("folder", tmp_path / "nuts", category="nut")


def test_folder_refuses_what_it_would_read_in_part(product_folder, save):
    with pytest.raises(ValueError, match="no split 'train'"):
        zsad.load_dataset("folder", product_folder, category="nut", split="train")
    deep = save(product_folder / "crack/monday/x.png")
    with pytest.raises(ValueError, match="crack/monday would be left out"):
        zsad.load_dataset("folder", product_folder, category="nut")
    deep.unlink()
    save(product_folder / "stray.png")
    with pytest.raises(ValueError, match="keep either"):
        zsad.load_dataset("folder", product_folder, category="nut")


def test_nothing_is_decoded_before_it_is_asked_for(mvtec_root):
    for path in mvtec_root.rglob("*.png"):
        path.write_bytes(b"")
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    assert len(dataset.subset(2)) == 2
    with pytest.raises(ImageError, match="0 bytes"):
        dataset[0]


def test_fingerprint_depends_on_content_and_not_on_place(mvtec_root, tmp_path, save):
    def fingerprint(root):
        return zsad.load_dataset("mvtec_ad", root, category="nut").fingerprint()

    original = fingerprint(mvtec_root)
    copy = shutil.copytree(mvtec_root, tmp_path / "copy")
    assert fingerprint(copy) == original
    assert len(original) == 64
    mask = copy / "nut/ground_truth/bent/000_mask.png"
    mask.write_bytes(mask.read_bytes() + b"\0")
    assert fingerprint(copy) != original
    mask.write_bytes(mask.read_bytes()[:-1])
    assert fingerprint(copy) == original
    (copy / "nut/test/good/000.png").rename(copy / "nut/test/good/009.png")
    assert fingerprint(copy) != original


def test_dataset_is_a_sequence(mvtec_root):
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    assert [sample.id for sample in dataset] == dataset.ids
    assert dataset[1:3].ids == dataset.ids[1:3]
    assert dataset[-1].defect == "scratch"
    assert "6 images, 3 anomalous" in repr(dataset)
    with pytest.raises(IndexError):
        dataset[6]
    assert torch.equal(dataset[0].image, dataset[0].image)
