"""``nnunet-cipa weights``."""

import argparse


def register(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the subcommands."""
    parser = subparsers.add_parser("weights", help="bring weights from elsewhere into nnU-Net")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    importer = actions.add_parser(
        "import",
        parents=[common],
        help="a released CIPA or VMamba file to a file for -pretrained_weights",
        description="Turn a released CIPA file, or VMamba's ImageNet file (encoder only), into a file for "
        "nnUNetv2_train -pretrained_weights and for NNUNET_CIPA_ENCODER; a file of weights export becomes one again, "
        "as it is. Prints what became of each tensor. The released CIPA weights are for non-commercial research.",
    )
    importer.add_argument("source", metavar="SOURCE", help="the released file (.pth or .safetensors)")
    importer.add_argument("out", metavar="OUT", help="the file to write")
    importer.add_argument(
        "--patch-size",
        nargs=2,
        type=int,
        metavar=("H", "W"),
        help="patch size of the training that will load it, as its plans.json says (default: 512 512)",
    )
    importer.add_argument("--num-classes", type=int, metavar="N", help="classes, background included (default: 2)")
    importer.set_defaults(run=_import)
    _register_adapt(actions, common)
    exporter = actions.add_parser(
        "export",
        parents=[common],
        help="a checkpoint's weights as safetensors, or a model that nnU-Net predicts without nnUNet_extTrainer",
        description="Write the weights of a checkpoint as safetensors, which cannot hold code, with trainer, network "
        "arguments and labels in its metadata. weights adapt and weights import read it. With --stock, copy the "
        "folder of a trained model, under the name of nnU-Net's own trainer.",
    )
    exporter.add_argument(
        "source",
        metavar="SOURCE",
        help="checkpoint_final.pth, or a file of weights import or adapt; with --stock the folder of a trained model",
    )
    exporter.add_argument(
        "out", metavar="OUT", help="the file to write (.safetensors); with --stock a folder to use as nnUNet_results"
    )
    exporter.add_argument(
        "--stock",
        action="store_true",
        help="for prediction where this package is installed and nnUNet_extTrainer is not set",
    )
    exporter.set_defaults(run=_export)


def _register_adapt(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    adapter = actions.add_parser(
        "adapt",
        parents=[common],
        help="a checkpoint of this package to one that fits another training",
        description="Turn any checkpoint of this package into a file for nnUNetv2_train -pretrained_weights of another "
        "training: other data set, patch size, number of slices, SIM setting or classes. Prints what became of each "
        "tensor. The data set has to be planned.",
    )
    adapter.add_argument(
        "source", metavar="SOURCE", help="checkpoint_final.pth, or a file of weights import, adapt or export"
    )
    adapter.add_argument("out", metavar="OUT", help="the file to write")
    adapter.add_argument("--dataset-id", type=int, required=True, metavar="N", help="data set of the training")
    adapter.add_argument("--trainer", required=True, metavar="NAME", help="its trainer, as after -tr")
    adapter.add_argument("--plans", default="nnUNetPlans", metavar="NAME", help="its plans (default: %(default)s)")
    adapter.add_argument(
        "--configuration", default="2d", metavar="NAME", help="its configuration (default: %(default)s)"
    )
    adapter.set_defaults(run=_adapt)


def _import(args: argparse.Namespace) -> None:
    from nnunet_cipa.weights import import_weights  # noqa: PLC0415 - torch takes seconds to import

    print(import_weights(args.source, args.out, args.patch_size, args.num_classes))
    print(f"written: {args.out}")


def _adapt(args: argparse.Namespace) -> None:
    from nnunet_cipa.trainers.target import Target, resolve_target  # noqa: PLC0415 - torch takes seconds to import
    from nnunet_cipa.weights import adapt_weights  # noqa: PLC0415 - as above

    training = resolve_target(Target(args.dataset_id, args.trainer, args.plans, args.configuration))
    print(adapt_weights(args.source, args.out, training.build_network(), training.dataset_json))
    print(f"written: {args.out}")


def _export(args: argparse.Namespace) -> None:
    from nnunet_cipa.weights import export_stock, export_weights  # noqa: PLC0415 - torch takes seconds to import

    if args.stock:
        print(f"written: {export_stock(args.source, args.out)}")
        return
    print(f"tensors: {export_weights(args.source, args.out)} exported")
    print(f"written: {args.out}")
