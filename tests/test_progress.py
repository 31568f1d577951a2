"""What a log is told of a long computation: plain lines, with an estimate of the time that is left."""

import io
import re
import sys

from tqdm import tqdm

from zsad import progress


def lines_of(monkeypatch, total: int = 4, done: int = 1) -> list[str]:
    """What is written while the rest is done, no line being spared; the clock goes two seconds a step."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(clock)))
    with progress.progress_bar(total, done, "cell", "study") as bar:
        for _ in range(done, total):
            bar.set_postfix_str("parts bracket", refresh=False)
            bar.update()
    return out.getvalue().splitlines()


def test_a_log_has_plain_lines_that_say_how_long_it_will_take(monkeypatch):
    lines = lines_of(monkeypatch)
    assert all(
        re.fullmatch(r"study: \d of 4 cells after \d\d:\d\d, about (\d\d:\d\d|\?) left.*", line) for line in lines
    )
    assert any(line.startswith("study: 2 of 4 cells") and ", about 00:0" in line for line in lines)
    assert lines[-1].startswith("study: 4 of 4 cells")
    assert lines[-1].endswith("left, parts bracket")
    assert not re.search(r"[|#]|%|\r", "".join(lines))


def test_nothing_is_said_where_nothing_is_left_to_do(monkeypatch):
    assert lines_of(monkeypatch, 2, 2) == []
    assert isinstance(progress.progress_bar(1, 0, "cell", "study", enabled=False), tqdm)


def test_bars_that_others_draw_are_plain_lines_in_a_log_while_a_program_says_so(monkeypatch):
    before, out, own = vars(tqdm)["__init__"], io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    with progress.plain_bars():
        assert list(tqdm(range(3), desc="tiles", unit="tile", mininterval=0.0)) == [0, 1, 2]
        list(tqdm(range(3), desc="silent", disable=None))  # shows on a terminal alone
        list(tqdm(range(3), desc="elsewhere", file=own))
    lines = out.getvalue().splitlines()
    assert all(re.fullmatch(r"tiles: \d of 3 tiles after \d\d:\d\d, about (\d\d:\d\d|\?) left", line) for line in lines)
    assert lines[-1].startswith("tiles: 3 of 3 tiles")
    assert "\r" not in out.getvalue()
    assert "|" in own.getvalue(), "whoever says where to has his own bar"
    assert vars(tqdm)["__init__"] is before


def test_bars_stay_bars_on_a_terminal(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", out)
    with progress.plain_bars():
        list(tqdm(range(3), desc="tiles", file=None))
    assert "|" in out.getvalue()
