import { cutsByDensity, densityOf } from "../../lib/attribution/segment-cuts";

test("equal densities cut equally", () => {
  expect(cutsByDensity([1], 4)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  cutsByDensity([2, 2, 2, 2], 18).forEach((cut, index) => expect(cut).toBeCloseTo(index / 18, 12));
});

test("a stretch three times as dense gets three quarters of the cuts", () => {
  cutsByDensity([1, 3], 8).forEach((cut, index) =>
    expect(cut).toBeCloseTo(
      [0, 0.25, 0.5, 0.5 + 1 / 12, 0.5 + 2 / 12, 0.75, 0.5 + 4 / 12, 0.5 + 5 / 12, 1][index]!,
      12,
    ),
  );
});

test("cuts increase from 0 to 1, whatever was seen", () => {
  for (const variation of [[0, 0, 0], [1, 2, 4], [9, 0, 0], [0, 0, 7], [Number.NaN, 1, 1], [], [3]]) {
    const cuts = cutsByDensity(densityOf(variation), 18);
    expect(cuts).toHaveLength(19);
    expect([cuts[0], cuts.at(-1)]).toEqual([0, 1]);
    cuts.slice(1).forEach((cut, index) => expect(cut).toBeGreaterThan(cuts[index]!));
  }
});

test("the density grows where the gradient changes more", () => {
  expect(densityOf([1, 2, 3])).toEqual([0.5, 1.5, 2.5, 3.5]);
  expect(densityOf([0, 0, 0])).toEqual([1]);
});
