import { underNetworkNames } from "../../lib/checkpoints/weight-names";

const renamed = (...names: string[]): { names: string[]; notes: string[] } => {
  const { tensors, notes } = underNetworkNames(new Map(names.map((name) => [name, name])));
  return { names: [...tensors.keys()], notes };
};

describe("names of weights", () => {
  it("lose what wrappers put before all of them, again and again", () => {
    expect(renamed("module.model.fc.weight", "module.model.fc.bias")).toEqual({
      names: ["fc.weight", "fc.bias"],
      notes: ['"module." is taken off all names', '"model." is taken off all names'],
    });
    expect(renamed("_orig_mod.backbone.a", "_orig_mod.backbone.b").names).toEqual(["a", "b"]);
  });

  it("keep a prefix that one of them lacks, and a name that is nothing else", () => {
    expect(renamed("module.fc.weight", "fc.bias")).toEqual({ names: ["module.fc.weight", "fc.bias"], notes: [] });
    expect(renamed("module.").names).toEqual(["module."]);
    expect(renamed().names).toEqual([]);
  });

  it("lose a moving average's own count", () => {
    expect(renamed("n_averaged", "module.w")).toEqual({
      names: ["w"],
      notes: ["n_averaged is left out: it is no weight", '"module." is taken off all names'],
    });
    expect(renamed("n_averaged").names).toEqual(["n_averaged"]);
  });

  it("of old DenseNets become today's, unless today's are there too", () => {
    const layer = "features.denseblock1.denselayer12";
    expect(renamed(`${layer}.norm.1.running_mean`, `${layer}.conv.2.weight`, "features.norm0.weight")).toEqual({
      names: [`${layer}.norm1.running_mean`, `${layer}.conv2.weight`, "features.norm0.weight"],
      notes: [`2 old DenseNet names are brought to today's ("norm.1" to "norm1")`],
    });
    expect(renamed(`${layer}.0.norm.1.weight`).names).toEqual([`${layer}.0.norm1.weight`]);
    expect(renamed(`${layer}.norm.1.weight`, `${layer}.norm1.weight`).names).toHaveLength(2);
    expect(renamed("layer1.conv.1.weight", `${layer}.norm.3.weight`).notes).toEqual([]);
  });
});
