"""Packages that only some of what is written needs."""

from nnunet_cipa.errors import CIPAError


def import_highdicom(option: str) -> None:
    """Import highdicom, for what an option asks for.

    Raises
    ------
    CIPAError
        If it is not installed.
    """
    try:
        import highdicom  # noqa: F401, PLC0415 - an optional dependency
    except ImportError as error:
        raise CIPAError(
            f"{option} needs highdicom ({error}); install it with pip install 'nnunet-cipa[seg]'"
        ) from error
