"""Pages of the contests app. The page of one contest shows agents too, so it lives in ai_strategies."""

from django.urls import path

from contests.web import arena, comments, console, embed, fairplay, pages, parts, places, rewatch, social

urlpatterns = [
    path("arena", arena.arena, name="contest-arena"),
    path("arena/<slug:slug>/start", arena.arena_begin, name="contest-arena-start"),
    path("contests/<slug:slug>/rewatch", rewatch.contest_rewatch, name="contest-rewatch"),
    path("contests", pages.contest_list, name="contest-list"),
    path("contests/new", pages.contest_new, name="contest-new"),
    path("contests/<slug:slug>/standings.csv", pages.contest_csv, name="contest-csv"),
    path("contests/<slug:slug>/standing", pages.contest_standing, name="contest-standing"),
    path("contests/<slug:slug>/withdraw", pages.contest_leave, name="contest-leave"),
    path("contests/<slug:slug>/join", pages.contest_enter, name="contest-join"),
    path("contests/<slug:slug>/moves", parts.contest_moves, name="contest-moves"),
    path("contests/<slug:slug>/wait", places.contest_wait, name="contest-wait"),
    path("contests/<slug:slug>/wait/end", places.contest_wait_end, name="contest-wait-end"),
    *[
        path(f"contests/<slug:slug>/team/{verb}", places.contest_team, {"verb": verb}, name=f"contest-team-{verb}")
        for verb in ("join", "leave", "rename")
    ],
    path("contests/<slug:slug>/anew", places.contest_anew, name="contest-anew"),
    path("contests/<slug:slug>/certificate", places.contest_certificate, name="contest-certificate"),
    path("certificates/<slug:code>", places.certificate, name="certificate"),
    path("certificates/<slug:code>.pdf", places.certificate_file, name="certificate-file"),
    path("contests/<slug:slug>/desk", console.contest_desk, name="contest-desk"),
    path("contests/<slug:slug>/desk/people", console.contest_people, name="contest-people"),
    path("contests/<slug:slug>/desk/change", console.contest_change, name="contest-change"),
    path("contests/<slug:slug>/desk/template", console.contest_keep, name="contest-keep"),
    path("contests/<slug:slug>/desk/message", console.contest_broadcast, name="contest-broadcast"),
    *[
        path(f"contests/<slug:slug>/desk/{verb}", console.contest_move, {"verb": verb}, name=f"contest-move-{verb}")
        for verb in console.MOVES
    ],
    path("contests/<slug:slug>/chat", comments.chat, name="contest-chat"),
    path("contests/<slug:slug>/chat/<int:comment_id>/report", comments.chat_report, name="contest-chat-report"),
    path("contests/<slug:slug>/chat/<int:comment_id>/remove", comments.chat_remove, name="contest-chat-remove"),
    path("contests/<slug:slug>/feed", social.feed, name="contest-feed"),
    path("contests/<slug:slug>/card.png", social.card, name="contest-card"),
    path("embed/contests/<slug:slug>", embed.embed, name="contest-embed"),
    path("following", social.following, name="following"),
    path("traders/<int:user_id>/follow", social.trader_follow, name="trader-follow"),
    path("moderation/comments", comments.moderation, name="moderation-comments"),
    path("moderation/comments/<int:comment_id>/<slug:verb>", comments.moderate, name="moderation-act"),
    path("moderation/contests/<slug:slug>/unmute/<int:user_id>", comments.unmute, name="moderation-unmute"),
    *fairplay.urlpatterns,
]
