"""What the figures and tables of a page are made from: records, files of published numbers, data; and who computed it.

Records know the commit that computed them and the code that could touch them, so a figure says both: a page may well
show what an earlier commit has computed.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd

from zsad.study.code import cell_code
from zsad.study.committed import committed_folder
from zsad.study.config import Study
from zsad.study.provenance import commit
from zsad.study.results import leagues_in, load_sidecars
from zsad.study.shipped import published_folder, published_table

PUBLISHED = "published"
_METHOD = ["study", "detector", "backbone", "key"]  # columns of records that say whose they are
NAMED = 4  # detectors of a league that a line names; more are counted
Found = TypeVar("Found")


@dataclass
class Sources:
    """What a page has read so far. `data` are fingerprints of data sets; `computed` is the provenance of what the page
    computed for itself, by study and contents (SHA-256); `used` the league of what computed it, by study and name.
    """

    study: Study
    read: list[pd.DataFrame] = field(default_factory=list)
    data: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    computed: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    used: dict[tuple[str, str], str] = field(default_factory=dict)
    _sidecars: dict[str, dict[str, Any]] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def published(self, name: str) -> pd.DataFrame:
        """The numbers of results/published/<name>.csv."""
        table, path = published_table(name), published_folder() / f"{name}.csv"
        self.files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return table

    def records_hash(self, study: str | None = None) -> str:
        """First 12 hex digits of the SHA-256 over all that was read and computed (of one study), whatever its order;
        "none" where nothing was.
        """
        return self._once(self._records_hash, study)

    def made_from(self, study: str | None = None) -> tuple[str, str]:
        """What a figure of a study (by default of the page's) shows, and the commits that computed it; none of what
        others have printed.
        """
        if study == PUBLISHED:
            return ", ".join(f"{name} {digest[:12]}" for name, digest in self.files.items()) or "no file", ""
        name = study or self.study.name
        if (records := self.records_hash(name)) != "none":
            return f"records {records} in {self._place(name)}", commits_in_words(self._once(self._commits, name))
        now = commits_in_words({short_commit(commit()): 1})
        if self.data:
            return f"data {_short(repr(sorted(self.data.items())))}", now
        return "no records, what the code itself holds", now

    def _place(self, name: str) -> str:
        """The folder that holds a study's records, without what lies above the project or the user's own folder."""
        if committed_folder(name).is_dir():
            return f"results/{name}"
        root = self.study.records_root
        return root.name if root.is_absolute() else root.as_posix()

    def leagues(self, study: str | None = None) -> str:
        """The league of the detectors of a study whose records were read, and of what the page computed with itself; of
        several leagues, whose each is, or of how many. Empty where there are none, and of what others have printed.
        """
        if study == PUBLISHED:
            return ""
        return self._once(self._leagues, study or self.study.name)

    def moved_on(self, study: str | None = None) -> str:
        """That the code has changed since some of the cells were computed; empty where it has not."""
        return self._once(self._moved_on, study or self.study.name)

    def of(self, study: str | None) -> list[pd.DataFrame]:
        """The frames that were read, of one study or of all."""
        named = [frame["study"].iloc[0] if "study" in frame and len(frame) else self.study.name for frame in self.read]
        return [frame for frame, name in zip(self.read, named, strict=True) if study in (None, name)]

    def _once(self, make: Callable[[Any], Found], study: str | None) -> Found:
        """What every figure asks for, made once for what has been read and computed so far, which only grows."""
        so_far = make.__name__, study, len(self.read), len(self.computed), *self.used.items()
        if so_far not in self._known:
            self._known[so_far] = make(study)
        found: Found = self._known[so_far]
        return found

    def _records_hash(self, study: str | None) -> str:
        frames = self.of(study)
        lines: list[str] = pd.concat(frames).drop_duplicates().to_csv(index=False).splitlines() if frames else []
        lines += [contents for name, contents in self.computed if study in (None, name)]
        return _short("\n".join(sorted(lines))) if lines else "none"

    def _leagues(self, name: str) -> str:
        self._provenance(name)  # keeps the sidecars at hand
        frames = [frame for frame in self.of(name) if {*_METHOD} <= {*frame.columns} and len(frame)]
        read = pd.concat([frame[_METHOD] for frame in frames]).drop_duplicates() if frames else pd.DataFrame()
        by_league: dict[str, dict[str, None]] = {}
        for backbone, rows in read.groupby("backbone", sort=False) if frames else ():
            for label, league in leagues_in(rows, self._sidecars).items():
                method = f"{label} on {backbone}" if read["backbone"].nunique() > 1 else label
                by_league.setdefault(league, {})[method] = None
        for (of, method), league in self.used.items():
            if of == name:
                by_league.setdefault(league, {})[method] = None
        if len(by_league) < 2:
            return "".join(f"league {league}" for league in by_league)
        whose = {
            league: ", ".join(names) if len(names) <= NAMED else f"{len(names)} detectors"
            for league, names in by_league.items()
        }
        return "leagues " + ", ".join(f"{league} ({names})" for league, names in whose.items())

    def _moved_on(self, study: str) -> str:
        sidecars = self._provenance(study)
        stale = [sidecar for sidecar in sidecars if sidecar["code"] != code_of(sidecar["spec"])]
        if not stale:
            return ""
        made = commits_in_words(Counter(map(short_commit, stale)))
        return f"Computed at {made}; the code that can touch {len(stale)} of {len(sidecars)} cells has changed since."

    def _provenance(self, study: str) -> list[dict[str, Any]]:
        """The sidecars of all cells of a study that were read."""
        keys = dict[str, None]()
        for frame in self.of(study):
            if {"study", "key"} <= {*frame.columns} and len(frame):
                own = dict.fromkeys(frame["key"].unique())
                if not own.keys() <= self._sidecars.keys():
                    self._sidecars |= load_sidecars(frame, self.study)
                keys |= own
        return [self._sidecars[key] for key in sorted(keys)]

    def _commits(self, study: str) -> Counter[str]:
        own = [provenance for (name, _), provenance in self.computed.items() if name == study]
        return Counter(map(short_commit, [*self._provenance(study), *own]))


def short_commit(found: Mapping[str, Any]) -> str:
    """First 10 digits of the commit of some provenance, with "+" where tracked files differed from it."""
    return f"{found['commit'][:10]}{'+' if found['dirty'] else ''}"


def commits_in_words(counts: Mapping[str, int]) -> str:
    """The commit that computed most, and how many others there are."""
    names = sorted(counts, key=lambda name: (-counts[name], name))
    if len(names) < 2:
        return f"commit {names[0] if names else 'unknown'}"
    others = f"{len(names) - 1} others" if len(names) > 2 else "another"
    unclean = sum(name.endswith("+") for name in names[1:])
    return f"commits {names[0]} and {others}" + (f" ({unclean} with changes of their own)" if unclean else "")


def code_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """The code, as it is now, of a cell that a sidecar describes."""
    return cell_code(spec["detector"], spec["shift"]["kind"], "defence" in spec["options"])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
