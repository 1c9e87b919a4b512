"""What matching the rules costs three ways, as ratios in one run: a Filter, one pattern after the other, a Set.

Texts are generated (tests/mailgen.py), no one's mail. Run: make bench.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import re2
from mailgen import generate
from make import rulebook

from classifiers.rulefiles import options
from classifiers.text import fold


def seconds(match: Callable[[str], Any], texts: Sequence[str]) -> float:
    """CPU seconds for the second half of the texts; automata are built on the first, and no mail comes twice."""
    half = len(texts) // 2
    for text in texts[:half]:
        match(text)
    start = time.process_time()
    for text in texts[half:]:
        match(text)
    return time.process_time() - start


def main() -> None:
    plain = [raw.decode("utf-8", "replace") for name, raw in generate(900) if "text" in name]
    texts = [fold(raw.partition("\n\n")[2] or raw.partition("\r\n\r\n")[2]).text for raw in plain]
    patterns = [p for r in rulebook().rules for p in r.patterns]
    alone = [re2.compile(p, options()) for p in patterns]
    roomy = options()
    roomy.max_mem = 64 << 20  # with less a Set of these does not compile at all
    together, filtered = re2.Set.SearchSet(roomy), re2.Filter()
    for p in patterns:
        together.Add(p)
        filtered.Add(p, options())
    together.Compile()
    filtered.Compile()
    cost = {
        "filter": seconds(lambda t: filtered.Match(t, False), texts),
        "one after the other": seconds(lambda t: [p.search(t) for p in alone], texts),
        "set": seconds(together.Match, texts),
    }
    print(f"{len(patterns)} patterns over {len(texts) // 2} texts; CPU time as a ratio to the filter's")
    for name, value in cost.items():
        print(f"  {name:22} {value / cost['filter']:6.1f}")


if __name__ == "__main__":
    main()
