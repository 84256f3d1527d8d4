import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { OBSERVABILITY, observabilityOf } from "../docs/generate/observability.ts";
import { parseConfig } from "../src/config/parse-config.ts";
import { routerErrors } from "../src/domain/router-error.ts";

type BiomeConfig = {
  readonly overrides: readonly {
    readonly includes: readonly string[];
    readonly linter: {
      readonly rules: { readonly style?: { readonly noRestrictedImports?: unknown } };
    };
  }[];
};

/** Folders that compute from their arguments and their own state. */
const pureFolders = [
  "domain",
  "decode",
  "catalog",
  "plan",
  "score",
  "config",
  "trace",
  "metrics",
  "ledger",
];

/** Folders in which every file has a unit test. */
const testedFolders = [
  "attempt",
  "catalog",
  "config",
  "decode",
  "observe",
  "plan",
  "score",
  "trace",
  "metrics",
  "ledger",
];

/** Files that hold only types or data, which compile or not and have nothing to run. */
const untested = /^src\/config\/config\.ts$/;

/** What the linter cannot see, because it looks at global names and at whole import statements. */
const impure = [
  { name: "randomness", pattern: /\bMath\s*\.\s*random\b/ },
  { name: "timer", pattern: /\bAbortSignal\s*\.\s*timeout\b/ },
  { name: "inline import", pattern: /\bimport\s*\(/ },
  { name: "detour out of a permitted folder", pattern: /["'][^"']*\w\/\.\.\// },
];

/** Never empty: a check that read nothing proves nothing. */
function filesMatching(pattern: string): readonly string[] {
  const files = globSync(pattern).sort();
  expect(files, pattern).not.toHaveLength(0);
  return files;
}

test("scripts and tests run on Node 24 or later", () => {
  expect(Number.parseInt(process.versions.node, 10)).toBeGreaterThanOrEqual(24);
});

describe.each(pureFolders)("src/%s", (folder) => {
  test.each(impure)("holds no $name", ({ pattern }) => {
    const files = filesMatching(`src/${folder}/**/*.ts`);
    expect(files.filter((file) => pattern.test(readFileSync(file, "utf8")))).toEqual([]);
  });
});

test("only main.ts reads the environment, and only it starts or ends the process", () => {
  const files = filesMatching("src/**/*.ts").filter((file) => file !== "src/main.ts");
  const touching = /\bprocess\s*\.\s*(env|exit|argv|on|stdout|stderr|stdin|kill)\b/;
  expect(files.filter((file) => touching.test(codeOf(file)))).toEqual([]);
});

test("every folder of src has an import rule", () => {
  const { overrides }: BiomeConfig = JSON.parse(readFileSync(".biome.json", "utf8"));
  const ruled = overrides
    .filter(({ linter }) => linter.rules.style?.noRestrictedImports !== undefined)
    .flatMap(({ includes }) => includes.flatMap(foldersOf));
  const folders = readdirSync("src", { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(folders).not.toHaveLength(0);
  expect(folders.filter((folder) => !ruled.includes(folder))).toEqual([]);
});

test("every unit test has its source file", () => {
  const sources = filesMatching("test/unit/**/*.test.ts").map((file) =>
    file.replace(/^test\/unit\/(.*)\.test\.ts$/, "src/$1.ts"),
  );
  expect(sources.filter((source) => globSync(source).length === 0)).toEqual([]);
});

test.each(testedFolders)("every file of src/%s has its unit test", (folder) => {
  const tests = filesMatching(`src/${folder}/**/*.ts`)
    .filter((file) => !untested.test(file))
    .map((file) => file.replace(/^src\/(.*)\.ts$/, "test/unit/$1.test.ts"));
  expect(tests.filter((file) => globSync(file).length === 0)).toEqual([]);
});

test("the README's error table and the code list the same codes", () => {
  const rows = readFileSync("README.md", "utf8").matchAll(/^\| `([a-z-]+)` \| (\w+) \|/gm);
  const documented = Object.fromEntries([...rows].map(([, code, source]) => [code, { source }]));
  expect(documented).toEqual(routerErrors);
});

test("docs/observability.md shows every span, metric, alert and key as the code has it", () => {
  const document = readFileSync(OBSERVABILITY, "utf8");
  expect(document, "npm run generate writes it").toBe(observabilityOf(document));
});

test("docs/observability.md names every variable of OpenTelemetry that the code does", () => {
  const document = readFileSync(OBSERVABILITY, "utf8");
  const named = filesMatching("src/**/*.ts").flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/\bOTEL_[A-Z_]*[A-Z]\b/g)].map(([name]) => name),
  );
  expect(named).not.toHaveLength(0);
  expect(named.filter((name) => !document.includes(`\`${name}\``))).toEqual([]);
});

test("every file that the documents link to is there", () => {
  const broken = filesMatching("{README.md,docs/**/*.md}").flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = ""]) => join(dirname(file), target))
      .filter((target) => !existsSync(target))
      .map((target) => `${file}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test("every dependency has its reason in docs/dependencies.md, and nothing else has", () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const rows = readFileSync("docs/dependencies.md", "utf8").matchAll(/^\| `([^`]+)` \|/gm);
  const documented = [...rows].map(([, name]) => name).sort();
  expect(documented).toEqual(
    [...Object.keys(dependencies), ...Object.keys(devDependencies)].sort(),
  );
});

test("the lockfile names no registry", () => {
  expect(readFileSync("package-lock.json", "utf8")).not.toMatch(/"resolved"/);
});

test("the lockfile holds the builds of every package for every platform", () => {
  type Locked = { readonly optionalDependencies?: Readonly<Record<string, string>> };
  const { packages }: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
    readFileSync("package-lock.json", "utf8"),
  );
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        packages[`node_modules/${name}`] === undefined &&
        packages[`${path}/node_modules/${name}`] === undefined,
    ),
  );
  expect(missing).toEqual([]);
});

test("the README's configuration is valid", () => {
  const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(readFileSync("README.md", "utf8")) ?? [];
  const parsed = parseConfig(yaml, { OPENAI_API_KEY: "k" });
  expect(parsed).toMatchObject({ ok: true });
});

/** Without whole lines of comments, which may name what code may not do. */
function codeOf(file: string): string {
  return readFileSync(file, "utf8").replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
}

/** `src/{plan,score}/**` names plan and score. */
function foldersOf(glob: string): readonly string[] {
  return /^src\/\{?([\w,-]+)\}?\//.exec(glob)?.[1]?.split(",") ?? [];
}
