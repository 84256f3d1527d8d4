"""Writes the generated modules into gen/: python generate.py"""

import shutil
import sys
import sysconfig
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
PROTO = HERE.parents[2] / "proto"
OUT = HERE / "gen"

shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir()
sys.exit(
    protoc.main(
        [
            "protoc",
            f"--proto_path={PROTO}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            # googleapis-common-protos: google/rpc
            f"--proto_path={sysconfig.get_path('purelib')}",
            f"--python_out={OUT}",
            f"--pyi_out={OUT}",
            f"--grpc_python_out={OUT}",
            *(str(file) for file in sorted(PROTO.rglob("*.proto"))),
        ]
    )
)
