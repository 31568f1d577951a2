# From the study's cells to the book. Rules only: what a cell is, and what is missing, is known to `zsad.study`.
#
#     snakemake book --config study=quick        (settings: profiles/default/config.yaml)
import sys
from pathlib import Path

from zsad.study.config import load_study

NAME = str(config.get("study", "quick"))
STUDY = load_study(NAME, check_models=False)
STUDY_FILE = NAME if Path(NAME).suffix else f"study/{NAME}.yaml"
PYTHON = sys.executable
BUILD = f"build/study/{STUDY.name}"
PAGES = f"build/book/{STUDY.name}"
SUITES_DONE = f"{STUDY.data_root}/demo-{STUDY.demo_seed}.done"
MANIFESTS = [
    f"{BUILD}/{suite}/{category}/{backbone}.json"
    for suite in STUDY.suites
    for category in STUDY.categories_of(suite)
    for backbone in STUDY.backbones
]
NOTEBOOKS = sorted(path.stem for path in Path("notebooks").glob("*.py"))
GPUS = 1 if STUDY.device.startswith("cuda") else 0


wildcard_constraints:
    suite="[^/]+",
    category="[^/]+",
    backbone="[^/]+",


rule book:
    input:
        "_build/html/index.html",


rule records:
    input:
        MANIFESTS,


rule suites:
    input:
        sorted(str(path) for path in Path("zsad/data/demo").glob("*.py")),
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
    threads: 1
    shell:
        "OMP_NUM_THREADS={threads} {params.python} -m zsad.cli demo-data {params.folder} --seed {params.seed} 2>&1 | tee {log}"


rule evaluate:
    input:
        study=STUDY_FILE,
        suites=lambda wildcards: SUITES_DONE if STUDY.is_demo(wildcards.suite) else [],
        weights=sorted(str(path) for path in Path("zsad/weights").glob("*.safetensors")),
    output:
        f"{BUILD}/{{suite}}/{{category}}/{{backbone}}.json",
    message:
        "Evaluating {wildcards.suite} {wildcards.category} with {wildcards.backbone}"
    log:
        f"build/log/{STUDY.name}/{{suite}}-{{category}}-{{backbone}}.log",
    params:
        python=PYTHON,
    threads: 1
    resources:
        gpu=GPUS,
    shell:
        "OMP_NUM_THREADS={threads} {params.python} -m zsad.cli run {input.study} "
        "--suite {wildcards.suite} --category {wildcards.category} --backbone {wildcards.backbone} 2>&1 | tee {log}"


rule notebook:
    input:
        source="notebooks/{name}.py",
        records=MANIFESTS,
        drawing=sorted(str(path) for path in Path("zsad/plots").glob("*.py")),
        showing=[
            *(f"zsad/study/{name}.py" for name in ("contrasts", "execute", "notebook", "summary")),
            *sorted(str(path) for path in Path("zsad/pages").glob("*.py")),
        ],
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
    threads: 1
    retries: 1  # kernels that start together may race for a port
    shell:
        "OMP_NUM_THREADS={threads} {params.python} -m zsad.study.execute {input.source} "
        "--study {params.study} --out {params.pages} --listed 2>&1 | tee {log}"


# Those that take longest begin first: none is then waited for alone.
use rule notebook as long_notebook with:
    wildcard_constraints:
        name="demo_world|worst_gallery|worst_search",
    priority: 1


ruleorder: long_notebook > notebook


rule html:
    input:
        notebooks=expand(f"{PAGES}/{{name}}.ipynb", name=NOTEBOOKS),
        prose=sorted(str(path) for path in Path("book").rglob("*") if path.is_file() and path.suffix != ".pyc"),
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
    threads: 1
    shell:
        "{params.python} -m zsad.study.booksource --pages {params.pages} --out build/book-src 2>&1 | tee {log} && "
        "{params.jupyter_book} build build/book-src --path-output . --config {input.config} "
        "--all -W -n --keep-going 2>&1 | tee -a {log} && "
        "touch {output}"
