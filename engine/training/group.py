"""The processes that train one model together: `torchrun --standalone --nproc-per-node 2 -m interestgraph evaluate …`.

Each has the whole data and takes its part of the batches of a pass; gradients are averaged by DistributedDataParallel,
over NCCL where there are GPUs and over gloo on CPUs. The first process measures and writes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

_LETTING_GO_SECONDS: Final = 0.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainingGroup:
    """This process's place among those that train together.

    Attributes:
        rank: Its number, from 0.
        size: How many there are.
        device: Where it computes.
    """

    rank: int
    size: int
    device: torch.device

    @classmethod
    def join(cls) -> TrainingGroup:
        """Join the processes that torchrun started; a process on its own is a group of one."""
        # Other launchers set WORLD_SIZE too, for what does not train together.
        size = int(os.environ["WORLD_SIZE"]) if dist.is_torchelastic_launched() else 1
        cuda = torch.cuda.is_available()
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(device)
        if size < 2:
            return cls(0, 1, device)
        if not dist.is_initialized():
            dist.init_process_group("nccl" if cuda else "gloo")
        return cls(dist.get_rank(), size, device)

    @property
    def first(self) -> bool:
        """Whether this is the process that measures and writes."""
        return self.rank == 0

    def shared(self, module: nn.Module) -> nn.Module:
        """Give a module whose gradients are the mean over the processes."""
        if self.size == 1:
            return module
        devices = [self.device.index] if self.device.type == "cuda" else None
        # Which part a batch does not use differs: texts, sampled items.
        return DistributedDataParallel(module, device_ids=devices, find_unused_parameters=True)

    def part(self, whole: Sequence[T]) -> Sequence[T]:
        """Give this process's part; all get equally many, since they step together."""
        count = len(whole) // self.size * self.size
        return whole[self.rank : count : self.size] if count else whole

    def mean(self, value: float) -> float:
        """Give the mean of a number over the processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, device=self.device, dtype=torch.float64)
        dist.all_reduce(tensor)
        return float(tensor) / self.size

    def told(self, value: float) -> float:
        """Give what the first process says."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, device=self.device, dtype=torch.float64)
        dist.broadcast(tensor, 0)
        return float(tensor)

    def wait(self) -> None:
        """Wait until all are here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """End the group when all are here, as the last thing that a process does.

        DistributedDataParallel keeps gloo's threads alive for good. A thread that still lets go of a tensor while the
        interpreter ends aborts the process (pytorch/pytorch#179291), so they get the time for it.
        """
        self.wait()
        if self.size > 1:
            dist.destroy_process_group()
            time.sleep(_LETTING_GO_SECONDS)
