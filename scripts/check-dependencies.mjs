// Which package may import what. Arrows point inward only: protocol, runtime ← core ← transport-*, ingress-*, plugin-*;
// protocol, runtime ← client; a plugin has a half of either. Run by `npm run lint`; the rules are shown one by one in check-dependencies.test.mjs.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const scope = '@callboard/';
const containerFile = 'packages/core/src/container.ts';
const containerOnly = ['tsyringe', 'reflect-metadata'];

/** Workspace packages that the sources of a package may import, by the package's folder: the first match counts. */
const arrows = [
  [/^protocol$/, []],
  [/^runtime$/, []],
  [/^core$/, ['protocol', 'runtime']],
  [/^client$/, ['protocol', 'runtime']],
  [/^plugin-/, ['core', 'client', 'protocol', 'runtime']],
  [/^/, ['core', 'protocol']],
];
/** What tests may import besides. */
const inTests = /^(testkit|transport-.+)$/;

/** @returns {string[]} one line per broken rule; none when all is well */
export function checkDependencies(root) {
  const packages = readPackages(root);
  const forTests = Object.keys(readJson(join(root, 'package.json')).devDependencies ?? {});
  return packages.flatMap((pkg) =>
    sourceFiles(join(pkg.path, 'src')).flatMap((path) => {
      const file = relative(root, path).split(sep).join('/');
      const isTest = /\.test\.[cm]?tsx?$/.test(file);
      return readImports(readFileSync(path, 'utf8'))
        .map((found) => checkImport({ ...found, path, file, isTest, pkg, packages, forTests }))
        .filter((problem) => problem !== undefined)
        .map((problem) => `${file}: ${problem}`);
    }),
  );
}

/** @returns {{ specifier: string, typeOnly: boolean }[]} static, side-effect and dynamic imports, and re-exports */
export function readImports(source) {
  const code = source.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/^[ \t]*\/\/.*$/gm, '');
  const statement = /^[ \t]*(?:import|export)\s+(type\s+)?[\w\s{},*$]*?(?:\bfrom\s*)?(['"])([^'"\n]+)\2/gm;
  const call = /\bimport\s*\(\s*(['"])([^'"\n]+)\1/g;
  return [
    ...[...code.matchAll(statement)].map((m) => ({ specifier: m[3], typeOnly: m[1] !== undefined })),
    ...[...code.matchAll(call)].map((m) => ({ specifier: m[2], typeOnly: false })),
  ];
}

function checkImport({ specifier, typeOnly, path, file, isTest, pkg, packages, forTests }) {
  if (specifier.startsWith('.')) {
    const target = resolve(path, '..', specifier);
    const inside = target.startsWith(pkg.path + sep);
    return inside ? undefined : `'${specifier}' leaves the package; import the other one by its name`;
  }
  if (specifier.startsWith('#')) {
    return specifier in (pkg.manifest.imports ?? {}) ? undefined : `'${specifier}' is not among the imports`;
  }
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `'${specifier}' is built in: write 'node:${specifier}'`;
    return pkg.folder === 'protocol' && !isTest
      ? `protocol imports nothing, not even '${specifier}'`
      : undefined;
  }

  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (name === pkg.name) return `'${specifier}' is this package itself: import the file`;
  if (containerOnly.includes(name) && file.replace('.test.ts', '.ts') !== containerFile)
    return `'${name}' is imported by ${containerFile} alone`;

  if (name.startsWith(scope)) {
    const other = packages.find((p) => p.name === name);
    if (!other) return `'${name}' is no package of this workspace`;
    const folder = other.folder;
    const allowed = arrows.find(([pattern]) => pattern.test(pkg.folder))[1];
    // A client is tested with a server, and what comes in beside clients by what they are given.
    const otherEnd =
      (pkg.folder === 'client' && folder === 'core') ||
      (pkg.folder.startsWith('ingress-') && folder === 'client');
    if (isTest && (inTests.test(folder) || otherEnd)) return checkSubpath(specifier, other);
    if (!allowed.includes(folder)) return `${pkg.folder} may not import ${folder}`;
    return checkDeclared(name, pkg, isTest, forTests) ?? checkSubpath(specifier, other);
  }

  if (pkg.folder === 'protocol' && !isTest) {
    const typesOfSchema = name === '@standard-schema/spec' && typeOnly;
    if (!typesOfSchema)
      return `protocol imports nothing but types of '@standard-schema/spec', so not '${name}'`;
  }
  return checkDeclared(name, pkg, isTest, forTests);
}

function checkDeclared(name, { manifest }, isTest, forTests) {
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
  if (isTest) Object.assign(declared, manifest.devDependencies);
  if (name in declared || (isTest && forTests.includes(name))) return undefined;
  return `'${name}' is not among the dependencies in package.json`;
}

function checkSubpath(specifier, { name, manifest }) {
  const subpath = `.${specifier.slice(name.length)}`;
  return subpath in (manifest.exports ?? {}) ? undefined : `'${specifier}' is not exported by ${name}`;
}

function readPackages(root) {
  const base = join(root, 'packages');
  return readdirSync(base)
    .map((folder) => join(base, folder))
    .filter((path) => existsSync(join(path, 'package.json')))
    .map((path) => {
      const manifest = readJson(join(path, 'package.json'));
      return { path, folder: basename(path), name: manifest.name, manifest };
    });
}

function sourceFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((file) => /\.[cm]?tsx?$/.test(file))
    .sort()
    .map((file) => join(folder, file));
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = checkDependencies(resolve(import.meta.dirname, '..'));
  for (const problem of problems) console.error(problem);
  console.log(
    problems.length === 0 ? 'Dependency rules: all kept.' : `Dependency rules: ${problems.length} broken.`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
