// What an engine that shows pages is asked for, over the little that each driver offers:
// `goto(url)`, `run(text)` (evaluates an expression in the page), `picture()` (PNG, base64), `quit()`.

import { writeFileSync } from "node:fs";

import { text } from "./installed.js";
import { asEventSource, watch } from "./watch.js";

// CommonJS, of three files that require each other.
const FETCH = ["parse", "fetch", "index"].map((name) => {
  const source = text(`@microsoft/fetch-event-source/lib/cjs/${name}.js`);
  return `${JSON.stringify(`./${name}`)}: (exports, require) => { ${source}\n }`;
});

const PRELUDE = `(() => {
  const files = { ${FETCH.join(",\n")} };
  const done = {};
  const require = (name) => {
    if (!done[name]) files[name](done[name] = {}, require);
    return done[name];
  };
  ${text("event-source-polyfill/src/eventsource.js")}
  ${asEventSource}
  ${watch}
  window.fantail = watch({
    "native": window.EventSource,
    "event-source-polyfill": window.EventSourcePolyfill,
    "fetch-event-source": asEventSource(require("./index").fetchEventSource),
  });
  return null;
})()`;

// While one page gives way to the next there is none to evaluate anything in.
async function settled(run) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      if (tries > 100 || !/context|navigat|frame|destroyed/i.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export function shown(page, version) {
  const inPage = (verb) => (command) => page.run(`window.fantail.${verb}(${JSON.stringify(command)})`);
  return {
    version,
    // Away from the page before, whose streams end with it, and its connections with them.
    async go({ url }) {
      await page.goto("about:blank");
      await page.goto(url);
    },
    async watch() {
      await page.run(PRELUDE);
    },
    open: inPage("open"),
    seen: inPage("seen"),
    close: inPage("close"),
    run: ({ script }) => settled(() => page.run(script)),
    async shoot({ file }) {
      writeFileSync(file, Buffer.from(await page.picture(), "base64"));
    },
    end: () => page.quit(),
  };
}
