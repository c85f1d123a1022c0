import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { writeNpy } from "../../lib/imaging/drawing/npy";
import { thumbnail } from "../../lib/imaging/preparing/thumbnail";
import { largestReport, renderReport } from "../../lib/report/report";
import { projectRoot } from "../reference";
import { describeInBrowser } from "../html/browser";
import { sampleBatch, type SampleImage } from "./sample-batch";

const cell = (i: number): Promise<Uint8Array> =>
  thumbnail({
    width: 224,
    height: 224,
    data: Uint8Array.from({ length: 224 * 224 * 3 }, (_, at) => {
      const [x, y] = [Math.floor(at / 3) % 224, Math.floor(at / 672)];
      return Math.hypot(x - 112, y - 112) < 30 + (i % 40) ? 90 + (at % 3) * 20 : 190 + (at % 3) * 15;
    }),
  });

/** Names that would run a script, leave their element, turn the line around or fill the page, were they not escaped. */
const hostileNames = [
  '"><img src=x onerror="window.hacked=1">.png',
  "</script><script>window.hacked=1</script>.png",
  "'onmouseover='window.hacked=1'.png",
  "</style><style>*{display:none}.png",
  "two\nlines\tand\u0000more.png",
  "photo\u202egnp.exe",
  "../../up.png",
  "`${window.hacked=1}`.png",
  "&lt;already&gt;.png",
  "слайд 细胞 🔬.png",
  `${"long-".repeat(196)}.png`,
];

async function batchOf(
  count: number,
  extra: readonly SampleImage[] = [],
  classes?: readonly string[],
): Promise<ReturnType<typeof sampleBatch>> {
  const images: SampleImage[] = [];
  for (let i = 0; i < count; i++) {
    images.push({
      name: `slide-${String(i).padStart(4, "0")}.png`,
      thumbnail: await cell(i),
      converged: i % 7 !== 3,
      warnings: i % 11 === 5 ? ["resolution unknown"] : [],
      label: ["parabasal", "metaplastic"][i % 2]!,
    });
  }
  return sampleBatch("pap-2026", [...images, ...extra], classes);
}

const failure = {
  code: "image.truncated",
  message: "Expected the JPEG file to reach its end marker but it stops after 20113 bytes",
};

const visibleCards = (page: Page): Promise<string[]> => page.locator("#grid > li:visible .file").allTextContents();

describeInBrowser("report.html in a real browser", (browser) => {
  const folder = mkdtempSync(path.join(tmpdir(), "cytolens-report-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function open(
    name: string,
    html: string,
    colorScheme: "light" | "dark" = "light",
    from: Browser = browser(),
  ): Promise<{ page: Page; troubles: string[] }> {
    const file = path.join(folder, `${name}.html`);
    writeFileSync(file, html);
    const page = await from.newPage({ viewport: { width: 1280, height: 900 }, colorScheme, bypassCSP: false });
    const troubles: string[] = [];
    page.on("console", (message) => troubles.push(message.text()));
    page.on("pageerror", (error) => troubles.push(error.message));
    page.on("request", (request) => /^(file|data):/.test(request.url()) || troubles.push(`fetched ${request.url()}`));
    await page.goto(pathToFileURL(file).href);
    return { page, troubles };
  }

  describe("an ordinary batch", () => {
    let page: Page;
    let troubles: string[];
    let batch: ReturnType<typeof sampleBatch>;
    beforeAll(async () => {
      batch = await batchOf(24, [{ name: "broken.jpg", thumbnail: new Uint8Array(), failure }]);
      ({ page, troubles } = await open("ordinary", await renderReport(batch)));
    }, 120_000);
    afterAll(() => page.close());

    test("opens from disk without a complaint, and fetches nothing", async () => {
      expect(troubles).toEqual([]);
      expect(await page.title()).toBe("pap-2026 · Cytolens report");
      expect(await page.locator("#shown").textContent()).toBe("Showing 25 of 25 images");
      for (const text of [
        "Not for clinical use",
        "Complete, with failures",
        failure.message,
        "0.0042",
        "Phantom classifier",
        "21 of 24",
      ]) {
        expect(await page.getByText(text).count()).toBeGreaterThan(0);
      }
      const widths = await page
        .locator("#grid img")
        .evaluateAll((images) => images.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth));
      expect(widths.length).toBe(24 * 3);
    });

    test("search, status and class filter narrow the grid and say how far", async () => {
      await page.getByLabel("Search names").fill("slide-000");
      expect(await visibleCards(page)).toHaveLength(10);
      expect(await page.locator("#shown").textContent()).toBe("Showing 10 of 25 images");
      await page.getByLabel("Search names").fill("truncated");
      expect(await visibleCards(page)).toEqual(["broken.jpg"]);
      await page.getByLabel("Search names").fill("");
      await page.getByLabel("Show", { exact: true }).selectOption("open");
      expect(await visibleCards(page)).toHaveLength(3);
      await page.getByLabel("Show", { exact: true }).selectOption("all");
      const { className, classIndex } = batch.outcomes.find((outcome) => outcome.status === "succeeded")!;
      await page.getByLabel("Class", { exact: true }).selectOption(String(classIndex));
      expect(await visibleCards(page)).toHaveLength(batch.summary.classCounts[className]!);
      await page.getByLabel("Class", { exact: true }).selectOption("all");
    });

    test("sorting by certainty", async () => {
      await page.getByLabel("Sort by").selectOption("uncertain");
      const probabilities = (await page.locator("#grid > li:visible .probability").allTextContents()).map(Number);
      expect(probabilities).toEqual([...probabilities].sort((a, b) => a - b));
      await page.getByLabel("Sort by").selectOption("name");
      expect((await visibleCards(page))[1]).toBe("slide-0000.png");
    });

    test("the overlay's opacity and method, by mouse and by keyboard", async () => {
      const slider = page.getByLabel("Overlay opacity", { exact: true });
      const layer = page.locator(".layer:visible").first();
      const opacity = (): Promise<number> =>
        layer.evaluate((element) =>
          Number(
            (globalThis as unknown as { getComputedStyle(e: unknown): { opacity: string } }).getComputedStyle(element)
              .opacity,
          ),
        );
      expect(await opacity()).toBeCloseTo(0.7, 2);
      await slider.focus();
      await page.keyboard.press("Home");
      expect(await opacity()).toBe(0);
      for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
      expect(await opacity()).toBeCloseTo(0.2, 2);
      const box = (await slider.boundingBox())!;
      await page.mouse.click(box.x + box.width - 2, box.y + box.height / 2);
      expect(await opacity()).toBe(1);
      expect(await page.locator('.layer[data-method="grad-cam"]:visible').count()).toBe(0);
      await page.getByLabel("Explanation", { exact: true }).selectOption("grad-cam");
      expect(await page.locator('.layer[data-method="grad-cam"]:visible').count()).toBe(24);
      expect(await page.locator('.layer[data-method="integrated-gradients"]:visible').count()).toBe(0);
      await page.getByLabel("Explanation", { exact: true }).selectOption("none");
      expect(await page.locator(".layer:visible").count()).toBe(0);
      await page.getByLabel("Explanation", { exact: true }).selectOption("integrated-gradients");
    });

    test("details open by keyboard, tell the completeness, and give the focus back", async () => {
      const button = page.getByRole("button", { name: "Details of slide-0003.png" });
      await button.focus();
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog");
      expect(await dialog.isVisible()).toBe(true);
      const text = await dialog.innerText();
      for (const expected of [
        "slide-0003.png",
        "not converged",
        "0.0031 (relative 0.21)",
        "129",
        "2048 × 1536 pixels",
        "not a property of this method",
      ])
        expect(text).toContain(expected);
      const link = await dialog.getByRole("link", { name: "raw map (.npy)" }).first().getAttribute("href");
      expect(link).toMatch(/^images\/slide-0003-[0-9a-f]{12}\/[0-9a-f]{12}\/integrated-gradients\.map\.npy$/);
      await page.keyboard.press("Escape");
      expect(await dialog.isVisible()).toBe(false);
      expect(
        await button.evaluate(
          (element) =>
            element ===
            (element as unknown as { ownerDocument: { activeElement: unknown } }).ownerDocument.activeElement,
        ),
      ).toBe(true);
    });
  });

  test("hostile names and classes are text, and nothing but text", async () => {
    const extra = await Promise.all(
      hostileNames.map(async (name, i): Promise<SampleImage> =>
        i % 2
          ? { name, thumbnail: await cell(i) }
          : { name, thumbnail: new Uint8Array(), failure: { code: "image.corrupt", message: name } },
      ),
    );
    const batch = await batchOf(2, extra, [
      "<b onclick=window.hacked=1>",
      '"quoted"',
      "plain",
      "<script>window.hacked=1</script>",
      "\u202edrawkcab",
    ]);
    const { page, troubles } = await open("hostile", await renderReport(batch));
    for (const button of await page.locator("button.open").all()) {
      await button.click();
      await page.keyboard.press("Escape");
    }
    expect(await page.evaluate("window.hacked")).toBeUndefined();
    expect(troubles).toEqual([]);
    expect(await page.locator("#grid > li").count()).toBe(hostileNames.length + 2);
    const shown = (await visibleCards(page)).join("\n");
    for (const name of [
      '"><img src=x onerror="window.hacked=1">.png',
      "two\\u{a}lines\\u{9}and\\u{0}more.png",
      "photo\\u{202e}gnp.exe",
      "&lt;already&gt;.png",
      "слайд 细胞 🔬.png",
    ])
      expect(shown).toContain(name);
    expect(await page.locator("#grid img[onerror], #grid script, main style").count()).toBe(0);
    expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
    await page.close();
  });

  test("even a script that got in would not run", async () => {
    const html = (await renderReport(await batchOf(1))).replace(
      "<main>",
      "<main><script>window.hacked=1</script><img src=x onerror='window.hacked=2'><p style='position:fixed'>x</p>",
    );
    const { page } = await open("injected", html);
    expect(await page.evaluate("window.hacked")).toBeUndefined();
    await page.close();
  });

  test.each(["light", "dark"] as const)(
    "no violation of accessibility rules in axe-core, %s, with and without the dialog",
    async (scheme) => {
      const { page } = await open(
        `axe-${scheme}`,
        await renderReport(await batchOf(12, [{ name: "broken.jpg", thumbnail: new Uint8Array(), failure }])),
        scheme,
      );
      const axe = readFileSync(path.join(projectRoot, "node_modules", "axe-core", "axe.min.js"), "utf8");
      await page.evaluate(axe);
      const violations = (): Promise<string[]> =>
        page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 150) + ' ' + failureSummary).join(' | ')}`))",
        );
      expect(await violations()).toEqual([]);
      await page
        .getByRole("button", { name: /^Details of/ })
        .nth(3)
        .click();
      expect(await violations()).toEqual([]);
      await page.close();
    },
    120_000,
  );

  test("a narrow window needs no sideways scrolling", async () => {
    const { page } = await open("narrow", await renderReport(await batchOf(6)));
    await page.setViewportSize({ width: 360, height: 800 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    await page.close();
  });
});

describe("limits", () => {
  test("600 images whose pictures are as large as they may be: 500 cards, below 10 MB, and what is left out is said", async () => {
    const thumbnail = new Uint8Array(10_240).fill(7);
    const batch = sampleBatch(
      "large",
      Array.from({ length: 600 }, (_, i) => ({ name: `${i}.png`, thumbnail, ...(i % 20 === 0 ? { failure } : {}) })),
    );
    let state = 1;
    const grain = writeNpy({
      shape: [96, 96],
      data: Float32Array.from({ length: 96 * 96 }, () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5),
    });
    const html = await renderReport({
      ...batch,
      readBytes: async (key) => (key.endsWith(".npy") ? grain : batch.readBytes(key)),
    });
    expect(Buffer.byteLength(html)).toBeLessThan(largestReport);
    expect(html.match(/<li class="card/g)).toHaveLength(500);
    expect(html).toContain("This report shows 500 of 600 images");
    expect(html).toMatch(/[\d,]+ are shown without their picture/);
  }, 180_000);

  test("a batch that was rejected says why, and one without images is a page all the same", async () => {
    const batch = sampleBatch("empty", []);
    const rejected = {
      ...batch.summary,
      status: "rejected" as const,
      rejection: { code: "model.unknown", message: "Expected a published model but found none named x" },
      model: null,
      run: null,
    };
    const html = await renderReport({ ...batch, summary: rejected });
    expect(html).toContain("Nothing was run: Expected a published model but found none named x (model.unknown)");
    expect(html).toContain("No image was classified.");
  });

  test("damaged maps and missing files cost pictures, not the report", async () => {
    const batch = await batchOf(3);
    const html = await renderReport({
      ...batch,
      readBytes: async (key) => (key.endsWith(".npy") ? Buffer.from("damaged") : undefined),
    });
    expect(html.match(/No picture in this report/g)).toHaveLength(3);
  });
});
