"""From the options of ``benchmark report`` to what it is to report on."""

from nnunet_cipa.benchmark.report.collect import ReportRequest
from nnunet_cipa.benchmark.report.models import find_models, find_splits, raw_dataset
from nnunet_cipa.benchmark.report.options import ReportOptions
from nnunet_cipa.errors import CIPAError


def resolve_report(dataset: str, options: ReportOptions, command: str = "") -> ReportRequest:
    """Find what options name.

    Parameters
    ----------
    dataset : str
        Number or whole name of a data set.
    options : ReportOptions
        How the report is made.
    command : str
        What called for it.

    Raises
    ------
    CIPAError
        If something is not there, or the folder of the report is.
    """
    if options.out.exists():
        raise CIPAError(f"{options.out}: exists; remove it or choose another folder for the report")
    found = raw_dataset(dataset)
    models, record = find_models(found.name, options.trainers, options.benchmark)
    return ReportRequest(
        dataset=found,
        splits=find_splits(found),
        models=models,
        folds=options.folds or (record.folds if record else ()),
        tolerance_mm=options.tolerance_mm,
        settings=options.settings,
        processes=options.processes,
        audit=options.audit,
        calibrate=options.calibrate,
        record=record,
        command=command,
    )
