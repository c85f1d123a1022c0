// npm run picture: after `npm run demo`, photographs the images of its report for the README. Needs Chromium, as the report's tests do.
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root } from "./prepare.mjs";

prepare();
const { chromium } = await import("playwright-core");
const { default: sharp } = await import("sharp");

const report = path.resolve(process.argv[2] ?? path.join(root, "demo-bucket"), "results/demo/report.html");
if (!existsSync(report)) {
  console.error(`Expected the demo's report at ${report} but nothing is there: run npm run demo first.`);
  process.exit(2);
}
const browser = await chromium.launch({
  executablePath: process.env.CYTOLENS_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1180, height: 4000 } });
  await page.goto(pathToFileURL(report).href);
  await page.waitForLoadState("networkidle");
  const grid = await page.locator("#grid").screenshot();
  const file = path.join(root, "docs/images/demo.png");
  mkdirSync(path.dirname(file), { recursive: true });
  const { size } = await sharp(grid)
    .resize({ width: 840 })
    .png({ palette: true, colours: 80, effort: 10 })
    .toFile(file);
  console.log(`${path.relative(root, file)}: ${Math.round(size / 1000)} kB`);
} finally {
  await browser.close();
}
