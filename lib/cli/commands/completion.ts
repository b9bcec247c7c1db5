// `vethwork completion`: scripts by which shells complete the command, made from the table.

import type { Call } from "../call.ts";
import { type Command, exitCodes, type Options } from "../command.ts";

/** What can stand behind the names of a command, and behind those of its options that take words. */
interface Place {
  /** `"network create"` */
  readonly path: string;
  readonly words: readonly string[];
  /** For an option, under each of its names: the words that it takes; none if they are free. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

function optionNames(options: Options): string[] {
  const names = Object.entries(options).flatMap(([name, { also = [] }]) => [name, ...also]);
  return [...names, "help"].map((name) => `--${name}`);
}

function valuesOf(options: Options): Map<string, readonly string[]> {
  const rows = Object.entries(options).flatMap(([name, option]) => {
    const { short, also = [], value, choices = [] } = option;
    if (value === undefined) return [];
    const names = [name, ...also].map((one) => `--${one}`);
    return [...names, ...(short ? [`-${short}`] : [])].map((one) => [one, choices] as const);
  });
  return new Map(rows);
}

/** The command itself and all below it. */
function placesOf({ commands = [], options = {}, operands = [] }: Command, path = ""): Place[] {
  const words = [
    ...commands.map(({ name }) => name),
    ...operands.flatMap(({ choices = [] }) => choices),
    ...new Set(optionNames(options)),
  ];
  const below = commands.flatMap((command) => placesOf(command, `${path} ${command.name}`.trim()));
  return [{ path, words, values: valuesOf(options) }, ...below];
}

/** What the words before the cursor lead to, in whichever shell; each pattern is `PLACE:WORD`. */
interface Rules {
  /** A command's name leads to its place. */
  readonly steps: readonly { readonly pattern: string; readonly place: string }[];
  /** Options behind which a value stands. */
  readonly valued: readonly string[];
  /** Those of them that take certain words. */
  readonly choices: readonly { readonly pattern: string; readonly found: string }[];
  /** What stands in a place otherwise. */
  readonly places: readonly { readonly pattern: string; readonly found: string }[];
}

function rulesOf(root: Command): Rules {
  const places = placesOf(root);
  const valued = places.flatMap(({ path, values }) =>
    [...values].map(([option, words]) => ({
      pattern: `${path}:${option}`,
      found: words.join(" "),
    })),
  );
  return {
    steps: places.flatMap(({ path }) => {
      if (path === "") return [];
      const cut = path.lastIndexOf(" ");
      const pattern = `${path.slice(0, Math.max(cut, 0))}:${path.slice(cut + 1)}`;
      return [{ pattern, place: path }];
    }),
    valued: valued.map(({ pattern }) => pattern),
    choices: valued.filter(({ found }) => found !== ""),
    places: places.map(({ path, words }) => ({ pattern: path, found: words.join(" ") })),
  };
}

/** Lines that bash and zsh have in common: what is in `before` comes to what is in `found`. */
function finder({ steps, valued, choices, places }: Rules): string[] {
  const any = valued.map((pattern) => `"${pattern}"`).join("|");
  return [
    '  local place="" last="" word="" found="" value=""',
    `  for word in "\${before[@]}"; do`,
    '    last="$word"',
    '    if [ -n "$value" ]; then value="" last=""; continue; fi',
    '    case "$place:$word" in',
    ...steps.map(({ pattern, place }) => `      "${pattern}") place="${place}" ;;`),
    `      ${any}) value=1 ;;`,
    "    esac",
    "  done",
    '  case "$place:$last" in',
    ...choices.map(({ pattern, found }) => `    "${pattern}") found="${found}" ;;`),
    `    ${any}) found="" ;;`,
    "    *)",
    '      case "$place" in',
    ...places.map(({ pattern, found }) => `        "${pattern}") found="${found}" ;;`),
    "      esac ;;",
    "  esac",
  ];
}

function bash(rules: Rules): string[] {
  return [
    '# Completes vethwork in bash: eval "$(vethwork completion bash)"',
    "_vethwork() {",
    `  local before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")`,
    ...finder(rules),
    `  COMPREPLY=($(compgen -W "$found" -- "\${COMP_WORDS[COMP_CWORD]}"))`,
    "}",
    "complete -o default -F _vethwork vethwork",
  ];
}

function zsh(rules: Rules): string[] {
  return [
    "#compdef vethwork",
    '# Completes vethwork in zsh: eval "$(vethwork completion zsh)"',
    "_vethwork() {",
    `  local -a before=("\${(@)words[2,CURRENT-1]}")`,
    ...finder(rules),
    `  if [ -n "$found" ]; then compadd -- \${=found}; else _files; fi`,
    "}",
    "# In a directory of completions, the file is the body of the function.",
    'if [ "$funcstack[1]" = _vethwork ]; then _vethwork "$@"; else compdef _vethwork vethwork; fi',
  ];
}

function fish({ steps, valued, choices, places }: Rules): string[] {
  const offer = ({ pattern, found }: { pattern: string; found: string }) =>
    `case "${pattern}"; string split -- " " "${found}"`;
  return [
    "# Completes vethwork in fish: vethwork completion fish | source",
    "function __vethwork_words",
    '  set -l place ""; set -l last ""; set -l value ""',
    "  for word in (commandline -opc)[2..]",
    "    set last $word",
    '    if test -n "$value"; set value ""; set last ""; continue; end',
    '    switch "$place:$word"',
    ...steps.map(({ pattern, place }) => `      case "${pattern}"; set place "${place}"`),
    `      case ${valued.map((pattern) => `"${pattern}"`).join(" ")}; set value 1`,
    "    end",
    "  end",
    '  switch "$place:$last"',
    ...choices.map((choice) => `    ${offer(choice)}`),
    `    case ${valued.map((pattern) => `"${pattern}"`).join(" ")}`,
    '    case "*"',
    '      switch "$place"',
    ...places.map((place) => `        ${offer(place)}`),
    "      end",
    "  end",
    "end",
    "# Where words are known, files are not meant.",
    'complete -c vethwork -f -n "count (__vethwork_words) >/dev/null" -a "(__vethwork_words)"',
  ];
}

const shells: Readonly<Record<string, (rules: Rules) => string[]>> = { bash, zsh, fish };

async function run(call: Call): Promise<number> {
  const lines = shells[call.operand(0)]?.(rulesOf(call.root)) ?? [];
  call.print(lines.join("\n"));
  return exitCodes.done;
}

export const completionCommand: Command = {
  name: "completion",
  summary: "prints what makes a shell complete this command",
  about: "Prints a script by which a shell completes the names and options of this command.",
  examples: [
    'eval "$(vethwork completion bash)"',
    "vethwork completion fish > ~/.config/fish/completions/vethwork.fish",
  ],
  operands: [{ name: "SHELL", choices: Object.keys(shells) }],
  run,
};
