// Runs around every test file: what it made has to be gone afterwards.

import { afterAll, beforeAll } from "vitest";
import { checkLeaks } from "../../lib/testing/leaks.ts";

/** The namespaces of test files that run in other processes at the same time. */
const foreign = (name: string) =>
  name.startsWith("vethwork-") && !name.startsWith(`vethwork-${process.pid}-`);

checkLeaks({ before: beforeAll, after: afterAll }, { ignore: foreign });
