import { axis, axisFromZero, placeOn } from "../../lib/html/axis";
import { plot, type PlotLayer } from "../../lib/html/plot";

const read = ({ ticks, label }: ReturnType<typeof axis>): string[] => ticks.map(label);

const drawn = (layers: readonly PlotLayer[]): string =>
  plot({ caption: "C", summary: "what & how", x: axis("time <s>", 0, 4), y: axis("loss", 0, 1), layers }).text;

describe("an axis", () => {
  it("has round ticks, written with as many decimals as they need", () => {
    expect(read(axis("share", 0, 1))).toEqual(["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    expect(read(axis("t", -3, 12))).toEqual(["0", "5", "10"]);
    expect(read(axis("t", 0, 0.03))).toEqual(["0.00", "0.01", "0.02", "0.03"]);
    expect(read(axis("t", 0, 4000))).toEqual(["0", "1000", "2000", "3000", "4000"]);
    expect(read(axis("t", 0, 3e-7))).toEqual(["0.0e+0", "1.0e-7", "2.0e-7", "3.0e-7"]);
  });

  it("of epochs has whole ones, also when there is but one", () => {
    expect(read(axis("epoch", 1, 3, { whole: true }))).toEqual(["1", "2", "3"]);
    expect(read(axis("epoch", 1, 50, { whole: true }))).toEqual(["10", "20", "30", "40", "50"]);
    const one = axis("epoch", 1, 1, { whole: true });
    expect(read(one)).toEqual(["1"]);
    expect(placeOn(one, 1)).toBe(0.5);
  });

  it("from zero ends at the first tick at or above all that is finite", () => {
    expect(axisFromZero("loss", [0.3, 2.31, Number.NaN, Infinity]).to).toBeCloseTo(2.5);
    expect(axisFromZero("loss", [2.5]).to).toBeCloseTo(2.5);
    expect(axisFromZero("loss", []).to).toBe(1);
    expect(axisFromZero("loss", [0]).to).toBe(1);
  });

  it("places what is beyond its ends at them", () => {
    expect([-1, 0, 1, 4, 9].map((value) => placeOn(axis("x", 0, 4), value))).toEqual([0, 0, 0.25, 1, 1]);
  });
});

describe("a plot", () => {
  it("titles both axes and escapes all it is given", () => {
    const text = drawn([{ kind: "line", name: "<b>", colour: 0, points: [{ x: 1, y: 1, note: '"n"' }] }]);
    expect(text).toContain(">time &lt;s&gt;</text>");
    expect(text).toContain(">loss</text>");
    expect(text).toContain('aria-label="what &amp; how"');
    expect(text).toContain("&lt;b&gt;</li>");
    expect(text).toContain("<title>&quot;n&quot;</title>");
  });

  it("breaks a line where a value is not finite, and marks a value that stands alone", () => {
    const text = drawn([
      {
        kind: "line",
        colour: 1,
        points: [0.1, 0.2, Number.NaN, 0.4, Infinity, 0.5, 0.6].map((y, x) => ({ x: x / 2, y })),
      },
    ]);
    const lines = [...text.matchAll(/<polyline points="([^"]+)"/g)].map(([, points]) => points!.split(" "));
    expect(lines.map(({ length }) => length)).toEqual([2, 2, 2]);
    expect(lines[1]![0]).toBe(lines[1]![1]);
    expect(text).not.toMatch(/NaN|Infinity/);
  });

  it("draws bars from the ground and points as dots; a ninth line is dashed", () => {
    const text = drawn([
      { kind: "bars", colour: 0, bars: [{ from: 0, to: 2, y: 0.5, note: "half" }] },
      { kind: "points", colour: 0, points: [{ x: 1, y: 1 }] },
      {
        kind: "line",
        name: "ninth",
        colour: 8,
        points: [
          { x: 0, y: 0 },
          { x: 1, y: 1 },
        ],
      },
    ]);
    expect(text).toContain('<rect class="bar" x="56" y="123" width="165" height="113"><title>half</title></rect>');
    expect(text.match(/<circle/g)).toHaveLength(1);
    expect(text).toContain('<polyline class="dashed"');
    expect(text).toContain('class="key dashed"');
  });
});
