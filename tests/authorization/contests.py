"""Who may use the routes of contests beyond listing, joining and trading: places, desk, chat, fair play, arena."""

from collections.abc import Callable

from accounts.models import User
from contests.models import Appeal, Certificate, Comment, Finding, Participant, Sanction

_API = "api/v1/contests/<slug:slug>"
_PAGE = "contests/<slug:slug>"
ROUTES: dict[tuple[str, str], str] = {
    ("GET", "api/v1/arena"): "public",
    ("POST", "api/v1/arena/<slug:slug>/start"): "cleared",
    ("PATCH", _API): "moderator",
    ("POST", "api/v1/contests/preview"): "moderator",
    ("POST", f"{_API}/broadcast"): "moderator",
    ("POST", f"{_API}/certificate"): "self",
    ("GET", f"{_API}/comments"): "public",
    ("POST", f"{_API}/comments"): "self",
    ("DELETE", f"{_API}/comments/<int:comment_id>"): "owner",
    ("POST", f"{_API}/comments/<int:comment_id>/report"): "self",
    **{("GET", f"{_API}/{name}"): "public"
       for name in ("feed", "movers", "ranks/<int:account_id>", "timeline", "timeline/names")},
    **{("GET", f"{_API}/{name}"): "moderator"
       for name in ("appeals", "findings", "findings/<int:finding_id>", "mutes")},
    **{("POST", f"{_API}/{name}"): "moderator"
       for name in ("appeals/<int:appeal_id>/answer", "findings/<int:finding_id>/dismiss",
                    "findings/<int:finding_id>/uphold", "sanctions")},
    **{(method, f"{_API}/mutes/<int:user_id>"): "moderator" for method in ("PUT", "DELETE")},
    ("POST", f"{_API}/reset"): "self",
    ("GET", f"{_API}/sanctions"): "self",
    ("POST", f"{_API}/sanctions/<int:sanction_id>/appeal"): "owner",
    ("GET", f"{_API}/team"): "self",
    ("POST", f"{_API}/team"): "cleared",
    ("POST", f"{_API}/wait"): "cleared",
    ("DELETE", f"{_API}/wait"): "self",
    ("GET", "api/v1/following"): "self",
    ("GET", "api/v1/following/feed"): "self",
    **{(method, "api/v1/following/<int:user_id>"): "self" for method in ("PUT", "DELETE")},
    ("GET", "api/v1/moderation/comments"): "moderator",
    **{("POST", f"api/v1/moderation/comments/<int:comment_id>/{verb}"): "moderator"
       for verb in ("hide", "keep", "unhide")},
    ("GET", "arena"): "public",
    ("POST", "arena/<slug:slug>/start"): "self",
    ("GET", "certificates/<slug:code>"): "public",
    ("GET", "certificates/<slug:code>.pdf"): "public",
    **{("GET", f"{_PAGE}/{name}"): "public" for name in ("card.png", "chat", "feed", "moves", "rewatch")},
    **{("POST", f"{_PAGE}/{name}"): "self"
       for name in ("anew", "certificate", "chat", "chat/<int:comment_id>/report", "team/join", "team/leave",
                    "team/rename", "wait", "wait/end")},
    ("POST", f"{_PAGE}/chat/<int:comment_id>/remove"): "owner",
    **{("GET", f"{_PAGE}/{name}"): "moderator" for name in ("desk", "desk/people")},
    **{("POST", f"{_PAGE}/desk/{name}"): "moderator"
       for name in ("cancel", "change", "end", "message", "pause", "resume", "schedule", "settle", "start",
                    "template")},
    ("GET", f"{_PAGE}/fair-play"): "self",
    ("POST", f"{_PAGE}/fair-play/<int:sanction_id>/appeal"): "owner",
    ("GET", "embed/contests/<slug:slug>"): "public",
    ("GET", "following"): "self",
    ("GET", "traders/<int:user_id>/follow"): "public",
    ("POST", "traders/<int:user_id>/follow"): "self",
    **{("GET", f"moderation/{name}"): "moderator"
       for name in ("comments", "fair-play", "fair-play/<int:finding_id>", "fair-play/appeals")},
    **{("POST", f"moderation/{name}"): "moderator"
       for name in ("comments/<int:comment_id>/<slug:verb>", "contests/<slug:slug>/unmute/<int:user_id>",
                    "fair-play/<int:finding_id>/dismiss", "fair-play/<int:finding_id>/uphold",
                    "fair-play/appeals/<int:appeal_id>", "participants/<int:participant_id>/sanction")},
}  # fmt: skip
# Where a key of the scope `trade` may write.
KEY_WRITES = frozenset(
    {
        ("POST", "api/v1/arena/<slug:slug>/start"),
        ("POST", f"{_API}/comments"),
        ("DELETE", f"{_API}/comments/<int:comment_id>"),
        ("POST", f"{_API}/comments/<int:comment_id>/report"),
        ("POST", f"{_API}/reset"),
        ("POST", f"{_API}/sanctions/<int:sanction_id>/appeal"),
        ("POST", f"{_API}/wait"),
        ("DELETE", f"{_API}/wait"),
        *((method, "api/v1/following/<int:user_id>") for method in ("PUT", "DELETE")),
    }
)
# What there is only for who is in a contest, a team or a queue, or of what is over: nothing to find is no refusal.
ABSENT = frozenset(
    {
        ("POST", "api/v1/arena/<slug:slug>/start"),
        ("POST", "arena/<slug:slug>/start"),
        *((method, f"{start}/{name}") for start in (_API, _PAGE) for method, name in (
            ("POST", "certificate"), ("POST", "reset"), ("POST", "anew"), ("POST", "team/leave"),
            ("POST", "team/rename"), ("POST", "wait/end"), ("GET", "fair-play"), ("POST", "comments"),
            ("POST", "chat"))),
        ("GET", "certificates/<slug:code>"),
        ("GET", "certificates/<slug:code>.pdf"),
        ("GET", f"{_API}/team"),
        ("DELETE", f"{_API}/wait"),
        ("GET", f"{_API}/sanctions"),
        ("DELETE", f"{_API}/mutes/<int:user_id>"),
        ("POST", "moderation/contests/<slug:slug>/unmute/<int:user_id>"),
    }
)  # fmt: skip
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", f"{_API}/broadcast"): {"body": "Hello."},
    ("POST", f"{_API}/comments"): {"body": "Hello."},
    ("POST", f"{_API}/team"): {"action": "join", "team_code": "nonsense"},
    ("POST", f"{_API}/sanctions/<int:sanction_id>/appeal"): {"body": "It was not as it seemed to you."},
    ("POST", f"{_PAGE}/fair-play/<int:sanction_id>/appeal"): {"body": "It was not as it seemed to you."},
}


def _place(owner: User) -> Participant:
    return Participant.objects.select_related("contest").get(user=owner)


def _finding(owner: User) -> int:
    place = _place(owner)
    made, _ = Finding.objects.get_or_create(
        contest=place.contest, kind="stale_prices", participant=place, other=None,
        defaults={"score": 70, "evidence": {"trades": 9, "late": 8, "late_and_gained": 7, "expected": 2, "decades": 4}},
    )  # fmt: skip
    return made.pk


def _sanction(owner: User) -> int:
    place = _place(owner)
    found = Sanction.objects.filter(participant=place, kind="warn").first()
    return (found or Sanction.objects.create(participant=place, kind="warn", reason="A warning.")).pk


def _appeal(owner: User) -> int:
    place = _place(owner)
    answered = Sanction.objects.filter(participant=place, kind="exclude").first()
    answered = answered or Sanction.objects.create(participant=place, kind="exclude", reason="Taken out.")
    return Appeal.objects.get_or_create(sanction=answered, defaults={"body": "No."})[0].pk


def _comment(owner: User) -> int:
    return Comment.objects.get_or_create(contest=_place(owner).contest, author=owner, body="Hello.")[0].pk


def _certificate(owner: User) -> str:
    return Certificate.objects.get_or_create(participant=_place(owner), defaults={"code": "0" * 20})[0].code


ARGS: dict[str, Callable[[User], object]] = {
    "<int:finding_id>": _finding,
    "<int:sanction_id>": _sanction,
    "<int:appeal_id>": _appeal,
    "<int:comment_id>": _comment,
    "<int:participant_id>": lambda owner: _place(owner).pk,
    "<slug:code>": _certificate,
    "<slug:verb>": lambda owner: "keep",
}
