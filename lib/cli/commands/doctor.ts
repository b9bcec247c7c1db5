// `vethwork doctor`: what keeps networks from working, and what helps.

import type { Diagnosis } from "../../network/index.ts";
import type { Call } from "../call.ts";
import { type Command, exitCodes } from "../command.ts";
import { hostOptions, withController } from "../host.ts";

/** Others name links and namespaces as they like, but do not write to the terminal. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}

function textOf({ level, code, subject, problem, fix }: Diagnosis): string {
  return `${plain(`${level}: ${subject}: ${problem} (${code})`)}\n  ${plain(fix)}`;
}

async function run(call: Call): Promise<number> {
  const { repairs, found } = await withController(call, {}, async (controller) => {
    const repairs = call.flag("repair") ? await controller.reconcile() : [];
    return { repairs, found: await controller.doctor() };
  });
  const mended = repairs.filter(({ error }) => error === undefined);
  if (call.text("format") === "json") call.printJson(found);
  else {
    for (const { subject, problem, remedy } of mended) {
      call.print(`mended: ${subject}: ${problem}; ${remedy}`);
    }
    for (const diagnosis of found) call.print(textOf(diagnosis));
    if (found.length === 0) call.print("nothing found");
  }
  const failed = found.some(({ level }) => level === "error");
  return failed ? exitCodes.failed : exitCodes.done;
}

export const doctorCommand: Command = {
  name: "doctor",
  summary: "tells what keeps networks from working, and what helps",
  about: `Looks for what keeps networks from working, and tells of each thing what helps. It changes
nothing. It ends with 1 if there is an error among what it finds; warnings alone are none.`,
  options: {
    repair: { help: "mends first what is not as the plan says" },
    format: { value: "FORMAT", choices: ["text", "json"], help: "the form of what is told" },
    ...hostOptions,
  },
  run,
};
