// Chromium (DevTools protocol) and Firefox (WebDriver BiDi), as Debian has them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { load } from "./installed.js";
import { shown } from "./page.js";
import { VIEW } from "./view.js";

export const chromium = () => launch("chrome", "/usr/bin/chromium", [
  "--no-sandbox", // root has none
  "--disable-dev-shm-usage",
  // A page that was left keeps its connections in there, six of which are all that there are.
  "--disable-features=BackForwardCache",
  "--no-proxy-server",
]);

export const firefox = () => launch("firefox", "/usr/bin/firefox-esr", []);

async function launch(browser, executablePath, args) {
  const { default: puppeteer } = await load("puppeteer-core");
  const home = mkdtempSync(join(tmpdir(), "fantail-browser-"));
  const running = await puppeteer.launch({
    browser,
    executablePath,
    args,
    headless: true,
    acceptInsecureCerts: true,
    defaultViewport: null,
    userDataDir: join(home, "profile"),
    env: { ...process.env, HOME: home },
  });
  const [page] = await running.pages();
  await page.setViewport(VIEW);
  return shown({
    goto: (url) => page.goto(url),
    run: (text) => page.evaluate(text),
    picture: () => page.screenshot({ encoding: "base64" }),
    async quit() {
      await running.close();
      rmSync(home, { recursive: true, force: true });
    },
  }, await running.version());
}
