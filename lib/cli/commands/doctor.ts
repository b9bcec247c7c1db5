// `vethwork doctor`: what is wrong with a host, and what mends it.

import type { Command } from "../command.ts";
import { controllerOptions, withController } from "../controller.ts";
import { formatOf, formatOption, json } from "../output.ts";

export const doctorCommand: Command = {
  name: "doctor",
  summary: "tells what is wrong, and what mends it; ends with 1 if something is",
  usage: "",
  options: { ...formatOption, ...controllerOptions },
  words: [0, 0],
  run: (args) =>
    withController(args, async (controller) => {
      const format = formatOf(args, ["table", "json"]);
      const findings = await controller.diagnose();
      const lines = findings.map(
        ({ level, subject, problem, fix }) => `${level}: ${subject}: ${problem}\n  ${fix}\n`,
      );
      const text = format === "json" ? json(findings) : lines.join("");
      process.stdout.write(text === "" ? "nothing is wrong\n" : text);
      return findings.some(({ level }) => level === "error") ? 1 : 0;
    }),
};
