"""A flame graph as SVG: each box is a function, as wide as the share of samples in which it was on the stack; its callers are below
it. Titles show on the pointer; nothing else is clever in it."""
import html

WIDTH, ROW, FONT, MARGIN = 1600, 18, 12, 10
LEAST = 0.3      # px: narrower boxes are not drawn


class Box:
    def __init__(self):
        self.samples = 0
        self.above = {}

    def add(self, stack, samples):
        self.samples += samples
        if stack:
            self.above.setdefault(stack[0], Box()).add(stack[1:], samples)

    def depth(self):
        return 1 + max((box.depth() for box in self.above.values()), default=0)


def colour(name):
    """The kernel's grey, ours warm; the same name has always the same one."""
    if name.endswith("]"):
        return "#b8bcc4"
    shade = sum(ord(c) * (i + 7) for i, c in enumerate(name)) % 100
    return "hsl(%d,%d%%,%d%%)" % (10 + shade * 40 // 100, 70 + shade % 20, 62 + shade % 14)


def draw_box(name, box, all_samples, x, level, height):
    width = (WIDTH - 2 * MARGIN) * box.samples / all_samples
    if width < LEAST:
        return
    y = height - MARGIN - (level + 1) * ROW
    text = name if len(name) * FONT * 0.6 < width - 4 else name[:max(0, int((width - 4) / (FONT * 0.6)) - 1)] + "…" if width > 30 else ""
    yield ('<g><title>%s: %.2f %%</title><rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>'
           '<text x="%.1f" y="%d">%s</text></g>') % (html.escape(name), 100 * box.samples / all_samples, x, y, width, ROW - 1,
                                                      colour(name), x + 2, y + ROW - 5, html.escape(text))
    for above, inner in sorted(box.above.items()):
        yield from draw_box(above, inner, all_samples, x, level + 1, height)
        x += (WIDTH - 2 * MARGIN) * inner.samples / all_samples


def svg(folded, title):
    """folded: {(outermost, ..., innermost): samples}"""
    root = Box()
    for stack, samples in folded.items():
        root.add(list(stack), samples)
    height = root.depth() * ROW + 2 * MARGIN + 2 * ROW
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="monospace" font-size="%d">' % (WIDTH, height, FONT),
             '<rect width="100%%" height="100%%" fill="#fff"/><text x="%d" y="%d">%s</text>' % (MARGIN, ROW, html.escape(title))]
    lines += draw_box("all", root, max(1, root.samples), MARGIN, 0, height)
    return "\n".join(lines) + "\n</svg>\n"
