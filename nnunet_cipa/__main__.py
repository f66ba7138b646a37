"""``python -m nnunet_cipa`` is the program ``nnunet-cipa``."""

import sys

from nnunet_cipa.cli import main

if __name__ == "__main__":
    sys.exit(main())
