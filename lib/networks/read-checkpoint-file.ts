import { withFileRanges } from "../checkpoints/file-ranges";
import { toFiniteFloat32 } from "../checkpoints/float32-weights";
import { beginsLikePyTorch, readPyTorch, type CheckpointTensors } from "../checkpoints/read-pytorch";
import { underNetworkNames } from "../checkpoints/weight-names";
import type { Tensor } from "../onnx/model";
import { readSafetensors } from "./safetensors";

/**
 * The weights of a .safetensors file or of a PyTorch checkpoint (.pth, .pt, .ckpt; by content, not by name), under the
 * names that the network gives them: prefixes of wrappers are taken off and old DenseNet names brought to today's.
 * float16, bfloat16 and float64 become float32; whole numbers stay as they are. Nothing in the file is executed.
 * @throws UserError "file.unreadable"; ModelError "checkpoint.…" or "safetensors.…"
 */
export async function readCheckpointFile(file: string): Promise<CheckpointTensors> {
  const { tensors, format, notes } = await withFileRanges(file, async (ranges) =>
    beginsLikePyTorch(await ranges.read(0, Math.min(ranges.size, 8)))
      ? await readPyTorch(ranges)
      : fromSafetensors(readSafetensors(await ranges.read(0, ranges.size))),
  );
  const named = underNetworkNames(tensors);
  return { tensors: named.tensors, format, notes: [...notes, ...named.notes] };
}

/** Converted in place, one after the other, so that each tensor's bytes can be let go. */
function fromSafetensors(tensors: Map<string, Tensor>): CheckpointTensors {
  for (const [name, tensor] of tensors) tensors.set(name, toFiniteFloat32(name, tensor));
  return { tensors, format: "safetensors", notes: [] };
}
