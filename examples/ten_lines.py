"""Build an attention unit that provably averages, run it on inputs of your own, and ask what is impossible."""

import torch

import assay

task = assay.SparseAveraging(length=1024, sparsity=8, dimension=4)
built = assay.build(task, method="sign", tolerance=0.05)
unit = built.network
print(f"width {built.guarantee.size.width}, error at most {built.guarantee.guaranteed_error:.3f} on every input")

values = torch.nn.functional.normalize(torch.randn(1, 1024, 4), dim=2)
pointers = torch.stack([torch.randperm(1024)[:8] for _ in range(1024)]).unsqueeze(0)
inputs = task.inputs(values, pointers)
print("largest error here:", task.answer.errors(unit(inputs), task.targets(inputs)).max().item())

unit.save("unit.safetensors")
assert torch.equal(assay.load("unit.safetensors")(inputs), unit(inputs))
