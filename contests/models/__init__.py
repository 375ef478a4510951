"""The tables of contests; each module holds those of one concern."""

from contests.models.core import Award, Contest, Entry, Participant, StandingSnapshot
from contests.models.fairness import Appeal, Finding, Sanction
from contests.models.places import Team, TeamMember, Waiting
from contests.models.records import Broadcast, Certificate, ContestTemplate, ScoreState
from contests.models.social import Comment, CommentReport, Follow, Mute

__all__ = [
    "Appeal",
    "Award",
    "Broadcast",
    "Certificate",
    "Comment",
    "CommentReport",
    "Contest",
    "ContestTemplate",
    "Entry",
    "Finding",
    "Follow",
    "Mute",
    "Participant",
    "Sanction",
    "ScoreState",
    "StandingSnapshot",
    "Team",
    "TeamMember",
    "Waiting",
]
