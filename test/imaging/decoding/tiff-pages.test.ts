import { decode } from "../../../lib/imaging/decoding/decode";
import { darker, drawnCell, spread } from "./drawn-cell";
import { type TiffPage, writeTiff } from "./tiff-writer";

const [width, height] = [24, 18];
const size = { width, height };
const colours = drawnCell(width, height);

const read = (page: TiffPage | TiffPage[], options = {}) => decode(writeTiff([page].flat(), options));
const levels = (image: { data: Uint8Array }): number[] => [...image.data];

const ome = (channels: string, attributes = 'DimensionOrder="XYCZT" SizeC="3" SizeZ="1" SizeT="1"'): string =>
  `<?xml version="1.0"?><OME xmlns="x"><Image ID="Image:0" Name="cell"><Pixels ID="Pixels:0" ${attributes} Type="uint8">${channels}</Pixels></Image></OME>`;

/** A colour table in which the given channels are lit. */
const table = (...lit: number[]): number[] =>
  [0, 1, 2].flatMap((c) => Array.from({ length: 256 }, (_, i) => (lit.includes(c) ? i : 0)));

/** Colour tables as ImageJ keeps them. */
const written = (tables: number[][]): Partial<TiffPage> => {
  const header = [...Buffer.from("IJIJluts"), 0, 0, 0, tables.length];
  const data = Uint8Array.from([...header, ...tables.flat()]);
  return {
    description: "ImageJ=1.53t\nimages=3\nchannels=3\nmode=composite\n",
    tags: [
      [50838, 4, [header.length, ...tables.map((one) => one.length)]],
      [50839, 7, data],
    ],
  };
};

const channel = (c: number): number[] => Array.from({ length: width * height }, (_, i) => colours[3 * i + c]!);
const page = (c: number, more: Partial<TiffPage> = {}): TiffPage => ({ ...size, samples: channel(c), ...more });

describe("channels on pages", () => {
  const three = '<Channel ID="0"/><Channel ID="1"/><Channel ID="2"/>';

  test.each([
    ["ImageJ's composite", "ImageJ", "ImageJ=1.53t\nimages=3\nchannels=3\nmode=composite\n"],
    ["OME without names", "OME", ome(three)],
    ["OME with names", "OME", ome('<Channel Name="Red"/><Channel Name="Green"/><Channel Name="Blue"/>')],
    ["OME with colours", "OME", ome('<Channel Color="-16776961"/><Channel Color="16711935"/><Channel Color="65535"/>')],
  ])("%s: red, green and blue are put together", async (_, by, description) => {
    const image = await read([page(0, { description }), page(1), page(2)]);
    expect(levels(image)).toEqual(colours);
    expect(image.warnings).toEqual([`three pages that ${by} calls channels were put together as red, green and blue`]);
  });

  test("names decide the order, planes of focus lie between, and deep values are scaled together", async () => {
    const bgr = ome('<Channel Name="Blue"/><Channel Name="Green"/><Channel Name="Red"/>');
    expect(levels(await read([page(2, { description: bgr }), page(1), page(0)]))).toEqual(colours);
    const stack = ome(three, 'DimensionOrder="XYZCT" SizeC="3" SizeZ="2" SizeT="1"');
    const pages = [0, 0, 1, 1, 2, 2].map((c, i) =>
      page(c, { description: i === 0 ? stack : "", samples: channel(i % 2 ? 0 : c) }),
    );
    const image = await read(pages);
    expect(levels(image)).toEqual(colours);
    expect(image.warnings).toContain("the first plane of 2 was used");
    const deep = [0, 1, 2].map((c) =>
      page(c, { bits: 16, samples: channel(c).map(darker(12)), description: c === 0 ? ome(three) : "" }),
    );
    expect(levels(await read(deep))).toEqual(colours);
  });

  test("ImageJ's own colour tables give the order, or make it no RGB", async () => {
    const blueFirst = written([table(2), table(1), table(0)]);
    expect(levels(await read([page(2, blueFirst), page(1), page(0)]))).toEqual(colours);
    const cyan = written([table(1, 2), table(0), table(1)]);
    await expect(read([page(0, cyan), page(1), page(2)])).rejects.toMatchObject({ code: "image.unsupported" });
  });

  test.each([
    ["two of ImageJ", "ImageJ=1.53t\nimages=3\nchannels=2\n"],
    ["fluorescence", ome('<Channel Name="DAPI"/><Channel Name="FITC"/><Channel Name="TRITC"/>')],
    ["four of OME", ome(`${three}<Channel/>`, 'SizeC="4" SizeZ="1" SizeT="1"')],
    ["channels in other files", ome(three, 'DimensionOrder="XYZCT" SizeC="3" SizeZ="5" SizeT="1"')],
  ])("%s: refused with a way out", async (_, description) => {
    await expect(read([page(0, { description }), page(1), page(2)])).rejects.toMatchObject({
      code: "image.unsupported",
      message: expect.stringContaining("RGB") as string,
    });
  });

  test("pages that nothing calls channels: the first, as grey, said so", async () => {
    const image = await read([page(0), page(1), page(2)]);
    expect(levels(image)).toEqual(spread(channel(0)));
    expect(image.warnings).toEqual(["the first of 3 pages was used, as grey: the others were not looked at"]);
  });
});

describe("which page is the picture", () => {
  const full: TiffPage = { ...size, samples: colours };
  const half: TiffPage = { width: 12, height: 9, samples: drawnCell(12, 9).map((level) => 255 - level) };
  const label: TiffPage = { width: 40, height: 40, samples: drawnCell(40, 40).map((level) => 255 - level) };

  test.each<[string, TiffPage[]]>([
    ["a reduced one first", [{ ...half, subfileType: 1 }, full]],
    ["a smaller version first, not marked", [half, full]],
    ["a pyramid", [full, { ...half, subfileType: 1 }]],
    ["Aperio's label first, larger", [{ ...label, description: "Aperio Image Library v11\nlabel 40x40" }, full]],
    ["Aperio's macro", [full, { ...label, subfileType: 9, description: "Aperio Image Library v11\nmacro 40x40" }]],
    ["a page called Macro", [{ ...label, description: "Macro" }, full]],
    ["Hamamatsu's macro", [full, { ...label, tags: [[65421, 11, [-1]]] }]],
    ["Ventana's label", [{ ...label, description: "Label_Image" }, full]],
    [
      "an OME label",
      [
        {
          ...full,
          description:
            '<OME><Image Name="a"><Pixels SizeC="3"><Channel SamplesPerPixel="3"/></Pixels></Image><Image Name="label image"><Pixels SizeC="3"><Channel SamplesPerPixel="3"/></Pixels></Image></OME>',
        },
        label,
      ],
    ],
    ["the full picture inside a reduced page", [{ ...half, subfileType: 1, inner: [full] }]],
    ["a mask", [{ ...label, subfileType: 4 }, full]],
  ])("%s: the full picture, without a word", async (_, pages) => {
    for (const options of [{}, { big: true }, { motorola: true }]) {
      const image = await read(pages, options);
      expect(image).toMatchObject({ ...size, warnings: [] });
      expect(levels(image)).toEqual(colours);
    }
  });

  test("a label alone is never shown", async () => {
    await expect(read({ ...label, description: "Aperio Image Library\nlabel 40x40" })).rejects.toMatchObject({
      code: "image.unsupported",
      message: expect.stringContaining("never shown") as string,
    });
  });

  test("nor when the picture beside it cannot be read", async () => {
    const pages = [
      { ...full, compression: 33005 },
      { ...label, description: "label 40x40" },
    ];
    await expect(read(pages)).rejects.toMatchObject({ code: "image.compression" });
  });

  test("a reduced picture alone, and the largest of unlike pages, say so", async () => {
    expect((await read({ ...full, subfileType: 1 })).warnings).toEqual([
      expect.stringContaining("a reduced picture only"),
    ]);
    const image = await read([{ width: 9, height: 17, samples: drawnCell(9, 17) }, full]);
    expect(image).toMatchObject(size);
    expect(image.warnings).toEqual(["number 2, the largest of 2 pages was used: the others were not looked at"]);
  });
});
