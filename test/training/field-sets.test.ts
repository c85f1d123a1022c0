import path from "node:path";
import { chooseFiles } from "../../lib/local/choose-files";
import { readDataSet } from "../../lib/training/data-set";
import { splitOf } from "../../lib/training/data-split";
import { describeWithReference } from "../reference";

describeWithReference("Herlev as it is distributed, rebuilt", (folder) => {
  const set = path.join(folder, "field", "herlev-as-distributed");

  test("has twelve cells in two classes to train on and to run, without the label images", async () => {
    const { classes, files, notes } = await readDataSet(path.join(set, "data"));
    expect([classes, files.length]).toEqual([["carcinoma_in_situ", "normal_superficiel"], 12]);
    expect(notes?.[0]).toMatch(/^12 of the files .* are label images/);
    const chosen = await chooseFiles([path.join(set, "data")]);
    expect([chosen.files.length, chosen.labelImages.length]).toEqual([12, 12]);
  });

  test("parted by its folders is used as it is parted", async () => {
    const { train, validation, test: held } = splitOf(await readDataSet(path.join(set, "split")), "study");
    expect([train.length, validation.length, held.length]).toEqual([4, 4, 4]);
  });
});
