import { withFileRanges } from "../checkpoints/file-ranges";
import { toFiniteFloat32 } from "../checkpoints/float32-weights";
import { beginsLikePyTorch, readPyTorch, type CheckpointTensors } from "../checkpoints/read-pytorch";
import { underNetworkNames } from "../checkpoints/weight-names";
import { readSafetensorsFrom } from "./safetensors";

/**
 * The weights of a .safetensors file or of a PyTorch checkpoint (.pth, .pt, .ckpt; by content, not by name), under the
 * names that the network gives them: prefixes of wrappers are taken off and old DenseNet names brought to today's.
 * float16, bfloat16 and float64 become float32; whole numbers stay as they are. Nothing in the file is executed.
 * @throws UserError "file.unreadable"; ModelError "checkpoint.…" or "safetensors.…"
 */
export async function readCheckpointFile(file: string): Promise<CheckpointTensors> {
  const { tensors, format, notes } = await withFileRanges(file, async (ranges): Promise<CheckpointTensors> => {
    const beginning = await ranges.read(0, Math.min(ranges.size, 8));
    if (beginsLikePyTorch(beginning)) return await readPyTorch(ranges);
    return { tensors: await readSafetensorsFrom(ranges, toFiniteFloat32), format: "safetensors", notes: [] };
  });
  const named = underNetworkNames(tensors);
  return { tensors: named.tensors, format, notes: [...notes, ...named.notes] };
}
