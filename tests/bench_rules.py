"""What matching the rules costs three ways, as ratios in one run: a Filter, one pattern after the other, a Set.

Texts are generated (tests/mailgen.py), no one's mail. Run: make bench.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import re2
from mailgen import generate
from make import rulebook

from classifiers.rulefiles import options
from classifiers.text import fold


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of the second of two runs: automata are built in the first."""
    work()
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    texts = [fold(raw.decode("utf-8", "replace")[:3000]).text for _, raw in generate(300)]
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
        "filter": seconds(lambda: [filtered.Match(t, False) for t in texts]),
        "one after the other": seconds(lambda: [[p.search(t) for p in alone] for t in texts]),
        "set": seconds(lambda: [together.Match(t) for t in texts]),
    }
    print(f"{len(patterns)} patterns over {len(texts)} texts; CPU time as a ratio to the filter's")
    for name, value in cost.items():
        print(f"  {name:22} {value / cost['filter']:6.1f}")


if __name__ == "__main__":
    main()
