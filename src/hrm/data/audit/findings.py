"""What an audit of puzzles says."""

from dataclasses import dataclass, field

from hrm.errors import DataError

SHOWN = 10
"""So many rows of each finding are named."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault in one part. Rows are counted from 1, without header and empty lines."""

    kind: str
    part: str
    count: int
    rows: list[int]
    """The first rows that have it."""
    others: list[str]
    """For each of these rows what it clashes with, or what is wrong, in words."""


@dataclass(frozen=True)
class Separation:
    """How many rows of one part have a twin in another; 0 proves that they are apart."""

    part: str
    of: str
    twins: int


@dataclass(frozen=True)
class Audit:
    """All that was looked at and found."""

    path: str
    puzzle: str
    shape: tuple[int, int]
    rows: dict[str, int]
    """Of each part."""
    answered: dict[str, int]
    vocabulary: dict[str, dict[str, int]]
    """How often each character occurs in the questions of each part."""
    proven: bool
    """Whether every puzzle was searched for a second answer."""
    separations: list[Separation]
    findings: list[Finding]
    notes: list[Finding] = field(default_factory=list)
    """What is named, but is no fault."""

    def require_clean(self) -> None:
        """Refuse what has a fault.

        Raises:
            DataError: with the number of faults of each kind.
        """
        if not self.clean:
            kinds = ", ".join(f"{finding.count} {finding.kind} ({finding.part})" for finding in self.findings)
            raise DataError(f"{self.path} is not clean: {kinds}; correct or remove these rows")

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def conclusion(self) -> str:
        """What is proven of puzzles that are clean."""
        return f"no wrong answer, duplicate or twin{', each puzzle has exactly one solution' if self.proven else ''}"


def finding(kind: str, part: str, found: list[tuple[int, str]]) -> list[Finding]:
    """Return one kind of fault, or nothing where no row has it.

    Args:
        found: number of each row, from 1, and what is said of it.
    """
    rows, others = [row for row, _ in found[:SHOWN]], [says for _, says in found[:SHOWN]]
    return [Finding(kind, part, len(found), rows, others)] if found else []
