import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { evaluateModel } from "../../lib/evaluation/evaluate-model";
import { drawImage, writeSmallModel } from "../local/small-bucket";

test("of train/, val/, test/ the test folder is evaluated, and it is said; another part when it is asked for", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "evaluate-parts-"));
  try {
    const [model, data] = [path.join(folder, "model"), path.join(folder, "data")];
    await writeSmallModel(model);
    for (const [number, place] of ["train/one", "train/two", "val/one", "val/two", "test/one", "test/two"].entries()) {
      await mkdir(path.join(data, place), { recursive: true });
      await writeFile(path.join(data, place, `${number}.png`), await drawImage(number));
    }
    const tested = await evaluateModel({ model, data });
    expect(tested.predictions.map(({ name, className }) => [name, className])).toEqual([
      ["test/one/4.png", "one"],
      ["test/two/5.png", "two"],
    ]);
    expect(tested.part).toBe("test of the split (the data's own folders)");
    expect(tested.notes).toEqual([expect.stringMatching(/^The folders say how the images are parted/)]);
    const validated = await evaluateModel({ model, data, part: { split: "study", name: "validation" } });
    expect(validated.predictions.map(({ name }) => name)).toEqual(["val/one/2.png", "val/two/3.png"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
