/** Part of `npm run generate`: writes what documents show of the code. */
import { readFileSync, writeFileSync } from "node:fs";
import { OBSERVABILITY, observabilityOf } from "./observability.ts";

writeFileSync(OBSERVABILITY, observabilityOf(readFileSync(OBSERVABILITY, "utf8")));
