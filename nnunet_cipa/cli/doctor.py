"""``nnunet-cipa doctor``."""

from nnunet_cipa.cli.command import Command
from nnunet_cipa.errors import CIPAError


def doctor() -> None:
    """Print versions, devices, scan backends (which is used, why the others are not) and nnU-Net's variables.

    Ends with status 1 if training cannot run.
    """
    from nnunet_cipa.doctor import examine  # noqa: PLC0415 - torch takes seconds to import

    findings = examine()
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            print(f"\n{section}")
        print(finding)
    problems = [finding for finding in findings if finding.problem]
    if problems:
        names = ", ".join(finding.name for finding in problems)
        raise CIPAError(f"training cannot run here yet: {names}; what to do is said above")
    print("\ntraining can run here")


COMMAND = Command("doctor", "say whether training can run here, and what is missing", doctor)
