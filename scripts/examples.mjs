// Compiles the examples of the documents and of the docstrings against the built package, and runs
// those marked "ts runnable" or "sh runnable", each in a sandbox of its own.
//
//   node scripts/examples.mjs [FILE…]     those of all files, or of some

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import typescript from "typescript";
import { blocksOf, documents } from "./markdown.mjs";
import { globSources, root } from "./tree.mjs";

/** @typedef {import("./markdown.mjs").Block & { path: string }} Example */

// Below the package, so that "vethwork" in an example means this checkout.
const directory = join(root, "build/examples");

/** What comes before an example for the shell: a place for the plan, and the command. */
const shellPrelude = `set -eu
mount -t tmpfs -o mode=755 tmpfs /var/lib
PATH="${directory}/bin:$PATH"
`;

/** The command as it is once the package is installed: a program of that name. */
function writeCommand() {
  mkdirSync(join(directory, "bin"));
  const line = `exec "${process.execPath}" "${join(root, "dist/cli/main.js")}" "$@"`;
  writeFileSync(join(directory, "bin/vethwork"), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
}

/** What an example may take for granted, if it is not to run. */
const given = {
  "namespace, host, guest, left, right": 'import("vethwork").Namespace',
  "veth, bridge": 'import("vethwork").Link',
  controller: 'import("vethwork/network").Controller',
  signal: "AbortSignal",
  http: 'typeof import("node:http")',
  handler: 'import("node:http").RequestListener',
  "beforeEach, afterEach": "(hook: () => void | Promise<void>) => void",
};

/** Says what is wrong with an example, where the reader finds it. */
let failures = 0;
/**
 * @param {import("./markdown.mjs").Block} block
 * @param {string} problem
 * @param {number} [line] of the code, from 1; that of the fence is 0
 */
function fail(block, problem, line = 0) {
  failures++;
  console.error(`${block.file}:${block.line + line}: ${problem}`);
}

/** @param {string[]} files */
function examplesOf(files) {
  const blocks = files.flatMap((file) => blocksOf(file, readFileSync(join(root, file), "utf8")));
  /** @type {Example[]} */
  const examples = [];
  for (const block of blocks) {
    const { file, line, language, mark } = block;
    if (language !== "ts" && mark === "") continue;
    const known = ["ts", "sh"].includes(language) && ["", "runnable"].includes(mark);
    if (!known) fail(block, `what is a block "${language} ${mark}"?`);
    const name = `${file.replaceAll("/", "-").replace(/\.\w+$/, "")}-${line}.${language}`;
    examples.push({ ...block, path: join(directory, name) });
  }
  return examples;
}

/** Whether an example says itself where its names are from; another one has those of all doors. */
const whole = (/** @type {Example} */ { code }) => /^import\b/m.test(code);

/** The global names that examples have. */
async function writeNames() {
  const doors = {
    vethwork: "index",
    "vethwork/testing": "testing/index",
    "vethwork/network": "network/index",
  };
  const exported = [];
  for (const [door, file] of Object.entries(doors)) {
    for (const name of Object.keys(await import(join(root, `dist/${file}.js`)))) {
      exported.push(`const ${name}: typeof import("${door}").${name};`);
    }
  }
  const variables = Object.entries(given).flatMap(([names, type]) =>
    names.split(", ").map((name) => `const ${name}: ${type};`),
  );
  const write = (/** @type {string} */ file, /** @type {string[]} */ lines) => {
    writeFileSync(join(directory, file), `declare global {\n${lines.join("\n")}\n}\nexport {};\n`);
    return join(directory, file);
  };
  return { given: write("given.d.ts", variables), exported: write("exported.d.ts", exported) };
}

/**
 * Compiles examples, as strictly as the library itself; the program's host keeps what it has read.
 *
 * @param {readonly Example[]} examples
 * @param {readonly string[]} names files with what they may take for granted
 * @param {typescript.CompilerHost} host
 * @param {typescript.CompilerOptions} options
 */
function compile(examples, names, host, options) {
  for (const { path, code } of examples) writeFileSync(path, code);
  const paths = examples.map(({ path }) => path);
  const program = typescript.createProgram([...paths, ...names], options, host);
  for (const name of names) {
    const [wrong] = program.getSemanticDiagnostics(program.getSourceFile(name));
    if (wrong) throw new Error(typescript.flattenDiagnosticMessageText(wrong.messageText, "\n"));
  }
  for (const example of examples) {
    const source = program.getSourceFile(example.path);
    if (source === undefined) throw new Error(`${example.path} was not compiled`);
    const found = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    for (const { messageText, start = 0 } of found) {
      const { line } = source.getLineAndCharacterOfPosition(start);
      fail(example, typescript.flattenDiagnosticMessageText(messageText, "\n"), line + 1);
    }
    if (example.mark === "runnable") program.emit(source);
  }
}

/** The compiler's settings, and what reads for it, each file once. */
function compiler() {
  const { config } = typescript.readConfigFile(
    join(root, "tsconfig.json"),
    typescript.sys.readFile,
  );
  const { options } = typescript.parseJsonConfigFileContent(config, typescript.sys, root);
  Object.assign(options, {
    // Resource management (`await using`) is newer than the oldest Node that is supported.
    target: typescript.ScriptTarget.ES2022,
    noEmit: false,
    allowJs: false,
    // An example may end where it has shown what it shows.
    noUnusedLocals: false,
    noUnusedParameters: false,
  });
  const host = typescript.createCompilerHost(options);
  /** @type {Map<string, typescript.SourceFile | undefined>} */
  const sources = new Map();
  const read = host.getSourceFile;
  host.getSourceFile = (path, ...rest) => {
    if (!sources.has(path)) sources.set(path, read(path, ...rest));
    return sources.get(path);
  };
  return { host, options };
}

/** @param {Example} example */
function run(example) {
  console.log(`${example.file}:${example.line}`);
  const shell = example.language === "sh";
  if (shell) writeFileSync(example.path, shellPrelude + example.code);
  const script = shell ? ["sh", example.path] : [example.path.replace(/\.ts$/, ".js")];
  const line = [join(root, "scripts/sandbox.mjs"), ...script];
  const { status, signal } = spawnSync(process.execPath, line, {
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 20_000,
  });
  if (status !== 0) fail(example, `the example failed (${signal ?? `exit code ${status}`})`);
}

const files = process.argv.slice(2);
const examples = examplesOf(
  files.length > 0 ? files : [...documents(), ...globSources("lib", [".ts"])],
);

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
writeCommand();
const names = await writeNames();
const { host, options } = compiler();
const typed = examples.filter(({ language }) => language === "ts");
compile(typed.filter(whole), [names.given], host, options);
const bare = typed.filter((example) => !whole(example));
compile(bare, [names.given, names.exported], host, options);

const runnable = examples.filter(({ mark }) => mark === "runnable");
// What does not compile is not run: its failure has been told.
if (failures === 0) runnable.forEach(run);
if ((files.length > 0 ? examples : runnable).length === 0) {
  console.error("no example was found");
  failures++;
}
console.log(
  failures > 0
    ? `${failures} failures in ${examples.length} examples`
    : `${typed.length} examples compiled, ${runnable.length} ran`,
);
process.exitCode = failures > 0 ? 1 : 0;
