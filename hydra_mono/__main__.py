"""``python -m hydra_mono`` is ``hydra-mono``."""

import sys

from hydra_mono.cli import main

sys.exit(main())
