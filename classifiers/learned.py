"""The model at judging time: arrays read from a file and one sparse product. No scikit-learn, and never a pickle."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.errors import ModelError, Problem
from classifiers.features import DIMENSIONS, Features, features, stacked, unit_rows
from classifiers.fusion import OF_CATEGORY, Fusion, Thresholds
from classifiers.parts import Part, find_parts
from classifiers.partwise import is_worth_taking_apart
from classifiers.regions import Region
from classifiers.terms import Disposition, Opinion, Report, Span

FORMAT = 5  # raise it when features or arrays change their meaning: older files are then refused, with a sentence
MAX_BYTES = 64 * 1000**2
WORDS = 5  # of the report, shown for the label that the model believes most
_DISPOSITIONS = frozenset(d.value for d in Disposition)

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Weights and thresholds; `opine` is pure."""

    labels: tuple[str, ...]
    scale: Weights  # DIMENSIONS: how much each feature counts, the rare ones more
    weights: Weights  # DIMENSIONS x labels: what one feature adds to every label stands together
    bias: Weights  # labels
    headline: Weights  # DIMENSIONS: what one feature of the subject adds to in_scope, and the intercept at the end
    thresholds: Thresholds
    fusion: Fusion
    version: str  # 12 hex digits of the file's contents
    card: Mapping[str, Any]  # how it was made and how well it did

    @classmethod
    def load(cls, path: Path) -> Learned:
        """Reads a model; reading runs no code. Raises ModelError for a file that is none, or of another format."""
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ModelError(Problem(str(path), f"is larger than {MAX_BYTES // 10**6} MB; no model of ours is"))
            data = path.read_bytes()
            with zipfile.ZipFile(path) as packed:
                if sum(member.file_size for member in packed.infolist()) > MAX_BYTES:
                    raise ModelError(
                        Problem(str(path), f"unpacks to more than {MAX_BYTES // 10**6} MB; no model of ours does")
                    )
            with np.load(path, allow_pickle=False) as arrays:
                meta = json.loads(bytes(arrays["meta"]).decode())
                scale, weights, bias = arrays["scale"], arrays["weights"], arrays["bias"]
                subject = arrays["headline"]
        except OSError as e:
            raise ModelError(Problem(str(path), f"cannot be read: {e.strerror or type(e).__name__}")) from None
        except (KeyError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as e:
            raise ModelError(
                Problem(str(path), f"is no model of triage, or a broken one ({type(e).__name__})")
            ) from None
        problem = _unsound(meta, scale, weights, bias, subject)
        if problem:
            raise ModelError(Problem(str(path), problem))
        return cls(
            labels=tuple(meta["labels"]),
            scale=scale,
            weights=weights,
            bias=bias,
            headline=subject,
            thresholds=Thresholds(**meta["thresholds"]),
            fusion=_fusion(meta["fusion"]),
            version=hashlib.sha256(data).hexdigest()[:12],
            card=meta["card"],
        )

    def save(self, path: Path, card: Mapping[str, Any]) -> None:
        """Writes a model; the same arrays give the same bytes."""
        meta = {
            "format": FORMAT,
            "dimensions": DIMENSIONS,
            "labels": list(self.labels),
            "thresholds": {f: getattr(self.thresholds, f) for f in self.thresholds.__slots__},
            "fusion": {f: getattr(self.fusion, f) for f in self.fusion.__slots__},
            "card": card,
        }
        raw = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), dtype=np.uint8)
        with path.open("wb") as f:
            np.savez_compressed(
                f, meta=raw, scale=self.scale, weights=self.weights, bias=self.bias, headline=self.headline
            )

    def opine(self, report: Report, regions: Sequence[Region], unseen: str = "") -> Opinion:
        """A probability for each label, and the words that moved the strongest most. `unseen`: a word that must not count."""
        seen = features(report, regions, unseen)
        value = self.scaled(seen)
        by_label = dict(zip(self.labels, self._probabilities(seen, value), strict=True))
        best = max(by_label, key=lambda label: by_label[label])
        return Opinion(
            categories={c: p for c, p in by_label.items() if c not in _DISPOSITIONS},
            dispositions={d: p for d, p in by_label.items() if d in _DISPOSITIONS},
            headline=self.by_subject(seen),
            words=self._words(seen, value, best),
            parts=self.of_parts(find_parts(report, regions), unseen) if is_worth_taking_apart(by_label) else (),
        )

    def of_parts(self, parts: Sequence[Part], unseen: str = "") -> tuple[tuple[Span, dict[str, float]], ...]:
        """A probability for each label, of every part as if it were all that was sent."""
        if not parts:
            return ()
        seen = stacked((part.text for part in parts), unseen)
        value = unit_rows(seen.value * self.scale[seen.index], seen.starts)
        scores = np.add.reduceat(value[:, None] * self.weights[seen.index], seen.starts) + self.bias
        rows = (1.0 / (1.0 + np.exp(-scores))).tolist()
        return tuple(
            (part.span, dict(zip(self.labels, row, strict=True))) for part, row in zip(parts, rows, strict=True)
        )

    def probabilities(self, seen: Features) -> list[float]:
        """For each label, of a report's features."""
        return self._probabilities(seen, self.scaled(seen))

    def _probabilities(self, seen: Features, value: npt.NDArray[np.float64]) -> list[float]:
        scores = value @ self.weights[seen.index] + self.bias
        return [float(p) for p in 1.0 / (1.0 + np.exp(-scores))]

    def by_subject(self, seen: Features) -> float:
        """The probability of in_scope by a report's subject alone."""
        subject = seen.of_subject()
        score = self.scaled(subject) @ self.headline[subject.index] + self.headline[-1]
        return float(1.0 / (1.0 + np.exp(-score)))

    def scaled(self, seen: Features) -> npt.NDArray[np.float64]:
        """The features' values as the weights want them: scaled, and of Euclidean length 1 again."""
        value: npt.NDArray[np.float64] = seen.value * self.scale[seen.index]
        return value / (float(np.linalg.norm(value)) or 1.0)

    def describe(self) -> str:
        """The report card, for people."""
        lines = [f"model {self.version}"]
        lines += [f"  {k:24} {v}" for k, v in self.card.items() if not isinstance(v, dict | list)]
        for name, row in self.card.get("labels", {}).items():
            figures = "  ".join(f"{k} {v:.2f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
            lines.append(f"  {name:24} {figures}")
        lines.append(
            "  thresholds               "
            + "  ".join(f"{f} {getattr(self.thresholds, f):.3f}" for f in self.thresholds.__slots__)
        )
        return "\n".join(lines)

    def _words(self, seen: Features, value: npt.NDArray[np.float64], label: str) -> tuple[tuple[str, str, float], ...]:
        added = self.weights[seen.index, self.labels.index(label)] * value
        top = np.argsort(-added)[: 4 * WORDS]
        named = ((label, name, round(float(added[i]), 3)) for i in top if added[i] > 0 and (name := seen.name(i)))
        return tuple(islice(named, WORDS))


def _unsound(meta: Any, scale: Any, weights: Any, bias: Any, subject: Any) -> str:
    """What is wrong with a file's contents, or ""."""
    if not isinstance(meta, dict) or meta.get("format") != FORMAT or meta.get("dimensions") != DIMENSIONS:
        return "was made by another version of triage; train it anew with `triage model train`"
    labels = meta.get("labels")
    if not isinstance(labels, list) or not all(isinstance(x, str) for x in labels) or len(set(labels)) != len(labels):
        return "names no labels"
    shapes = (scale.shape, weights.shape, bias.shape, subject.shape)
    if (
        shapes != ((DIMENSIONS,), (DIMENSIONS, len(labels)), (len(labels),), (DIMENSIONS + 1,))
        or weights.dtype != np.float32
    ):
        return "has arrays of another shape"
    if not all(np.isfinite(array).all() for array in (scale, weights, bias, subject)):
        return "holds weights that are no numbers"
    return _unusable(meta)


def _unusable(meta: Mapping[str, Any]) -> str:
    """What is wrong with the numbers beside the arrays, or ""."""
    fusion, thresholds = meta.get("fusion"), meta.get("thresholds")
    if not isinstance(fusion, dict) or set(fusion) != set(Fusion.__slots__):
        return "does not say how rules and model are weighed together"
    widths = {len(row) for row in fusion["dispositions"]}
    pair = {len(fusion["category"]), len(fusion["beside"])}
    if (
        widths != {len(fusion["middle"]) + 1}
        or len(fusion["middle"]) != len(fusion["spread"])
        or pair != {OF_CATEGORY + 1}
    ):
        return "weighs rules and model by numbers that do not fit together"
    known = set(Thresholds.__slots__)
    if (
        not isinstance(thresholds, dict)
        or set(thresholds) != known
        or not all(isinstance(v, float) for v in thresholds.values())
    ):
        return "has no thresholds"
    return ""


def _fusion(data: Mapping[str, Any]) -> Fusion:
    return Fusion(
        category=tuple(data["category"]),
        beside=tuple(data["beside"]),
        middle=tuple(data["middle"]),
        spread=tuple(data["spread"]),
        dispositions=tuple(tuple(row) for row in data["dispositions"]),
    )
