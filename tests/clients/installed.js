// What `tests/run` has installed: not below this folder, so that nothing is written into the tree.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.FANTAIL_CLIENTS}/package.json`);

// A package as Node sees it.
export const load = (name) => import(pathToFileURL(require.resolve(name)));

export const text = (name) => readFileSync(require.resolve(name), "utf8");
