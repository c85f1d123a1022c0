import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const places = [
  process.env["CYTOLENS_CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const executable = places.find((place) => place !== undefined && existsSync(place));

/** `describe` with a real browser, where the machine has one; elsewhere the tests are listed as skipped, with the reason in the name. */
export function describeInBrowser(name: string, body: (browser: () => Browser) => void): void {
  if (executable === undefined) {
    describe.skip(`${name} (skipped: no Chromium found; install one or set CYTOLENS_CHROMIUM)`, () =>
      body(() => undefined as never));
    return;
  }
  describe(name, () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await chromium.launch({
        executablePath: executable,
        args: [
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
        ],
      });
    }, 60_000);
    afterAll(() => browser.close());
    body(() => browser);
  });
}
