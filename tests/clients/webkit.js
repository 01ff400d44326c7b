// WebKitGTK's MiniBrowser, over the W3C's WebDriver protocol, on a display of its own.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { shown } from "./page.js";
import { VIEW } from "./view.js";

export async function webkit() {
  const home = mkdtempSync(join(tmpdir(), "fantail-browser-"));
  const display = start("Xvfb", ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"], {});
  const number = await firstLine(display);
  const port = await freePort();
  // It starts the browser, which is one of its group.
  const driver = start("WebKitWebDriver", [`--port=${port}`], { HOME: home, DISPLAY: `:${number}` });
  const session = await begin(`http://127.0.0.1:${port}`);
  const ask = (path, body) => post(`${session.url}/${path}`, body);
  await ask("window/rect", { x: 0, y: 0, ...VIEW });
  return shown({
    goto: (url) => ask("url", { url }),
    run: (text) => ask("execute/sync", { script: `return (${text});`, args: [] }),
    picture: async () => answer(await fetch(`${session.url}/screenshot`)),
    async quit() {
      await fetch(session.url, { method: "DELETE" });
      await ended(driver, "SIGKILL");
      await ended(display, "SIGTERM"); // which removes its lock file
      rmSync(home, { recursive: true, force: true });
    },
  }, session.version);
}

// A group of its own: a browser that outlives its driver is ended with it.
function start(command, args, variables) {
  return spawn(command, args, {
    detached: true,
    env: { ...process.env, ...variables },
    // What Xvfb says is about displays that others have.
    stdio: ["ignore", "pipe", command === "Xvfb" ? "ignore" : "inherit"],
  });
}

function ended(child, signal) {
  return new Promise((resolve) => {
    child.once("exit", resolve);
    process.kill(-child.pid, signal);
  });
}

async function firstLine(child) {
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error(`${child.spawnfile} has said nothing`);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function begin(root) {
  await ready(`${root}/status`);
  const [binary] = globSync("/usr/lib/*/webkit2gtk-4.*/MiniBrowser");
  const options = { binary, args: ["--automation"] };
  const { sessionId, capabilities } = await post(`${root}/session`, {
    capabilities: { alwaysMatch: { acceptInsecureCerts: true, "webkitgtk:browserOptions": options } },
  });
  return {
    url: `${root}/session/${sessionId}`,
    version: `${capabilities.browserName} ${capabilities.browserVersion}`,
  };
}

// The driver listens some time after its start.
async function ready(url) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await answer(await fetch(url));
    } catch (error) {
      if (tries > 400) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function post(url, body) {
  return answer(await fetch(url, { method: "POST", body: JSON.stringify(body) }));
}

async function answer(response) {
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
  return value;
}
