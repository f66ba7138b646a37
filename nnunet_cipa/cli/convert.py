"""``nnunet-cipa convert``, with a command for each data set that has registered a converter."""

import functools
import sys
from typing import Any

from nnunet_cipa.cli.command import Command, Group
from nnunet_cipa.dataset_conversion.registry import Converter, converters
from nnunet_cipa.errors import CIPAError, listed


def _command(converter: Converter) -> Command:
    @functools.wraps(converter.convert)
    def convert(**given: Any) -> None:
        conversion = converter.convert(**given)
        print("\n".join(conversion.told))
        for failure in conversion.failures:
            print(f"patient {failure.patient} was not converted: {listed(failure.problems)}", file=sys.stderr)
        for warning in conversion.warnings:
            print(f"nnunet-cipa: warning: {warning}", file=sys.stderr)
        if conversion.failures:
            raise CIPAError(
                f"{conversion.written} patients were converted, {len(conversion.failures)} failed, as told above; "
                "correct them and convert again with --overwrite"
            )

    return Command(converter.name, converter.summary, convert)


COMMAND = Group("convert", "write a data set to nnUNet_raw", "DATASET", [_command(one) for one in converters()])
