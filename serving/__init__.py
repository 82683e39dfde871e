"""HTTP and command line over ``model``. Nothing here imports torch."""

import os

# onnxruntime would send events about models and this machine to its maker, and keep them in a file until it can.
# It reads this when it is imported, which happens after this line.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
