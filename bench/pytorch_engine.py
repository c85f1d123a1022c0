"""Input gradients in PyTorch eager, for bench/engine.ts to ask in between its own rounds.

    python bench/pytorch_engine.py THREADS

Reads lines "NETWORK BATCH LAYOUT CLOCK" (layout: contiguous or channels_last; clock: wall or cpu), and answers each with milliseconds
an image of one forward and backward pass. Networks and weights are the reference's (CYTOLENS_REFERENCE/oracle/generate), so both sides compute the same.
"""

import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.environ["CYTOLENS_REFERENCE"], "oracle", "generate"))
import architectures  # noqa: E402

torch.set_num_threads(int(sys.argv[1]))
models = {}

for line in sys.stdin:
    name, batch, layout, clock = line.split()
    now = time.process_time if clock == "cpu" else time.perf_counter
    key = name, layout
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    if key not in models:
        models = {other: kept for other, kept in models.items() if other[0] == name}
        model = architectures.build(name).float().to(memory_format=memory_format)
        models[key] = model.requires_grad_(False)
    model = models[key]
    x = torch.randn(int(batch), 3, 224, 224).to(memory_format=memory_format).requires_grad_()
    start = now()
    logits = model(x)
    logits[:, 2].sum().backward()
    print((now() - start) * 1e3 / int(batch), flush=True)
