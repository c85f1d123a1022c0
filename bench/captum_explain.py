"""Captum's integrated gradients of one image, for bench/explain.ts to ask in between its own rounds.

    python bench/captum_explain.py THREADS

Reads an order a line (JSON: network, layout, at_once, image, baseline, map, target, steps, clock) and answers with seconds and the
logit; the map goes into a file of float32. Steps and quadrature are Captum's own defaults (50, gausslegendre). Networks and
weights are the reference's (CYTOLENS_REFERENCE/oracle/generate), so both sides explain the same function.
"""

import json
import os
import sys
import time

import numpy
import torch
from captum.attr import IntegratedGradients

sys.path.insert(0, os.path.join(os.environ["CYTOLENS_REFERENCE"], "oracle", "generate"))
import architectures  # noqa: E402

torch.set_num_threads(int(sys.argv[1]))
models = {}


def model_of(name, layout):
    key = name, layout
    if key not in models:
        for other in [other for other in models if other[0] != name]:
            del models[other]
        memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        models[key] = architectures.build(name).float().eval().to(memory_format=memory_format).requires_grad_(False)
    return models[key]


def image_from(path, layout):
    image = torch.from_numpy(numpy.fromfile(path, dtype=numpy.float32).reshape(1, 3, 224, 224))
    return image.to(memory_format=torch.channels_last) if layout == "channels_last" else image


for line in sys.stdin:
    order = json.loads(line)
    model = model_of(order["network"], order["layout"])
    image, baseline = (image_from(order[name], order["layout"]) for name in ("image", "baseline"))
    with torch.no_grad():
        logit = model(image)[0, order["target"]].item()
    now = time.process_time if order["clock"] == "cpu" else time.perf_counter
    start = now()
    attribution = IntegratedGradients(model).attribute(
        image, baselines=baseline, target=order["target"], n_steps=order["steps"], internal_batch_size=order["at_once"]
    )
    seconds = now() - start
    attribution.detach().contiguous().numpy().astype(numpy.float32).tofile(order["map"])
    print(json.dumps({"seconds": seconds, "logit": logit}), flush=True)
