"""Brings the database up to date in one Django process: migrations, schedule, market data, the demo."""

import sys

EVERY_RELEASE = (
    "sync_schedule",
    "sync_roles",
    "sync_plans",
    "publish_legal_texts",
    "review_clearances",
    "setup_market_data",
    "setup_practice",
    "setup_templates",
    "sync_prop_plans",
)


def main(argv: list[str]) -> int:
    """Run the steps; the demo, asked for by `--demo`, may fail without keeping the platform from starting."""
    import django
    from django.core.management import call_command, get_commands

    django.setup()
    known = get_commands()
    call_command("migrate", interactive=False, verbosity=1 if "--verbose" in argv else 0)
    for command in EVERY_RELEASE:
        if command in known:
            call_command(command)
    if "--demo" in argv and "seed_demo" in known:
        try:
            call_command("seed_demo")
            # The ready templates play the demo's history, with its agents.
            call_command("setup_templates")
        except Exception as error:
            sys.stderr.write(f"seed_demo failed, the platform starts without its demo: {error!r}\n")
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
