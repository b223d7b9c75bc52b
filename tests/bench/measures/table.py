"""The table at the end: the aim, the figure, and the ratio to each peer and reference of the same run."""
import dataclasses


@dataclasses.dataclass
class Row:
    what: str
    figure: float
    unit: str
    aim: str = ""
    others: dict = dataclasses.field(default_factory=dict)  # name -> its figure

    def times_better(self, other):
        smaller_is_better = self.unit in ("ms", "µs", "s", "bytes")
        best, worst = (other, self.figure) if smaller_is_better else (self.figure, other)
        return best / worst if worst else float("inf")


def number(value, unit):
    return f"{value:,.2f}" if unit in ("ms", "µs", "s") or value < 10 else f"{value:,.0f}"


def print_table(rows):
    print(f"{'':52s} {'figure':>12s} {'aim':>12s}   beside it, and how many times as good")
    for row in rows:
        beside = "; ".join(
            f"{name} {number(other, row.unit)} ({row.times_better(other):.1f}×)" for name, other in row.others.items()
        )
        print(f"{row.what:52s} {number(row.figure, row.unit) + ' ' + row.unit:>12s} {row.aim:>12s}   {beside}")
