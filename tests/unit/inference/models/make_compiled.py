#!/usr/bin/env python3
"""Makes compiled.pt2, an AOTInductor package: y = 2 x + 1 over rows of three numbers, for x86-64 with any instructions.

Needs torch 2.13 (the version whose libraries run it), a C++ compiler and strip. The library is stripped, so that the
file stays small:  python3 make_compiled.py
"""
import pathlib
import subprocess
import tempfile
import zipfile

import torch

HERE = pathlib.Path(__file__).parent


class Line(torch.nn.Module):
    def forward(self, x):
        return 2 * x + 1


def main():
    with tempfile.TemporaryDirectory() as folder:
        package = pathlib.Path(folder) / "compiled.pt2"
        rows = torch.export.Dim("rows", min=1, max=64)
        program = torch.export.export(Line(), (torch.rand(2, 3),), dynamic_shapes={"x": {0: rows}})
        torch._inductor.aoti_compile_and_package(
            program, package_path=str(package), inductor_configs={"cpp.simdlen": 1, "cpp.threads": 1}
        )
        with zipfile.ZipFile(package) as whole, zipfile.ZipFile(HERE / "compiled.pt2", "w") as small:
            for entry in whole.infolist():
                content = whole.read(entry)
                if entry.filename.endswith(".cpp"):
                    continue  # the source of what is compiled
                if entry.filename.endswith(".so"):
                    library = pathlib.Path(folder) / "library.so"
                    library.write_bytes(content)
                    subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)
                    content = library.read_bytes()
                small.writestr(entry.filename, content)


main()
