"""The embedded test provider. No money moves: it keeps objects of its own and tells about them like any other."""

from payments.adapters.sandbox.provider import SandboxProvider

_provider = SandboxProvider()


def provider() -> SandboxProvider:
    """The sandbox."""
    return _provider
