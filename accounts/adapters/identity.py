"""Who checks identities."""

from accounts.domain.identity import Application, Decision, IdentityProvider


class ManualProvider:
    """People of the platform look at the documents, in the administration."""

    name = "manual"

    def examine(self, application: Application) -> Decision | None:  # noqa: ARG002
        """Never decides by itself."""
        return None


_provider: IdentityProvider = ManualProvider()


def provider() -> IdentityProvider:
    """The provider in use."""
    return _provider


def provider_use(other: IdentityProvider) -> None:
    """Let another provider check; called once, when the platform starts."""
    global _provider
    _provider = other
