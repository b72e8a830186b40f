"""What has been measured, and what is told of it: figures by row and server, ratios with their spread, budgets."""
import statistics


class Table:
    """Figures of each row and server, one for each round; None where there was none, and why."""

    def __init__(self):
        self.rows = []      # (key, title, unit) in the order of the first figure
        self.figures = {}   # (key, server) -> [figure or None, one a round]
        self.whys = {}      # (key, server) -> why there is none

    def row(self, key, title, unit):
        if key not in [r[0] for r in self.rows]:
            self.rows.append((key, title, unit))

    def add(self, key, server, figure, why=None):
        self.figures.setdefault((key, server), []).append(None if why else figure)
        if why:
            self.whys.setdefault((key, server), why)

    def all(self, key, server):
        return [f for f in self.figures.get((key, server), []) if f is not None]

    def median(self, key, server):
        figures = self.all(key, server)
        return statistics.median(figures) if figures else None

    def servers(self):
        """The relays first, then rivals, then ours."""
        return sorted({server for _, server in self.figures}, key=lambda name: ("relay" not in name, "strowger" in name, name))

    def why(self, key, server):
        return self.whys.get((key, server), "not run")

    def ratios(self, over, under):
        """Round by round, since both sides of a round had the same machine."""
        pairs = zip(self.figures.get(over, []), self.figures.get(under, []))
        return [a / b for a, b in pairs if a is not None and b]


class Budget:
    """limit on figure `over`, or on its ratio to `under`, each (key, server). at_least: else at most. factor: for the text."""

    def __init__(self, title, over, limit, under=None, at_least=False, unit=""):
        self.title = title
        self.over = over
        self.under = under
        self.limit = limit
        self.at_least = at_least
        self.unit = unit

    def values(self, table):
        return table.ratios(self.over, self.under) if self.under else table.all(*self.over)

    def why(self, table):
        for side in (self.over, self.under):
            if side and not table.all(*side):
                return "%s: %s" % (side[1], table.why(*side))
        return "no round in which both sides were measured"

    def limit_text(self):
        return "%s %s%s" % ("≥" if self.at_least else "≤", number(self.limit),
                            " × " + self.under[1] if self.under else self.unit and " " + self.unit)

    def judge(self, table):
        """(what was measured, "met", "unmet" or "not measured")"""
        values = self.values(table)
        if not values:
            return self.why(table), "not measured"
        middle = statistics.median(values)
        met = middle >= self.limit if self.at_least else middle <= self.limit
        return spread(values), "met" if met else "unmet"


def number(value):
    if value == int(value) and abs(value) < 1000:
        return "%d" % value
    if abs(value) >= 100:
        return "{:,.0f}".format(value).replace(",", " ")
    return "%.3g" % value if abs(value) < 10 else "%.1f" % value


def spread(values):
    """The median, and from where to where the rounds were."""
    middle = number(statistics.median(values))
    if len(values) == 1:
        return middle
    return "%s (%s to %s)" % (middle, number(min(values)), number(max(values)))


def as_markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def as_text(head, rows):
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head] + rows) + "\n"


def figures_rows(table, servers):
    head = ["what", "unit"] + servers
    rows = []
    for key, title, unit in table.rows:
        rows.append([title, unit] + [spread(table.all(key, s)) if table.all(key, s) else
                                     "—" if (key, s) not in table.whys else "not measured" for s in servers])
    return head, rows


def budget_rows(table, budgets):
    rows = []
    for b in budgets:
        measured, verdict = b.judge(table)
        rows.append([b.title, b.limit_text(), measured, verdict])
    return ["budget", "limit", "measured", "verdict"], rows


def notes(table):
    """Why figures are missing."""
    titles = {key: title for key, title, _ in table.rows}
    return ["%s, %s: %s" % (titles[key], server, why) for (key, server), why in table.whys.items()]
