"""Trades as columns, made up: an honest crowd, and accounts that copy one of it."""

import numpy as np

from trading.domain.pairs_figures import SHOWN, Trades

START = 1_700_000_000_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND


def trades(account, listing, side, at, **more):
    """Columns as trades; `at` in microseconds from the start."""
    number = len(account)
    whole = {name: np.asarray(more.get(name, default), dtype=np.int64) for name, default in (
        ("order", np.arange(1, number + 1)), ("account", account), ("listing", listing), ("side", side),
        ("placed_us", np.asarray(at) + START), ("market_us", np.asarray(at) + START),
        ("tick", np.zeros(number)))}  # fmt: skip
    part = {name: np.asarray(more.get(name, default), dtype=np.float64) for name, default in (
        ("quantity", np.ones(number)), ("price", np.full(number, 100.0)), ("last", np.full(number, 100.0)),
        ("volume", np.full(number, 1e6)))}  # fmt: skip
    return Trades(**whole, **part)


def crowd(rng, people, hours, listings=4, most=50):
    """Honest traders: each at times of their own, a third of it when the news comes, which everyone reads alike."""
    blocks = []
    span = int(hours * 3600 * SECOND)
    news = rng.integers(0, span, 10)
    for account in range(1, people + 1):
        number = int(rng.integers(8, most))
        at, symbol = rng.integers(0, span, number), rng.integers(0, listings, number)
        side = np.where(rng.random(number) < 0.5, 1, -1)
        item, reads = rng.integers(0, 10, number), rng.random(number) < 0.33
        at[reads] = (news[item] + rng.exponential(6 * SECOND, number).astype(np.int64))[reads]
        symbol[reads], side[reads] = (item % listings)[reads], np.where(item % 2, 1, -1)[reads]
        blocks.append(np.stack([np.full(number, account), symbol, side, at]))
    return np.concatenate(blocks, axis=1)


def copy_of(rows, account, as_account, rng, *, flip=False, part=1.0):
    own = rows[:, rows[0] == account]
    own = own[:, rng.random(own.shape[1]) < part].copy()
    own[0] = as_account
    own[3] += rng.integers(SECOND // 2, 3 * SECOND, own.shape[1])
    if flip:
        own[2] *= -1
    return own


def found(leads):
    return {(lead.kind, lead.account, lead.other) for lead in leads if lead.score >= SHOWN}
