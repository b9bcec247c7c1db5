// Runs around every test file: what it made has to be gone afterwards.

import { afterAll, beforeAll } from "vitest";
import { checkLeaks } from "../../lib/testing/leaks.ts";
import { foreign } from "./foreign.ts";

checkLeaks({ before: beforeAll, after: afterAll }, { ignore: foreign });
