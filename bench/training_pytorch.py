"""The same training steps as bench/training.ts in PyTorch eager: python training_pytorch.py densenet121 224 16 2"""
import json
import resource
import sys
import time

import torch
import torchvision

name, size, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(1)
network = getattr(torchvision.models, name)(num_classes=5).train()
optimiser = torch.optim.Adam(network.parameters(), 1e-3)
images, labels = torch.randn(batch, 3, size, size), torch.arange(batch) % 5
times = []
for step in range(5):
    started = time.perf_counter()
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(network(images), labels).backward()
    optimiser.step()
    times.append(time.perf_counter() - started)
middle = sorted(times[1:])[2]
print(json.dumps({"pytorch": torch.__version__, "imagesPerSecond": round(batch / middle, 2), "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
