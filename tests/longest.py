"""The files of tests that took longest when they were last timed. They start first, so that no core waits for one."""

LONGEST = (
    "test_browser.py", "test_committed.py", "test_snakefile.py", "test_code.py", "test_run.py",
    "test_worst_case.py", "test_corruption_pages.py", "test_wheel.py", "test_overrides.py", "test_contract.py",
    "test_kills.py", "test_text_fnn.py", "test_coverage.py", "test_demo.py", "test_demo_write.py", "test_searches.py",
    "test_execute.py", "test_explorer.py", "test_parts.py", "test_matrix_pages.py", "sweep.ipynb", "test_train_clip.py",
    "test_worst_cases.py", "test_own_page.py",
)  # fmt: skip
