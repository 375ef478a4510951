"""Numbers from hashes: the same ones for the same words, whatever else is drawn. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

GOLDEN, _MIX1, _MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(words: Words) -> Words:
    """The finalizer of SplitMix64 over an array: well-mixed 64 bits each."""
    words = words + GOLDEN
    words = (words ^ (words >> np.uint64(30))) * _MIX1
    words = (words ^ (words >> np.uint64(27))) * _MIX2
    return words ^ (words >> np.uint64(31))


def uniform(words: Words) -> Floats:
    """Numbers in [0, 1) from mixed words."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(words: Words) -> Floats:
    """Nearly normal numbers (the sum of four uniform ones, at most 3.46 deviations) from mixed words."""
    part = np.uint64(0xFFFF)
    total = (words & part) + ((words >> np.uint64(16)) & part) + ((words >> np.uint64(32)) & part)
    total = total + (words >> np.uint64(48))
    return np.asarray((total.astype(np.float64) / 65_536.0 - 2.0 + 2.0 / 65_536.0) * np.sqrt(3.0), dtype=np.float64)
