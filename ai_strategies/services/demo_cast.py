"""Who is in the demo."""

from typing import Any

# role, email, display name. The operator runs the platform; the trader is for whoever tries it out.
PEOPLE: tuple[tuple[str, str, str], ...] = (
    ("operator", "operator@arena.example", "Operator"),
    ("trader", "trader@arena.example", "Demo Trader"),
    ("extra", "mara@arena.example", "Mara Lindqvist"),
    ("extra", "tomas@arena.example", "Tomás Okafor"),
)

ARENA_SYMBOLS = ("NOVQ", "ORBX", "QNTL", "CVLQ", "VITQ", "PYRQ", "SLQS", "HOLQ", "TALV", "BRYO", "WRNF", "ZPHN")
# Two of them (FJRD, CVLQ) split soon after the contest on margin begins; most pay a dividend each quarter.
MARGIN_SYMBOLS = ("FJRD", "CVLQ", "QNTL", "VITQ", "MYLR", "PYRQ", "GRYN", "HOLQ", "KESL", "OSTL", "IVRX", "UMBK")

AGENTS: tuple[dict[str, Any], ...] = (
    {
        "key": "ballast",
        "name": "Ballast",
        "strategy": "buy_and_hold",
        "title": "Buys everything once",
        "bio": "Buys an equal share of every symbol on the first print and never trades again. If you cannot beat "
        "Ballast, trading was not worth the trouble.",
    },
    {
        "key": "goldcross",
        "name": "Goldcross",
        "strategy": "sma_crossover",
        "params": {"fast": 20, "slow": 50, "band_bps": 20, "on_crossing": 0},
        "title": "Follows the 20 and 50 day averages",
        "bio": "Buys when the 20-day average rises above the 50-day one and leaves when it falls back. Late to every "
        "party, early out of every crash.",
    },
    {
        "key": "slowtide",
        "name": "Slow Tide",
        "strategy": "sma_crossover",
        "params": {"fast": 50, "slow": 200, "positions": 8, "band_bps": 20, "on_crossing": 0},
        "title": "Follows the 50 and 200 day averages",
        "bio": "The same idea as Goldcross, four times slower. Trades a handful of times a year.",
    },
    {
        "key": "pacer",
        "name": "Pacer",
        "strategy": "momentum",
        "params": {"lookback": 90, "top": 4, "every_days": 5},
        "title": "Holds the four strongest",
        "bio": "Once a week, ranks every symbol by its last ninety days and holds the four strongest. Never asks why.",
    },
    {
        "key": "rubberband",
        "name": "Rubberband",
        "strategy": "mean_reversion",
        "params": {"window": 20, "entry": 2.0},
        "title": "Buys what fell too far",
        "bio": "Believes that what falls two standard deviations below its average comes back. Mostly right, until it "
        "is not.",
    },
    {
        "key": "breakwater",
        "name": "Breakwater",
        "strategy": "breakout",
        "params": {"entry_days": 55, "exit_days": 20},
        "title": "Buys new highs",
        "bio": "Waits for a price above everything of the last 55 days, holds it until a 20-day low. Many small "
        "losses, few large gains.",
    },
    {
        "key": "evenkeel",
        "name": "Even Keel",
        "strategy": "volatility_target",
        "params": {"target_pct": 12},
        "title": "Keeps the swings at 12% a year",
        "bio": "Holds more of what is calm and less of what is wild, and goes to cash when everything swings.",
    },
    {
        "key": "coinflip",
        "name": "Coinflip",
        "strategy": "random",
        "params": {"chance_pct": 12},
        "title": "Tosses a coin",
        "bio": "Pure seeded chance. Whoever is behind Coinflip was not unlucky.",
    },
)
