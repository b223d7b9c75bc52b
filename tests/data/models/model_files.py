"""What both training scripts share: a deterministic start, and writing a TorchScript file with its manifest."""
import io
import json
import os
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
DATA = HERE.parent


def start(seed: int) -> None:
    """Call first: the same data, seed and torch version give the same files, byte for byte."""
    if os.environ.get("PYTHONHASHSEED") != "0":  # the exporter writes sets in the order of their hashes
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # sums in one order: the same weights on every run of one torch version
    torch.use_deterministic_algorithms(True)


def save(module: torch.nn.Module, name: str, manifest: dict, folder: Path = HERE) -> None:
    """Writes folder/NAME.pt (TorchScript of the module, set to eval) and folder/NAME.manifest.json."""
    scripted = torch.jit.script(module.eval())
    buffer = io.BytesIO()
    torch.jit.save(scripted, buffer)
    buffer.seek(0)
    reader = torch._C.PyTorchFileReader(buffer)
    writer = torch._C.PyTorchFileWriter(str(folder / f"{name}.pt"))
    for record in reader.get_all_records():
        # Debug records name the files of the machine that trained; the writer makes the ones under .data and
        # the version by itself.
        if record.endswith(".debug_pkl") or record == "version" or record.startswith(".data/"):
            continue
        body = reader.get_record(record)
        writer.write_record(record, body, len(body))
    writer.write_end_of_file()
    (folder / f"{name}.manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
