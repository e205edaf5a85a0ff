import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// What `npm pack` makes, installed into an empty project beside nothing but the declared dependencies.

const repository = resolve(import.meta.dirname, '../..')

interface Manifest {
  readonly version: string
  readonly exports: Readonly<Record<string, string | { types: string; default: string }>>
  readonly bin: { readonly weir: string }
  readonly dependencies: Readonly<Record<string, string>>
}

const manifest: Manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
const project = mkdtempSync(join(tmpdir(), 'weir-package-'))
const installed = join(project, 'node_modules/weir')

beforeAll(() => {
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', project], {
    cwd: repository,
    stdio: 'pipe',
  })
  mkdirSync(installed, { recursive: true })
  const tarball = join(project, `weir-${manifest.version}.tgz`)
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) link(name)
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

function link(name: string, into = project): void {
  const place = join(into, 'node_modules', name)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(join(repository, 'node_modules', name), place, 'dir')
}

function node(args: readonly string[], cwd = project) {
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
}

/** Compiles a program of the project, as strictly as can be. */
function compiled(program: string, ...more: readonly string[]) {
  const tsc = join(repository, 'node_modules/typescript/bin/tsc')
  const flags = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  return node([tsc, ...flags, '--skipLibCheck', ...more, program])
}

const modules = Object.entries(manifest.exports).flatMap(([path, target]) =>
  typeof target === 'string' ? [] : [{ specifier: path.replace('.', 'weir'), ...target }],
)

describe('the packed package', () => {
  test('holds what ships and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
    const shipped =
      /^(dist\/(src|crdt|cluster|sim)\/.+\.(js|js\.map|d\.ts)|package\.json|LICENSE|README\.md|CHANGELOG\.md)$/
    expect(files.filter((file) => !shipped.test(file))).toEqual([])
    expect(files).toContain('LICENSE')
  })

  test.each(modules)('has the code and the types of $specifier', (module) => {
    expect(existsSync(join(installed, module.default))).toBe(true)
    expect(existsSync(join(installed, module.types))).toBe(true)
  })

  test.each(modules)('lets a program import $specifier', ({ specifier }) => {
    const program = `const all = await import('${specifier}'); console.log(Object.keys(all).length)`
    const { status, stdout, stderr } = node(['--input-type=module', '--eval', program])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(Number(stdout)).toBeGreaterThan(0)
  })

  test.each([
    ['weir/client', ['undici']],
    ['weir/fastify', ['fastify-plugin', 'structured-headers']],
    ['weir/express', ['structured-headers']],
  ])('needs for %s no package but %j', (specifier, packages) => {
    const alone = mkdtempSync(join(tmpdir(), 'weir-alone-'))
    try {
      cpSync(installed, join(alone, 'node_modules/weir'), { recursive: true })
      for (const name of packages) link(name, alone)
      const program = `await import('${specifier}')`
      const { status, stderr } = node(['--input-type=module', '--eval', program], alone)
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    } finally {
      rmSync(alone, { recursive: true })
    }
  })

  test('type-checks in a strict program', () => {
    const imports = modules.map(
      ({ specifier }, index) => `export * as m${index} from '${specifier}'`,
    )
    writeFileSync(join(project, 'program.ts'), imports.join('\n'))
    const { status, stdout } = compiled('program.ts', '--noEmit')
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  })

  test('brings the command', () => {
    const { status, stdout } = node([join(installed, manifest.bin.weir), '--help'])
    expect(status).toBe(0)
    expect(stdout).toContain('weir')
  })
})

describe('the examples of the page on the client', () => {
  const page = readFileSync(join(repository, 'docs/reference/client.md'), 'utf8')
  const examples = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)

  test('compiles every one', () => {
    expect(examples.length).toBeGreaterThanOrEqual(3)
    for (const name of ['express', '@types/express']) link(name)
    for (const [index, example] of examples.entries()) {
      writeFileSync(join(project, `example-${index}.ts`), example)
      const { status, stdout } = compiled(`example-${index}.ts`, '--noEmit')
      expect({ status, stdout }, example).toEqual({ status: 0, stdout: '' })
    }
  })

  test('runs the first one against a node', () => {
    const socket = `unix:${join(project, 'weir.sock')}`
    const rules = [{ name: 'per-user', limits: [{ rate: '100/m', burst: 3 }] }]
    writeFileSync(
      join(project, 'run.ts'),
      `import { createNode } from 'weir'
       const node = await createNode({ rules: ${JSON.stringify(rules)} })
       await node.listen('${socket}')
       await import('./example.js')
       await node.close()`,
    )
    const example = examples[0]?.replace('unix:/run/weir.sock', socket) ?? ''
    writeFileSync(join(project, 'example.ts'), example)
    expect(compiled('run.ts').stdout).toBe('')
    const { status, stdout, stderr } = node(['run.js'])
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: '2 left\n2\nunknown_rule\n',
      stderr: '',
    })
  })
})
