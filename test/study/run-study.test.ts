import { cp, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { studyFigures } from "../../lib/study/study-table";
import { runStudy, type StudyJob } from "../../lib/study/run-study";

describe("the study on phantoms", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "study-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("trains, tests, generalises, draws figures, and labels its table; a second run does nothing twice", async () => {
    const said: string[] = [];
    const job: StudyJob = {
      data: undefined,
      preset: "quick",
      out: folder,
      seed: 1,
      networks: ["resnet50"],
      variants: ["cropped"],
      epochs: 1,
      size: 32,
      phantomsPerClass: 10,
      threads: 1,
      say: (line) => said.push(line),
    };
    const report = await runStudy(job);
    expect(
      report.results.map(({ network, trained, variant, testImages }) => [network, trained, variant, testImages]),
    ).toEqual([
      ["resnet50", "resnet50-mini", "cropped", 5],
      ["resnet50", "resnet50-mini", "generalisation", 45],
    ]);
    const page = await readFile(path.join(folder, "study.html"), "utf8");
    expect(page).toContain("These are phantoms: synthetic images that this program drew, not SIPaKMeD.");
    expect(page).toMatch(/57\.61 %/);
    expect(report.figures).toHaveLength(5);
    expect((await stat(path.join(folder, report.figures[0]!.file))).size).toBeGreaterThan(10_000);
    expect(said).toHaveLength(4);
    expect((await runStudy(job)).results).toEqual(report.results);
    expect(said).toHaveLength(4);
  }, 600_000);

  it("says of other class folders that they are not SIPaKMeD, and of SIPaKMeD's layout nothing", async () => {
    const cells = path.join(folder, "phantoms", "cells", "images");
    const sipakmed = path.join(folder, "sipakmed");
    for (const name of ["Dyskeratotic", "Koilocytotic", "Metaplastic"])
      await cp(path.join(cells, name), path.join(sipakmed, `im_${name}`, `im_${name}`), { recursive: true });
    const pageOf = async (data: string, out: string) => {
      await runStudy({
        data,
        preset: "quick",
        out: path.join(folder, out),
        seed: 1,
        networks: ["resnet50"],
        variants: ["full"],
        epochs: 1,
        size: 32,
        threads: 1,
        say: () => {},
      });
      return await readFile(path.join(folder, out, "study.html"), "utf8");
    };
    expect(await pageOf(cells, "other")).toContain("These images are images, not SIPaKMeD.");
    const own = await pageOf(sipakmed, "own");
    expect(own).not.toContain('role="note"');
    expect(own).toContain("Here, top-1");
  }, 600_000);

  it("quotes ten figures of the paper", () => {
    expect(studyFigures).toHaveLength(10);
  });
});
