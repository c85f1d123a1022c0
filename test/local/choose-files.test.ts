import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { labelImagesAmong } from "../../lib/contract/label-images";
import { missingImage, missingReason } from "../../lib/contract/missing-image";
import { chooseFiles } from "../../lib/local/choose-files";
import { fillBatch } from "../../lib/local/fill-batch";
import { namePattern } from "../../lib/local/name-pattern";
import { projectRoot } from "../reference";

let scratch = "";
const inside = (...names: string[]): string => path.join(scratch, ...names);
beforeEach(() => (scratch = mkdtempSync(path.join(os.tmpdir(), "choose-files-"))));
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function put(name: string, content: string | Buffer = name): string {
  mkdirSync(path.dirname(inside(name)), { recursive: true });
  writeFileSync(inside(name), content);
  return inside(name);
}
function link(name: string, target: string): void {
  mkdirSync(path.dirname(inside(name)), { recursive: true });
  symlinkSync(target, inside(name));
}
const chosen = async (folder: string, exclude: string[] = []) => {
  const choice = await chooseFiles([inside(folder)], { batch: "batch", exclude });
  return { ...choice, names: choice.files.map(({ to }) => to) };
};
const inBucket = (name: string): string => inside("bucket/incoming/batch", name);

describe("links", () => {
  test("to files are followed: what lies in the bucket is the file, not a link that leads elsewhere from there", async () => {
    put("store/0.png");
    link("images/a.png", "../store/0.png");
    const choice = await chosen("images");
    expect(await fillBatch(inside("bucket"), choice)).toMatchObject({ linked: 1, copied: 0, refused: [] });
    expect(lstatSync(inBucket("a.png")).isSymbolicLink()).toBe(false);
    expect(statSync(inBucket("a.png")).ino).toBe(statSync(inside("store/0.png")).ino);
  });

  test("to folders are followed, under the link's own name", async () => {
    put("store/x1/0.png");
    link("by-class/normal", "../store/x1");
    expect((await chosen("by-class")).names).toEqual(["normal/0.png"]);
  });

  test("that lead back to a folder they lie in are named and not followed", async () => {
    put("images/deep/0.png");
    link("images/deep/self", ".");
    link("images/deep/up", "..");
    link("images/deep/above", "../..");
    const { names, loops } = await chosen("images");
    expect(names).toEqual(["deep/0.png"]);
    expect(loops).toEqual(["deep/above", "deep/self", "deep/up"]);
  });

  test("that lead nowhere or in a circle are images that fail by name, in a folder or named themselves", async () => {
    put("images/0.png");
    link("images/absent.png", "gone.png");
    link("images/circle.png", "circle.png");
    const { files } = await chosen("images");
    expect(files.map(({ to, problem }) => [to, problem])).toEqual([
      ["0.png", undefined],
      ["absent.png", "Expected a file but received a link to gone.png, which is not there"],
      ["circle.png", "Expected a file but received a link to circle.png, which leads round in a circle"],
    ]);
    const [named] = (await chooseFiles([inside("images/absent.png")], { batch: "batch" })).files;
    expect(named?.problem).toMatch(/link to gone\.png/);
  });
});

describe("what the system does not give", () => {
  test("a name that is no UTF-8 is a line with its bytes spelled out", async () => {
    put("images/0.png");
    const odd = Buffer.concat([Buffer.from(`${inside("images")}/latin1-`), Buffer.from([0xe9]), Buffer.from(".png")]);
    writeFileSync(odd, "x");
    const { files } = await chosen("images");
    expect(files.map(({ to, problem }) => [to, problem])).toEqual([
      ["0.png", undefined],
      ["latin1-%E9.png", "Expected a name in UTF-8 but received other bytes (latin1-%E9.png); rename it"],
    ]);
  });

  test("a file or folder without permission is a line, and the others go on", () => {
    put("images/0.png");
    chmodSync(put("images/closed.png"), 0o000);
    put("images/locked/1.png");
    chmodSync(inside("images/locked"), 0o000);
    chmodSync(scratch, 0o755);
    // The superuser may read everything: as anyone else, then.
    const someone = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const script = `require(${JSON.stringify(path.join(projectRoot, "dist/lib/local/choose-files.js"))}).chooseFiles([${JSON.stringify(inside("images"))}]).then(({ files }) => console.log(JSON.stringify(files)))`;
    const files = JSON.parse(
      execFileSync(process.execPath, ["-e", script], { encoding: "utf8", cwd: "/", ...someone }),
    ) as {
      to: string;
      problem?: string;
    }[];
    chmodSync(inside("images/locked"), 0o755);
    expect(files.map(({ to, problem }) => [to, problem])).toEqual([
      ["0.png", undefined],
      ["closed.png", "Expected a file that can be read but this user may not read it (EACCES)"],
      ["locked/(this folder)", "Expected a folder that can be read but this user may not read it (EACCES)"],
    ]);
  });

  test("a pipe is not opened, which would wait for ever", async () => {
    put("images/0.png");
    execFileSync("mkfifo", [inside("images/pipe.png")]);
    expect((await chosen("images")).files[1]?.problem).toMatch(/a pipe/);
  });

  test("stands in the batch as its reason, and gives way to the file once it can be read", async () => {
    link("images/late.png", "../store/late.png");
    await fillBatch(inside("bucket"), await chosen("images"));
    const reason = missingReason(readFileSync(inBucket("late.png")));
    expect(reason).toBe("Expected a file but received a link to ../store/late.png, which is not there");
    put("store/late.png", "now it is");
    await fillBatch(inside("bucket"), await chosen("images"));
    expect(readFileSync(inBucket("late.png"), "utf8")).toBe("now it is");
  });

  test("that goes between choosing and filling costs that file alone", async () => {
    put("images/0.png");
    put("images/1.png");
    const choice = await chosen("images");
    rmSync(inside("images/0.png"));
    expect(await fillBatch(inside("bucket"), choice)).toMatchObject({ linked: 1, refused: [] });
    expect(missingReason(readFileSync(inBucket("0.png")))).toMatch(/not there any more/);
  });

  test("and cannot have a place in the batch either is named", async () => {
    const to = `${`${"a".repeat(250)}/`.repeat(4)}0123456789.png`;
    const files = [{ from: put("0.png"), to, bytes: 1 }];
    const { refused } = await fillBatch(inside("bucket"), { ...(await chosen(".")), files });
    expect(refused).toEqual([{ name: to, reason: "Expected a path of at most 1,024 bytes but received 1033" }]);
    expect(existsSync(inBucket("0.png"))).toBe(false);
  });
});

test("a pointer whose content was not fetched says how to fetch it; an image is an image", () => {
  expect(missingReason(Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"))).toMatch(
    /git lfs pull/,
  );
  expect(missingReason(Buffer.from("/annex/objects/SHA256E-s1--0.png\n"))).toMatch(/git annex get/);
  expect(missingReason(Buffer.from(missingImage("Expected ä but not")))).toBe("Expected ä but not");
  expect(missingReason(Buffer.from([0x89, 0x50, 0x4e, 0x47]))).toBeUndefined();
  expect(missingReason(new Uint8Array())).toBeUndefined();
});

test("label images beside their image are left out and said, others are images; named themselves they are taken", async () => {
  for (const name of ["149-001.BMP", "149-001-d.bmp", "alone-d.bmp", "b.jpg", "b_mask.png", "c-d.png", "c.png"])
    put(`set/${name}`);
  const { names, labelImages } = await chosen("set");
  expect(names).toEqual(["149-001.BMP", "alone-d.bmp", "b.jpg", "c-d.png", "c.png"]);
  expect(labelImages).toEqual(["149-001-d.bmp", "b_mask.png"]);
  expect((await chooseFiles([inside("set/149-001-d.bmp")])).files).toHaveLength(1);
  expect([...labelImagesAmong(["masks.png", "s.png", "mask.png"])]).toEqual([]);
});

test("what --exclude names is left out with all below it", async () => {
  for (const name of ["a.png", "a-old.png", "node_modules/x/1.png", "raw/deep/2.tif", "raw/3.png"])
    put(`mixed/${name}`);
  const { names, excluded } = await chosen("mixed", ["node_modules", "*-OLD.png", "raw/**/*.tif"]);
  expect(names).toEqual(["a.png", "raw/3.png"]);
  expect(excluded).toEqual(["a-old.png", "node_modules", "raw/deep/2.tif"]);
});

test.each<[string, string[], string[]]>([
  ["*.png", ["a.png", "b/c.PNG"], ["a.png.txt", "apng"]],
  ["b/", ["b", "b/c.png", "a/b/c"], ["ab/c.png"]],
  ["a/*.png", ["a/1.png"], ["a/b/1.png", "x/a/1.png"]],
  ["**/b/*.png", ["b/1.png", "x/y/b/1.png"], ["b/c/1.png"]],
  ["cell[0-3]?.{png,tif}", ["cell12.tif"], ["cell42.tif", "cell1.png"]],
  ["a(1)+.png", ["a(1)+.png"], ["a11.png"]],
  ["[!a]*", ["b.png"], ["a.png"]],
])("the pattern %s", (pattern, meant, others) => {
  const matches = namePattern(pattern);
  expect(meant.filter((name) => !matches(name))).toEqual([]);
  expect(others.filter(matches)).toEqual([]);
});

test("a file named as a batch's own signal is left alone", async () => {
  put("images/0.png");
  put("images/_READY", "");
  const { names, leftAlone } = await chosen("images");
  expect([names, leftAlone]).toEqual([["0.png"], ["_READY"]]);
});
