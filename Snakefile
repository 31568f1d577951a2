# From the study's cells to the book. Rules only: what a cell is, and what is missing, is known to `zsad.study`.
#
#     snakemake book --config study=demo         (settings: profiles/default/config.yaml)
#
# Each rule names the code that it depends on as the parameter `code`, a fingerprint that comments do not change. Names
# come from folders and may hold anything: what enters a shell line is quoted (:q).
import sys
from pathlib import Path

from book.tools.sources import sources
from zsad.devices import check_device
from zsad.study.cells import Selection, requests
from zsad.study.code import imported_code, manifest_code, module_code
from zsad.study.given import given_to
from zsad.study.load import load_study
from zsad.study.kept import is_kept
from zsad.study.manifest import manifest_path, part_path, run_of

NAME = str(config.get("study", "demo"))
STUDY = load_study(NAME, check_models=False)
STUDY_FILE = NAME if Path(NAME).suffix else f"study/{NAME}.yaml"
PYTHON = sys.executable
MISSING = STUDY.missing_suites()
BUILD = f"build/study/{STUDY.name}"
PAGES = f"build/book/{STUDY.name}"
SUITES_DONE = f"{STUDY.data_root}/demo-{STUDY.demo_seed}.done"
WRITTEN = [SUITES_DONE] if STUDY.limit is None else []  # a few images are drawn as they are read
# Of a study that is kept in results/ nothing is computed for the book but what pages need besides.
SUBJECTS = [
    (suite, category, backbone)
    for suite in STUDY.suites
    if suite not in MISSING and not is_kept(STUDY.name)
    for category in STUDY.categories_of(suite)
    for backbone in STUDY.backbones_on(suite)
]
# A stamp stands beside each list that `zsad run` writes: one that was written by hand says nothing of what has changed
# since.
LISTED = [f"{BUILD}/{suite}/{category}/{backbone}.listed" for suite, category, backbone in SUBJECTS]
SOURCES = sources(Path("notebooks"))
# Where it is computed changes no result, and runs nothing again: no parameter of a rule.
DEVICE = ["--device", check_device(str(config["device"]))] if config.get("device") else []
GPUS = 1 if [STUDY.device, *DEVICE][-1].startswith("cuda") else 0
# On a cluster (profiles/slurm) the cells are computed in so many parts of about equal cost, and the
# rule `evaluate` then finds them there and lists them; without, it computes them itself.
PARTS = int(config.get("parts", 0))
# What lacked results is run again: its number is another then. Asked before anything runs.
RUNS = {subject: run_of(manifest_path(STUDY.name, *subject)) for subject in SUBJECTS}
RUNS |= {str(number): run_of(part_path(STUDY.name, number, PARTS)) for number in range(1, PARTS + 1)}


def code_of_cells(wildcards):
    wanted = Selection(suites=[wildcards.suite], categories=[wildcards.category], backbones=[wildcards.backbone])
    return code_of(requests(STUDY, wanted))


def given_to_part(wildcards):
    return given_to(STUDY, [suite for suite in STUDY.suites if suite not in MISSING], STUDY.backbones)


def code_of(asked):
    return manifest_code(
        (request.detector.name, request.shift.kind, request.detector.options.get("defence") is not None)
        for request in asked
    )


def code_of_notebook(wildcards):
    source = SOURCES[wildcards.name]
    words = [source.head or "", *map(str, source.parameters.items())]
    return [imported_code(source.path), module_code("book.tools.execute"), *words]


wildcard_constraints:
    suite="[^/]+",
    category="[^/]+",
    backbone="[^/]+",
    number="[0-9]+",


rule book:
    input:
        "_build/html/index.html",


rule records:
    input:
        LISTED,


rule suites:
    output:
        touch(SUITES_DONE),
    message:
        "Writing the demo suites"
    log:
        "build/log/suites.log",
    params:
        python=PYTHON,
        folder=STUDY.data_root,
        seed=STUDY.demo_seed,
        code=module_code("zsad.data.demo.write"),
    threads: 1
    shell:
        "OMP_NUM_THREADS={threads} {params.python:q} -m zsad.cli demo-data {params.folder:q} --seed {params.seed:q} "
        "2>&1 | tee {log:q}"


rule part:
    input:
        study=STUDY_FILE,
        suites=WRITTEN if any(STUDY.is_demo(suite) for suite in STUDY.suites) else [],
        weights=sorted(str(path) for path in Path("zsad/weights").glob("*.safetensors")),
    output:
        touch(f"{BUILD}/parts/{{number}}-of-{PARTS}.done"),
    message:
        "Computing part {wildcards.number} of " + str(PARTS)
    log:
        f"build/log/{STUDY.name}/part-{{number}}-of-{PARTS}.log",
    params:
        python=PYTHON,
        parts=PARTS,
        code=lambda wildcards: code_of(requests(STUDY)),
        given=given_to_part,
        run=lambda wildcards: RUNS[wildcards.number],
    threads: 1
    resources:
        gpu=GPUS,
    shell:
        "(OMP_NUM_THREADS={threads} {params.python:q} -m zsad.cli run {input.study:q} "
        "--part={wildcards.number}/{params.parts} {DEVICE:q} || [ $? -eq 3 ]) 2>&1 | tee {log:q}"


rule evaluate:
    input:
        study=STUDY_FILE,
        parts=[f"{BUILD}/parts/{number}-of-{PARTS}.done" for number in range(1, PARTS + 1)],
        suites=lambda wildcards: WRITTEN if STUDY.is_demo(wildcards.suite) else [],
        weights=sorted(str(path) for path in Path("zsad/weights").glob("*.safetensors")),
    output:
        touch(f"{BUILD}/{{suite}}/{{category}}/{{backbone}}.listed"),
    message:
        "Evaluating {wildcards.suite} {wildcards.category} with {wildcards.backbone}"
    log:
        f"build/log/{STUDY.name}/{{suite}}-{{category}}-{{backbone}}.log",
    params:
        python=PYTHON,
        code=code_of_cells,
        given=lambda wildcards: given_to(STUDY, [wildcards.suite], [wildcards.backbone]),
        run=lambda wildcards: RUNS[wildcards.suite, wildcards.category, wildcards.backbone],
    threads: 1
    resources:
        gpu=GPUS,
    shell:
        # 3: some results could not be computed, of which pages speak. All others are listed; the next call tries again.
        "(OMP_NUM_THREADS={threads} {params.python:q} -m zsad.cli run {input.study:q} --suite={wildcards.suite:q} "
        "--category={wildcards.category:q} --backbone={wildcards.backbone:q} {DEVICE:q} || [ $? -eq 3 ]) 2>&1 | tee {log:q}"


rule notebook:
    input:
        source=lambda wildcards: str(SOURCES[wildcards.name].path),
        records=LISTED,
        kept=sorted(str(path) for path in Path("results").glob("*/*") if path.suffix in (".csv", ".parquet")),
    output:
        f"{PAGES}/{{name}}.ipynb",
    message:
        "Executing notebook {wildcards.name}"
    log:
        f"build/log/{STUDY.name}/notebook-{{name}}.log",
    params:
        python=PYTHON,
        study=NAME,
        pages=PAGES,
        code=code_of_notebook,
    threads: 1
    retries: 1  # kernels that start together may race for a port
    shell:
        "OMP_NUM_THREADS={threads} {params.python:q} -m book.tools.execute {input.source:q} --page={wildcards.name:q} "
        "--study {params.study:q} --out {params.pages:q} --listed {DEVICE:q} 2>&1 | tee {log:q}"


# Of a kept study a sample is computed again while the book is made: the page "Status" says how much of it agrees.
rule proof:
    input:
        kept=sorted(str(path) for path in Path(f"results/{STUDY.name}").glob("*")),
        weights=sorted(str(path) for path in Path("zsad/weights").glob("*.safetensors")),
    output:
        f"{PAGES}/verified.proof",
    message:
        "Computing a sample of what is kept again"
    log:
        f"build/log/{STUDY.name}/proof.log",
    params:
        python=PYTHON,
        study=NAME,
        code=module_code("zsad.study.proof"),
    threads: 1
    priority: 2
    shell:
        # 1: some of it does not agree, of which the page speaks.
        "(OMP_NUM_THREADS={threads} {params.python:q} -m zsad.cli verify {params.study:q} {DEVICE:q} --out {output:q} "
        "|| [ $? -eq 1 ]) 2>&1 | tee {log:q}"


# Those that take longest begin first: none is then waited for alone.
use rule notebook as long_notebook with:
    wildcard_constraints:
        name="demo_world|worst_gallery|worst_search",
    priority: 1


ruleorder: long_notebook > notebook


rule html:
    input:
        notebooks=expand(f"{PAGES}/{{name}}.ipynb", name=SOURCES),
        proof=[f"{PAGES}/verified.proof"] if is_kept(STUDY.name) else [],
        prose=sorted(str(path) for path in Path("book").rglob("*") if path.is_file() and path.suffix != ".pyc"),
        explorer=sorted(str(path) for path in Path("results/explorer").glob("*.js")),
        config="_config.yml",
        toc="_toc.yml",
    output:
        "_build/html/index.html",
    message:
        "Rendering the book"
    log:
        "build/log/html.log",
    params:
        python=PYTHON,
        jupyter_book=Path(PYTHON).with_name("jupyter-book"),
        pages=PAGES,
        code=module_code("book.tools.source"),
    threads: 1
    shell:
        "{params.python:q} -m book.tools.source --pages {params.pages:q} --out build/book-src 2>&1 | tee {log:q} && "
        "{params.jupyter_book:q} build build/book-src --path-output . --config {input.config:q} "
        "--all -W -n --keep-going 2>&1 | tee -a {log:q} && "
        "touch {output:q}"
