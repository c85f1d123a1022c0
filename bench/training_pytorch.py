"""Training steps in PyTorch eager, for bench/training.ts to ask in between its own.

    python bench/training_pytorch.py THREADS

Reads lines "step NETWORK SIZE BATCH LAYOUT CLOCK" (layout: contiguous or channels_last; clock: wall or cpu) and answers each with the
milliseconds of one step: forward, backward, Adam. "memory" is answered with the peak of this process in MiB. Networks are the reference's
(CYTOLENS_REFERENCE/oracle/generate); EfficientNet-Lite0 is that of the package efficientnet-lite-pytorch, in training mode.
"""

import os
import resource
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.environ["CYTOLENS_REFERENCE"], "oracle", "generate"))
import architectures  # noqa: E402

classes = 5
torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)
live = {}


def build(name):
    if name == "densenet-rca-small":
        return architectures.DenseNet(growth=12, blocks=(4, 8, 12, 8), init=24, classes=classes, attention=4)
    if name == "efficientnet-lite0":
        from efficientnet_lite_pytorch import EfficientNet

        return EfficientNet.from_name(name, num_classes=classes)
    kind, options, _ = architectures.CATALOGUE[name]
    return kind(**options)


def step(name, size, batch, layout):
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    key = name, size, batch, layout
    if key not in live:
        network = build(name).train().to(memory_format=memory_format)
        images = torch.randn(batch, 3, size, size).to(memory_format=memory_format)
        live[key] = network, torch.optim.Adam(network.parameters(), 1e-3), images, torch.arange(batch) % classes
    network, optimiser, images, labels = live[key]
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(network(images), labels).backward()
    optimiser.step()


for line in sys.stdin:
    order, *words = line.split()
    if order == "memory":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
        continue
    name, size, batch, layout, clock = words
    now = time.process_time if clock == "cpu" else time.perf_counter
    start = now()
    step(name, int(size), int(batch), layout)
    print((now() - start) * 1e3, flush=True)
