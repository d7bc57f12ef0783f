"""Search for wrong coordinates of one function at one order: from random directions down to single coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autograd.verify.measure.claims import COORDINATES
from autograd.verify.measure.comparison import Comparison
from autograd.verify.measure.opinions import near_by
from autograd.verify.measure.verdicts import Finding
from autograd.verify.report import Verdict, rank, worst_of
from autograd.verify.subjects.subject import Leaf, Subject

Array = np.ndarray

#: The number of groups of parameters with random directions of their own, in inputs of more than COORDINATES elements.
GROUPS = 6
#: Coordinates that move the function by less than UNLIKE of what others do are compared apart, in at most ALIKE further classes.
UNLIKE, ALIKE = 1e-3, 4
#: The number of wrong coordinates of a parameter that ends its search, and of lines spent on undecided ones.
ENOUGH, LINES = 3, 150
#: The number of directions through several coordinates at kinks.
KINK_DIRECTIONS = 8


class Examination(Comparison):
    """The search through all coordinates of one subject.

    Attributes:
        compared: how many slopes were compared, for each leaf.
    """

    def __init__(self, subject: Subject, order: int, seed: int, step: Callable[[str], None] = lambda name: None) -> None:
        super().__init__(subject, order, seed)
        self.step = step
        self.pending: list[Finding] = []  # of the direction that is being halved
        self.compared: dict[str, int] = {leaf.name: 0 for leaf in subject.leaves}

    def run(self) -> None:
        """Compare everything, and pursue what disagrees."""
        total = len(self.subject.point)
        if not total or not self.middle.size:
            return
        if total <= COORDINATES:
            for leaf in self.subject.leaves:
                self.coordinates(np.arange(leaf.start, leaf.stop))
                self.step(leaf.name)
            self.together()
            return
        large, *smaller = self.classes()
        for places in smaller:
            self.pursue(places, self.compare([(places, self.direction(places))])[0])
            self.count(places, 1)
        for group in self.groups(GROUPS - len(smaller)):
            inside = np.concatenate([np.arange(leaf.start, leaf.stop) for leaf in group])
            places = inside[large[inside]]
            if not places.size:
                continue
            repeats = 2 if len(self.subject.leaves) <= 3 and not smaller else 1
            directions = [(places, self.direction(places)) for _ in range(repeats)]
            findings = [finding for several in self.compare(directions) for finding in several]
            self.count(places, repeats)
            if all(finding.verdict is Verdict.PASS for finding in findings):
                self.found += findings
            elif len(group) == 1:
                self.pursue(places, findings)
            else:
                for leaf in group:
                    own = places[(leaf.start <= places) & (places < leaf.stop)]
                    if own.size:
                        self.pursue(own, self.compare([(own, self.direction(own))])[0])
            for leaf in group:
                self.step(leaf.name)
        self.together()

    def classes(self) -> list[Array]:
        """Return a mask of the coordinates that move the function much, by their claims, and the places of the others in classes.

        A slope that is claimed to be near zero by mistake is in the class of small ones, and shows there.
        """
        moves = (np.where(np.isfinite(self.claims), abs(self.claims), np.inf) * self.typical).max(axis=0)
        largest = float(moves[np.isfinite(moves)].max(initial=0.0))
        with np.errstate(all="ignore"):
            steps = np.ceil(np.log(moves / largest) / np.log(UNLIKE)) - 1.0
            number = np.where(moves > 0.0, np.clip(steps, 0.0, ALIKE), ALIKE + 1.0)
        number = np.where(np.isinf(moves), 0.0, number) if largest else np.zeros(len(moves))
        found, *smaller = [number == each for each in np.unique(number)]
        return [found, *map(np.flatnonzero, smaller)]

    def groups(self, most: int) -> list[list[Leaf]]:
        """Return the leaves in groups of one, or of several where there are many."""
        leaves = self.subject.leaves
        bounds = np.linspace(0, len(leaves), min(len(leaves), most) + 1).astype(int)
        return [leaves[a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]

    def count(self, places: Array, number: int) -> None:
        for leaf in self.subject.leaves:
            if leaf.has(places):
                self.compared[leaf.name] += number * len(self.middle)

    def coordinates(self, places: Array) -> None:
        """Compare single coordinates."""
        if places.size:
            ones = [places[i : i + 1] for i in range(len(places))]
            self.count(places, len(places))
            self.compare([(one, self.sizes[one]) for one in ones], keep=True)

    def together(self) -> None:
        """Compare random directions through several coordinates, which together may differ from each alone.

        At kinks each coordinate of a claim may lie between its one-sided slopes, and the claim be wrong nevertheless:
        the slope along every direction has to lie between the one-sided ones.
        """
        kinks = sorted({int(f.places[0]) for f in self.found if f.verdict is Verdict.KINK and len(f.places) == 1})
        few = len(self.subject.point) <= COORDINATES
        if len(self.subject.point) < 2 or worst_of(f.verdict for f in self.found) not in (Verdict.PASS, Verdict.KINK):
            return
        sets = [np.arange(len(self.subject.point))] * few + [np.array(kinks)] * (KINK_DIRECTIONS if len(kinks) > 1 else 0)
        directions = [(places, self.direction(places, self.sizes)) for places in sets]
        if len(kinks) > 1:  # the direction in which the function rises fastest, as claimed
            claims = self.claims[:, kinks]
            directions += [(np.array(kinks), np.where(row < 0.0, -1.0, 1.0) * self.sizes[kinks]) for row in claims[:3]]
        for places, along in directions:
            for finding in self.compare([(places, along)])[0]:
                if finding.verdict is Verdict.FAIL and len(kinks) > 1 and near_by(self, finding, along):
                    continue
                if finding.verdict is Verdict.FAIL and len(kinks) > 1:
                    reason = f"along a direction through several coordinates: {finding.reason or 'the slope differs'}"
                    self.found.append(replace(finding, reason=reason))
                elif finding.verdict in (Verdict.FAIL, Verdict.JUMP):
                    reason = "the slopes agree along all coordinates, but not along a direction between them: no derivative"
                    self.found.append(replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason))

    def pursue(self, places: Array, findings: list[Finding]) -> None:
        """Halve the coordinates of a direction that does not pass, until single ones are left or the rest agrees."""
        waiting = [(places, findings)]
        self.pending = [finding for finding in findings if finding.verdict is not Verdict.PASS]
        lines = 0
        ends: dict[Verdict, int] = {}
        while waiting:
            places, findings = waiting.pop()
            worst = worst_of(finding.verdict for finding in findings)
            if worst is Verdict.PASS or len(places) == 1:
                self.found += findings
                ends[worst] = ends.get(worst, 0) + 1
                continue
            if worst is Verdict.INCONCLUSIVE and all(f.unresolved or f.verdict is Verdict.PASS for f in findings):
                waiting += self.unresolved(places, findings)
                lines += 2
                continue
            if ends.get(worst, 0) >= ENOUGH and worst in (Verdict.FAIL, Verdict.JUMP):
                continue  # enough are named
            if lines > LINES and worst not in (Verdict.FAIL, Verdict.KINK):
                reason = f"{len(places)} coordinates could not be told apart: {worst.name}, {findings[0].reason}".rstrip(", ")
                self.found += [replace(f, verdict=Verdict.INCONCLUSIVE, reason=reason) for f in findings if f.verdict is worst]
                continue
            halves = self.halves(places, worst is Verdict.KINK)
            sets = [(half, self.direction(half) if len(half) > 1 else self.sizes[half]) for half in halves]
            compared = [self.compare([item], roughly=len(item[0]) > 1)[0] for item in sets]
            lines += len(halves)
            for half in halves:
                self.count(half, 1)
            if worst is Verdict.FAIL and all(f.verdict is Verdict.PASS for several in compared for f in several):
                # The difference is spread over many coordinates, and too small for the error bar of each half.
                self.found += [f for f in findings if f.verdict is Verdict.FAIL]
            pairs = list(zip(halves, compared, strict=True))
            waiting += sorted(pairs, key=lambda pair: max(map(rank, pair[1])))
        self.pending = []

    def halves(self, places: Array, kinks: bool) -> list[Array]:
        """Return parts of some coordinates: those at exactly zero, where kinks are most common, and the others; else halves."""
        zero = self.subject.point[places] == 0.0
        if zero.any() and not zero.all():
            return [places[zero], places[~zero]]
        if zero.all() and kinks:
            return [places[i : i + 1] for i in range(len(places))]
        return np.array_split(places, 2)

    def unresolved(self, places: Array, findings: list[Finding]) -> list[tuple[Array, list[Finding]]]:
        """Compare the coordinates that a direction could not resolve once more, apart from the others."""
        names = np.array(sorted({place for finding in findings for place in finding.unresolved}), dtype=int)
        rest = np.setdiff1d(places, names)
        self.found += [replace(f, verdict=Verdict.PASS, reason="", places=rest, unresolved=()) for f in findings if rest.size]
        if len(names) == len(places) and len(names) > 16:
            self.found += [f for f in findings if f.verdict is not Verdict.PASS]
            return []
        sets = [names] if len(names) > 16 else [names[i : i + 1] for i in range(len(names))]
        compared = self.compare([(item, self.direction(item) if len(item) > 1 else self.sizes[item]) for item in sets])
        return list(zip(sets, compared, strict=True))
