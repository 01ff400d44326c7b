// The clients that Node programs use.

import { load } from "./installed.js";
import { watch } from "./watch.js";

export async function libraries() {
  const eventsource = await load("eventsource");
  const undici = await load("undici");
  const watched = watch({
    "eventsource": eventsource.EventSource,
    "undici": undici.EventSource,
  });
  return { ...watched, version: process.version, end() {} };
}
