// Drives one engine: `main.js chromium|firefox|webkit|node`, with what `tests/run` has installed in
// FANTAIL_CLIENTS. A line on stdin is a command, `{"do": …}`; the line that it gets back is
// `{"ok": …}` or `{"failed": …}`. The end of stdin is the end of the engine, so that nothing is
// left when a test dies.

import { createInterface } from "node:readline";

const engines = {
  chromium: async () => (await import("./puppeteer.js")).chromium(),
  firefox: async () => (await import("./puppeteer.js")).firefox(),
  webkit: async () => (await import("./webkit.js")).webkit(),
  node: async () => (await import("./libraries.js")).libraries(),
};

const say = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

const engine = await engines[process.argv[2]]();
say({ ok: engine.version });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    say({ ok: (await engine[command.do](command)) ?? null });
  } catch (error) {
    say({ failed: String(error?.stack ?? error) });
  }
}
await engine.end();
process.exit();
