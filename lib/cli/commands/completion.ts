// `vethwork completion`: scripts by which shells complete commands and options, from their tables.

import { type Command, UsageError } from "../command.ts";

const optionsOf = ({ options }: Command) =>
  [...Object.keys(options).map((name) => `--${name}`), "--help"].join(" ");

/** Second words by first words. */
function groups(commands: readonly Command[]): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const { name } of commands) {
    const [first = "", second] = name.split(" ");
    const seconds = all.get(first) ?? [];
    all.set(first, second === undefined ? seconds : [...seconds, second]);
  }
  return all;
}

function bash(commands: readonly Command[]): string {
  const words = groups(commands);
  const seconds = [...words]
    .filter(([, list]) => list.length > 0)
    .map(([first, list]) => `    ${first}) words="${list.join(" ")}" ;;`);
  const options = commands.map(
    (command) => `    "${command.name}"*) options="${optionsOf(command)}" ;;`,
  );
  return `_vethwork() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="" options=""
  case "\${COMP_WORDS[1]}" in
${seconds.join("\n")}
  esac
  case "\${COMP_WORDS[*]:1:2}" in
${options.join("\n")}
  esac
  if ((COMP_CWORD == 1)); then words="${[...words.keys()].join(" ")}"
  elif [[ $current == -* ]]; then words="$options"
  elif ((COMP_CWORD > 2)); then words=""
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _vethwork vethwork
`;
}

const zsh = (commands: readonly Command[]) =>
  `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;

function fish(commands: readonly Command[]): string {
  const words = groups(commands);
  const firsts = [...words.keys()].map(
    (first) => `complete -c vethwork -n __fish_use_subcommand -f -a ${first}`,
  );
  const others = commands.flatMap(({ name, summary, options }) => {
    const [first = "", second] = name.split(" ");
    const seen = (word: string) => `__fish_seen_subcommand_from ${word}`;
    const place = second === undefined ? seen(first) : `${seen(first)}; and ${seen(second)}`;
    const own = second === undefined ? [] : [`-n '${seen(first)}' -f -a ${second} -d '${summary}'`];
    const flags = Object.keys(options).map((option) => `-n '${place}' -l ${option}`);
    return [...own, ...flags].map((rest) => `complete -c vethwork ${rest}`);
  });
  return `${[...firsts, ...others].join("\n")}\n`;
}

const shells: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash,
  zsh,
  fish,
};

/** The command, which knows all others. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    summary: "prints what has a shell complete commands: bash, zsh or fish",
    usage: "SHELL",
    options: {},
    words: [1, 1],
    run: async ({ words: [shell = ""] }) => {
      const write = shells[shell];
      if (write === undefined) throw new UsageError("the shell is bash, zsh or fish");
      return write(commands());
    },
  };
}
