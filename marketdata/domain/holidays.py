"""Why exchanges are closed: names of holidays by rule and by official list, and sessions on days off. Pure data."""

from collections.abc import Mapping
from datetime import date, timedelta

from marketdata.domain.calendar import THURSDAY, easter

MONDAY = 0
CLOSED_FOR_ONCE = {
    **dict.fromkeys([date(2001, 9, day) for day in (11, 12, 13, 14)], "After the attacks of 11 September"),
    date(2004, 6, 11): "Day of mourning for President Reagan",
    date(2007, 1, 2): "Day of mourning for President Ford",
    date(2012, 10, 29): "Hurricane Sandy",
    date(2012, 10, 30): "Hurricane Sandy",
    date(2018, 12, 5): "Day of mourning for President Bush",
    date(2025, 1, 9): "Day of mourning for President Carter",
}
# The official list of NSE and BSE, weekdays only.
INDIA_2026 = {
    date(2026, 1, 15): "Municipal elections in Maharashtra",
    date(2026, 1, 26): "Republic Day",
    date(2026, 3, 3): "Holi",
    date(2026, 3, 26): "Shri Ram Navami",
    date(2026, 3, 31): "Shri Mahavir Jayanti",
    date(2026, 4, 3): "Good Friday",
    date(2026, 4, 14): "Dr. Baba Saheb Ambedkar Jayanti",
    date(2026, 5, 1): "Maharashtra Day",
    date(2026, 5, 28): "Bakri Id",
    date(2026, 6, 26): "Muharram",
    date(2026, 9, 14): "Ganesh Chaturthi",
    date(2026, 10, 2): "Mahatma Gandhi Jayanti",
    date(2026, 10, 20): "Dussehra",
    date(2026, 11, 10): "Diwali Balipratipada",
    date(2026, 11, 24): "Guru Nanak Jayanti",
    date(2026, 12, 25): "Christmas",
}
OFFICIAL: Mapping[str, Mapping[int, Mapping[date, str]]] = {"NSE": {2026: INDIA_2026}}
# Full sessions, at regular hours, on days that are not weekdays.
SPECIAL_SESSIONS: Mapping[str, Mapping[date, str]] = {
    "NSE": {date(2026, 2, 1): "Union Budget, a full session on a Sunday"}
}
_INDIA_FIXED = {
    (1, 26): "Republic Day",
    (4, 14): "Dr. Baba Saheb Ambedkar Jayanti",
    (5, 1): "Maharashtra Day",
    (8, 15): "Independence Day",
    (10, 2): "Mahatma Gandhi Jayanti",
    (12, 25): "Christmas",
}
UNNAMED = "Exchange holiday"


def holiday_name(country: str, day: date) -> str:
    """The name of a weekday on which a country's exchanges are closed, as far as a rule gives it."""
    if day == easter(day.year) - timedelta(days=2):
        return "Good Friday"
    if country == "US":
        return CLOSED_FOR_ONCE.get(day) or _us_name(day)
    if country == "IN":
        return INDIA_2026.get(day) or _INDIA_FIXED.get((day.month, day.day), UNNAMED)
    return UNNAMED


def _us_name(day: date) -> str:
    """By month, and by where in it; days kept on a Friday or a Monday are near their dates."""
    week = (day.day - 1) // 7 + 1
    third, fourth, last = week == 3, week == 4, day.day > 24
    rules = (
        ("New Year's Day", (day.month, day.day) in {(1, 1), (1, 2)}),
        ("Martin Luther King Jr. Day", day.month == 1 and day.weekday() == MONDAY and third),
        ("Washington's Birthday", day.month == 2 and day.weekday() == MONDAY and third),
        ("Memorial Day", day.month == 5 and day.weekday() == MONDAY and last),
        ("Juneteenth", day.month == 6 and 18 <= day.day <= 20),
        ("Independence Day", day.month == 7 and 3 <= day.day <= 5),
        ("Labor Day", day.month == 9 and day.weekday() == MONDAY and week == 1),
        ("Thanksgiving Day", day.month == 11 and day.weekday() == THURSDAY and fourth),
        ("Christmas Day", day.month == 12 and 24 <= day.day <= 26),
    )
    return next((name for name, holds in rules if holds), UNNAMED)
