"""The rule engine: rules as data, verdicts with evidence. Pure. docs/rules.md is the reference."""

from trading.domain.rules.correct import reevaluate
from trading.domain.rules.eligibility import payout_eligibility, scaling_due, second_chance
from trading.domain.rules.evidence_file import verify_file, with_checksums
from trading.domain.rules.facts import (
    Closing,
    FillFact,
    NewsEvent,
    Observation,
    OrderFacts,
    PayoutFacts,
    PositionFact,
)
from trading.domain.rules.fills import record_fill
from trading.domain.rules.floors import floor_minor, target_minor
from trading.domain.rules.marks import evaluate_mark, raise_high_water, reopen, roll_day
from trading.domain.rules.phase import phase_result
from trading.domain.rules.pretrade import pre_trade
from trading.domain.rules.records import marks_lowered, record_correction, record_payout, record_scaling
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.schema import rule_set_schema
from trading.domain.rules.state import RuleState, held, released, start
from trading.domain.rules.sweep import Lines, Sweep, lines
from trading.domain.rules.times import Reset, next_reset
from trading.domain.rules.verdicts import Verdict
from trading.domain.rules.verify import Verification, verify
from trading.domain.rules.words import rule_set_words, words

__all__ = [
    "Closing",
    "FillFact",
    "Lines",
    "NewsEvent",
    "Observation",
    "OrderFacts",
    "PayoutFacts",
    "PositionFact",
    "Reset",
    "RuleSet",
    "RuleState",
    "Sweep",
    "Verdict",
    "Verification",
    "evaluate_mark",
    "floor_minor",
    "held",
    "lines",
    "marks_lowered",
    "next_reset",
    "payout_eligibility",
    "phase_result",
    "pre_trade",
    "raise_high_water",
    "record_correction",
    "record_fill",
    "record_payout",
    "record_scaling",
    "reevaluate",
    "released",
    "reopen",
    "roll_day",
    "rule_set_schema",
    "rule_set_words",
    "scaling_due",
    "second_chance",
    "start",
    "target_minor",
    "verify",
    "verify_file",
    "with_checksums",
    "words",
]
