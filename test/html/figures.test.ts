import { duration, figure, percent, probability } from "../../lib/html/figures";

describe("a duration", () => {
  it.each([
    [0, "0 s"],
    [0.0123, "0.012 s"],
    [9.96, "10 s"],
    [59.4, "59 s"],
    [59.5, "1 min 0 s"],
    [59.95, "1 min 0 s"],
    [119.6, "2 min 0 s"],
    [3599.4, "59 min 59 s"],
    [3599.7, "1 h 0 min"],
    [7199, "2 h 0 min"],
    [360_000, "100 h 0 min"],
    [Number.NaN, "–"],
  ])("of %s seconds is %s", (seconds, text) => expect(duration(seconds)).toBe(text));

  it("never has a unit that reads 60, and is never further from the truth than half of its last unit", () => {
    for (let tenths = 0; tenths < 150_000; tenths += 1) {
      const seconds = tenths / 10;
      for (const near of [seconds, seconds + 0.05, Math.max(0, seconds - 1e-9)]) {
        const text = duration(near);
        if (/\b60\b/.test(text)) throw new Error(`${near} s reads ${text}`);
        const [first = 0, second = 0] = text.match(/[\d.]+/g)?.map(Number) ?? [];
        const said = text.includes("h")
          ? 3600 * first + 60 * second
          : text.includes("min")
            ? 60 * first + second
            : first;
        const half = text.includes("h") ? 30 : 0.5;
        if (Math.abs(said - near) > half + 1e-6) throw new Error(`${near} s reads ${text}`);
      }
    }
    expect(duration(14_999.9)).toBe("4 h 10 min");
  });
});

describe("per cent", () => {
  it.each([
    [0, "0 %"],
    [1, "100 %"],
    [0.5, "50.0 %"],
    [0.99949, "99.9 %"],
    [0.9995, "> 99.9 %"],
    [0.99996, "> 99.9 %"],
    [0.0005, "0.1 %"],
    [0.00049, "< 0.1 %"],
    [1e-12, "< 0.1 %"],
    [1.2, "120.0 %"],
    [-0.25, "-25.0 %"],
    [Number.NaN, "–"],
  ])("of %s is %s", (share, text) => expect(percent(share)).toBe(text));

  it("takes as many decimals as are asked for", () => {
    expect([percent(0.98765, 2), percent(0.999999, 2), percent(0.00001, 2), percent(0.996, 0)]).toEqual([
      "98.77 %",
      "> 99.99 %",
      "< 0.01 %",
      "> 99 %",
    ]);
  });
});

describe("a probability", () => {
  it.each([
    [0, "0.000"],
    [1, "1.000"],
    [0.25, "0.250"],
    [0.9995, "> 0.999"],
    [1 - 2 ** -53, "> 0.999"],
    [0.9994, "0.999"],
    [0.0004, "< 0.001"],
  ])("of %s is %s", (value, text) => expect(probability(value)).toBe(text));
});

describe("a figure", () => {
  it.each([
    [null, "–"],
    [Number.NaN, "–"],
    [0, "0"],
    [0.0042, "0.0042"],
    [123.456, "123"],
    [0.00002, "2.0e-5"],
    [-12_345, "-1.2e+4"],
  ])("of %s is %s", (value, text) => expect(figure(value)).toBe(text));
});
